"""The walk through a handler in docs/handlers.md, executed over our reader: code, request and answer."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from quire.models.build_model import build_default_model
from quire.models.model_folder import default_model_dir
from tests.documented import block, docs_page, section
from tests.fakes.handlers_that_users_write import UsersRequest
from tests.fakes.running_engine import RunningEngine, running_engine
from tests.handlers.conftest import Load


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[RunningEngine]:
    build_default_model(default_model_dir(), print)
    environ = {"SAGEMAKER_BASE_DIR": str(tmp_path / "no-model"), "QUIRE_DEVICE": "cpu"}
    with running_engine(tmp_path / "engine", {**environ, "QUIRE_DEVICE_WORKERS": "1"}) as running:
        yield running


def test_the_walk_through_does_what_it_says(load: Load, reader: RunningEngine, repository: Path) -> None:
    text = section(docs_page(repository, "handlers.md"), "## A walk through one handler")
    _, *lines = block(text, "http").strip().splitlines()
    headers = dict(line.split(": ", 1) for line in lines)
    (link,) = re.findall(r"\]\((.*?)\) as its body", text)
    document = repository / "docs" / link
    asked = UsersRequest("the walk", document.read_bytes(), headers.pop("Content-Type"), headers=headers)
    answer = load(block(text, "python"), reader.address).ask(asked)
    assert json.loads(answer.body) == json.loads(block(text, "json"))
    assert answer.content_type == "application/json"
