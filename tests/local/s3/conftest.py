"""A local URL with S3 behind it, for a module's tests; buckets are each test's own."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.bare_url import BareUrl
from tests.fakes.own_callers import Callers


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BareUrl]:
    with BareUrl(tmp_path_factory.mktemp("bare")) as running:
        yield running


@pytest.fixture(scope="module")
def callers(bare: BareUrl) -> Iterator[Callers]:
    with Callers(bare.url) as made:
        yield made


@pytest.fixture(scope="module")
def s3(callers: Callers) -> Any:
    """A boto3 client."""
    return callers("s3")


@pytest.fixture
def bucket(s3: Any) -> str:
    """The name of a new one."""
    name = f"bucket-{uuid.uuid4().hex[:12]}"
    s3.create_bucket(Bucket=name)
    return name


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """For a store of the test's own."""
    return tmp_path / "store"
