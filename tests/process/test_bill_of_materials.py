"""The bill names what is installed, once each, and says where the model came from."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

from quire.process.bill_of_materials import debian_packages

STATUS = """Package: libssl3
Status: install ok installed
Architecture: amd64
Version: 3.0.17-1~deb12u2
Description: a library
 that goes on for lines

Package: gone
Status: deinstall ok config-files
Architecture: amd64
Version: 1
"""


def printed(repository: Path) -> dict[str, object]:
    environ = {**os.environ, "PYTHONPATH": str(repository / "code"), "IMAGE_VERSION": "1.2.3"}
    command = [sys.executable, "-m", "quire.process.bill_of_materials"]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
    found: dict[str, object] = json.loads(done.stdout)
    return found


def installed() -> set[str]:
    """Asked of an interpreter of its own: this one may have packages that others carry inside them."""
    listing = "import importlib.metadata as m; [print(one.metadata['Name']) for one in m.distributions()]"
    command = [sys.executable, "-P", "-c", listing]
    names = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    return {re.sub(r"[-_.]+", "-", name).lower() for name in names}


def test_bill_is_cyclonedx_and_names_every_python_package_once(repository: Path) -> None:
    bill = printed(repository)
    assert (bill["bomFormat"], bill["specVersion"], bill["version"]) == ("CycloneDX", "1.6", 1)
    assert bill["metadata"] == {"component": {"type": "container", "name": "quire", "version": "1.2.3"}}
    components = bill["components"]
    assert isinstance(components, list)
    named = [one["name"] for one in components if one.get("purl", "").startswith("pkg:pypi/")]
    assert sorted(named) == sorted(installed())


def test_bill_names_the_models_weights_and_their_licence(repository: Path) -> None:
    manifest = json.loads((repository / "model" / "default" / "manifest.json").read_bytes())
    components = printed(repository)["components"]
    assert isinstance(components, list)
    models = [one for one in components if one["type"] == "machine-learning-model"]
    digests = {file["sha256"] for file in manifest["files"] if file["path"].endswith(".safetensors")}
    assert {one["hashes"][0]["content"] for one in models} == digests
    assert {one["description"] for one in models} == {"Apache-2.0, from rapidocr==3.10.0"}


def test_debian_packages_are_those_installed(tmp_path: Path) -> None:
    (tmp_path / "status").write_text(STATUS)
    (found,) = debian_packages(tmp_path / "status")
    assert found.purl == "pkg:deb/debian/libssl3@3.0.17-1~deb12u2?arch=amd64"
    assert list(debian_packages(tmp_path / "absent")) == []
