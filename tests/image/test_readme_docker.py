"""README's lines with docker do what README says."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.image.running_image import engine
from tests.readme import shell_blocks


@pytest.mark.skipif(shutil.which("curl") is None, reason="README's requests are made with curl")
def test_reading_through_the_image(repository: Path, image: str, tmp_path: Path) -> None:
    """`make image` has made the image under test already, under another name."""
    (block,) = (block for block in shell_blocks(repository) if "docker run" in block)
    first, _, rest = block.partition("\n")
    assert first == "make image"
    docker = tmp_path / "docker"
    docker.symlink_to(shutil.which(os.environ["CONTAINER_ENGINE"]) or "")
    try:
        done = subprocess.run(
            ["bash", "-e", "-c", rest.replace(" quire serve", f" {image} serve")],
            cwd=repository,
            env={**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"},
            capture_output=True,
            text=True,
            timeout=300,
        )
    finally:
        engine("rm", "--force", "quire")
    assert done.returncode == 0, done.stderr
    answer, _ = json.JSONDecoder().raw_decode(done.stdout[done.stdout.index('{"schema"') :])
    assert answer["pages"][0]["text"].startswith("Tidewater Fittings Ltd")
