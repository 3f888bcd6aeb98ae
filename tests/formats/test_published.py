"""The published JSON Schemas are up to date, and what is written obeys them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from quire.formats.published import PUBLISHED_ANSWERS, schema_text
from quire.formats.writing import write_reading
from tests.formats.readings import failed_page, read_page, reading


@pytest.mark.parametrize("file_name", PUBLISHED_ANSWERS)
def test_published_schema_is_up_to_date(repository: Path, file_name: str) -> None:
    published = (repository / "docs" / "schema" / file_name).read_text(encoding="utf-8")
    assert published == schema_text(file_name), "run `make docs`"


@pytest.mark.parametrize("file_name", PUBLISHED_ANSWERS)
def test_published_schema_is_a_schema(file_name: str) -> None:
    Draft202012Validator.check_schema(json.loads(schema_text(file_name)))


def test_documents_obey_the_schema() -> None:
    body = write_reading(reading(read_page(1), failed_page(2)), "application/json").body
    _validator("quire.document-1.json").validate(json.loads(body))


def test_pages_obey_the_schema() -> None:
    body = write_reading(reading(read_page(1), failed_page(2)), "application/jsonlines").body
    for line in body.splitlines():
        _validator("quire.page-1.json").validate(json.loads(line))


@pytest.mark.parametrize("missing", ["status", "pages", "reference"])
def test_schema_requires_every_property(missing: str) -> None:
    answer: dict[str, Any] = json.loads(write_reading(reading(read_page(1)), None).body)
    del answer[missing]
    assert not _validator("quire.document-1.json").is_valid(answer)


def test_schema_refuses_another_version() -> None:
    answer: dict[str, Any] = json.loads(write_reading(reading(read_page(1)), None).body)
    assert not _validator("quire.document-1.json").is_valid({**answer, "schema": "quire.document/2"})


def _validator(file_name: str) -> Draft202012Validator:
    return Draft202012Validator(json.loads(schema_text(file_name)))
