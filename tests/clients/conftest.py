"""A local endpoint with one endpoint behind it, as other people's clients find it by AWS_ENDPOINT_URL."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from quire_endpoint.conformance.local_target import local_target
from quire_endpoint.conformance.plans import Plan
from quire_endpoint.conformance.stage import Stage
from tests.clients.installed import CannotInstall, node_folder, python_of


@dataclass(frozen=True)
class Served:
    """`environ` is what a user sets; the container does as requests ask: see conformance/container.py."""

    endpoint_name: str
    bucket: str
    role: str
    environ: dict[str, str]


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """In real time: these clients sleep by the wall's clock."""
    with local_target(speed=1) as target, Stage(target) as stage:
        deployed = stage.endpoint(Plan("clients", concurrency=4))
        home = tmp_path_factory.mktemp("home")
        yield Served(deployed.name, target.bucket, target.role, _environ(str(target.url), home))


def _environ(url: str, home: Path) -> dict[str, str]:
    """Nothing of the AWS settings of whoever runs the tests."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SAGEMAKER_"))}
    return {
        **kept,
        "HOME": str(home),
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_PAGER": "",
    }


@pytest.fixture(scope="session")
def javascript() -> Path:
    """A folder with the AWS SDK for JavaScript in it, and the program that uses it."""
    try:
        return node_folder()
    except CannotInstall as reason:
        pytest.skip(str(reason))


@pytest.fixture(scope="session")
def sagemaker_2() -> Path:
    """A Python that has the SageMaker SDK v2 and a boto3 without inline bodies."""
    return _python("sagemaker-2")


@pytest.fixture(scope="session")
def sagemaker_3() -> Path:
    """A Python that has the endpoints of the SageMaker SDK v3."""
    return _python("sagemaker-3")


def _python(lock: str) -> Path:
    try:
        return python_of(lock)
    except CannotInstall as reason:
        pytest.skip(str(reason))
