"""What is this image made of? Prints a CycloneDX bill: packages of Debian and Python, and the model."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import msgspec

from quire.models.model_folder import ModelFolderError, default_model_dir, read_manifest

SPEC_VERSION = "1.6"
_DEBIAN_PACKAGES = Path("/var/lib/dpkg/status")


class Hash(msgspec.Struct, frozen=True):
    """`alg` as CycloneDX spells it."""

    alg: str
    content: str


class Component(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing in the image."""

    type: str
    name: str
    version: str
    purl: str = ""
    hashes: tuple[Hash, ...] = ()
    description: str = ""


class Metadata(msgspec.Struct, frozen=True):
    """Of what this is the bill."""

    component: Component


class Bill(msgspec.Struct, frozen=True, rename="camel"):
    """The document, as far as it is used here."""

    metadata: Metadata
    components: tuple[Component, ...]
    bom_format: str = "CycloneDX"
    spec_version: str = SPEC_VERSION
    version: int = 1


def bill(version: str) -> Bill:
    """Sorted, and the same for the same image."""
    components = {*debian_packages(), *python_packages(), *models(), python()}
    ordered = sorted(components, key=lambda component: (component.type, component.purl, component.name))
    return Bill(Metadata(Component("container", "quire", version or "unknown")), tuple(ordered))


def python() -> Component:
    version = platform.python_version()
    return Component("application", "python", version, f"pkg:generic/python@{version}")


def python_packages() -> Iterator[Component]:
    for distribution in importlib.metadata.distributions():
        name = re.sub(r"[-_.]+", "-", distribution.metadata["Name"]).lower()
        version = distribution.version
        yield Component("library", name, version, f"pkg:pypi/{name}@{quote(version)}")


def debian_packages(status: Path = _DEBIAN_PACKAGES) -> Iterator[Component]:
    """From dpkg's own file; none where there is none."""
    if not status.is_file():
        return
    for entry in status.read_text(encoding="utf-8").split("\n\n"):
        fields = dict(re.findall(r"^([A-Z][\w-]*): (.*)$", entry, re.MULTILINE))
        if fields.get("Status", "").endswith(" installed"):
            name, version, architecture = fields["Package"], fields["Version"], fields["Architecture"]
            purl = f"pkg:deb/debian/{quote(name)}@{quote(version)}?arch={architecture}"
            yield Component("library", name, version, purl)


def models() -> Iterator[Component]:
    """The built-in model, where it was built."""
    try:
        manifest = read_manifest(default_model_dir())
    except ModelFolderError:
        return
    for file in manifest.files:
        if file.path.endswith(".safetensors"):
            yield Component(
                "machine-learning-model",
                f"{manifest.name}/{file.path}",
                manifest.revision,
                hashes=(Hash("SHA-256", file.sha256),),
                description=f"{manifest.licence}, from {manifest.source}",
            )


def main(version: str) -> None:
    sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(bill(version)), indent=1) + b"\n")


if __name__ == "__main__":
    main(os.environ.get("IMAGE_VERSION", ""))
