"""docs/client.md says what is so: its program is run, its names exist."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

from quire_endpoint import AsyncEndpointClient
from quire_endpoint.client.sender import BACK_OFF_FACTOR, BACK_OFF_SECONDS
from quire_endpoint.client.settings import MAX_CALLS, ClientSettings
from quire_endpoint.local.up import LocalEndpoint
from tests.fakes.local_async_endpoint import ENDPOINT, PREFIX

PAGE = (Path(__file__).parents[2] / "docs" / "client.md").read_text(encoding="utf-8")


def test_program(local: LocalEndpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "documents").mkdir()
    (tmp_path / "documents" / "a.pdf").write_bytes(b"%PDF")
    (program,) = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    program = program.replace("my-endpoint", ENDPOINT).replace("s3://my-bucket/inputs", PREFIX)
    (tmp_path / "program.py").write_text(program)
    runpy.run_path(str(tmp_path / "program.py"))
    assert (tmp_path / "documents" / "a.pdf.json").read_bytes() == b"%PDF"


def test_methods_exist() -> None:
    table = PAGE[PAGE.index("| `submit(") : PAGE.index("## What is sent")]
    names = re.findall(r"`(\w+)\(", table)
    assert len(names) == 11
    assert all(callable(getattr(AsyncEndpointClient, name)) for name in names)


def test_figures() -> None:
    assert f"after {BACK_OFF_SECONDS:g} s and {BACK_OFF_SECONDS * BACK_OFF_FACTOR:g} s" in PAGE
    assert f"slack ({ClientSettings().slack_seconds / 60:g} minutes), three times" in PAGE
    assert (MAX_CALLS, ClientSettings().first_backlog) == (3, 4)
