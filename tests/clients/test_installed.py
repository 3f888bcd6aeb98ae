"""What is installed of other people's clients is pinned by hash, from wherever it comes."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.clients.installed import CannotInstall, node_folder

HERE = Path(__file__).parent
LOCKS = sorted(HERE.glob("*.lock"))


def test_node_packages_are_hashed_and_name_no_registry() -> None:
    text = (HERE / "package-lock.json").read_text(encoding="utf-8")
    assert not re.findall(r"https?:|resolved", text)
    packages = {name: entry for name, entry in json.loads(text)["packages"].items() if name}
    assert packages
    assert [name for name, entry in packages.items() if "integrity" not in entry] == []


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_python_packages_are_hashed_and_name_no_registry(lock: Path) -> None:
    text = lock.read_text(encoding="utf-8")
    assert not re.findall(r"https?:|file:/|--index|--extra|--find|--trusted", text)
    for entry in re.split(r"\n(?=\S)", text):
        assert entry.startswith("#") or re.match(r"[\w.-]+==\S+ \\\n    --hash=sha256:", entry), entry[:80]


def test_missing_program_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CannotInstall, match="node is missing: install nodejs and npm"):
        node_folder()
