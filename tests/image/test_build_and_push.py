"""build_and_push.sh against moto's registry, the real AWS command line and a docker that builds nothing."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from tests.aws_program import aws_program

OURS, OTHERS = "123456789012", "210987654321"
REGION = "eu-west-1"
REGISTRY = f"{OURS}.dkr.ecr.{REGION}.amazonaws.com"
DOCKER = Path(__file__).parents[1] / "fakes" / "docker_that_pushes_to_ecr.py"
GIT_IDENTITY = (
    "-c",
    "user.name=A Tester",
    "-c",
    "user.email=tester@example.com",
    "-c",
    "commit.gpgsign=false",
)


pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@dataclass(frozen=True)
class Checkout:
    """A git repository with what the script needs, and an AWS without a past."""

    folder: Path
    endpoint: str
    bin: Path

    @property
    def revision(self) -> str:
        return self.git("rev-parse", "--short=12", "HEAD")

    def git(self, *arguments: str) -> str:
        done = subprocess.run(
            ["git", *GIT_IDENTITY, *arguments], cwd=self.folder, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def run(self, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        given = {
            "PATH": f"{self.bin}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(self.bin),
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "DOCKER_CALLS": str(self.bin / "calls"),
        }
        return subprocess.run(
            [self.folder / "build_and_push.sh", *arguments],
            env={**given, **environ},
            capture_output=True,
            text=True,
            timeout=120,
        )

    def calls(self) -> list[dict[str, Any]]:
        notes = self.bin / "calls"
        return [json.loads(line) for line in notes.read_text().splitlines()] if notes.exists() else []

    def registry(self, region: str = REGION) -> Any:
        keys = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
        return boto3.client("ecr", region, endpoint_url=self.endpoint, **keys)


@pytest.fixture
def checkout(tmp_path: Path, repository: Path, endpoint: str) -> Checkout:
    reset = urllib.request.Request(f"{endpoint}/moto-api/reset", method="POST")
    urllib.request.urlopen(reset).close()
    made = Checkout(tmp_path / "checkout", endpoint, tmp_path / "bin")
    for name in ("build_and_push.sh", "Dockerfile", "quire_endpoint/__init__.py"):
        (made.folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(repository / name, made.folder / name)
    made.bin.mkdir()
    docker = made.bin / "docker"
    docker.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{DOCKER}" "$@"\n')
    docker.chmod(0o755)
    (made.bin / "aws").symlink_to(aws_program())
    made.git("init", "--quiet")
    made.git("add", ".")
    made.git("commit", "--quiet", "--message", "all of it")
    return made


def test_it_creates_builds_logs_in_pushes_and_prints_the_digest(checkout: Checkout) -> None:
    done = checkout.run("--region", REGION)
    assert done.returncode == 0, done.stderr
    image = f"{REGISTRY}/quire:0.1.0-{checkout.revision}"
    build, login, push = checkout.calls()
    assert build["arguments"] == [
        *("build", "--platform", "linux/amd64"),
        *("--build-arg", "VERSION=0.1.0", "--build-arg", f"REVISION={checkout.revision}"),
        *("--tag", image, "."),
    ]
    assert build["attestations"] == "1"
    assert login["arguments"] == ["login", "--username", "AWS", "--password-stdin", REGISTRY]
    assert login["stdin"].strip()
    assert push["arguments"] == ["push", image]
    (pushed,) = checkout.registry().describe_images(repositoryName="quire")["imageDetails"]
    assert done.stdout == f"{REGISTRY}/quire@{pushed['imageDigest']}\n"
    (made,) = checkout.registry().describe_repositories()["repositories"]
    assert made["imageTagMutability"] == "IMMUTABLE"
    assert made["imageScanningConfiguration"] == {"scanOnPush": True}


def test_what_is_there_already_is_named_and_not_built_again(checkout: Checkout) -> None:
    first = checkout.run("--region", REGION)
    again = checkout.run("--region", REGION)
    assert (again.returncode, again.stdout) == (0, first.stdout)
    assert "is there already" in again.stderr
    assert len(checkout.calls()) == 3


def test_repository_that_exists_is_left_as_it_is(checkout: Checkout) -> None:
    checkout.registry().create_repository(repositoryName="documents/reader", imageTagMutability="MUTABLE")
    done = checkout.run(AWS_REGION=REGION, REPOSITORY="documents/reader")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{REGISTRY}/documents/reader@sha256:")
    (kept,) = checkout.registry().describe_repositories()["repositories"]
    assert kept["imageTagMutability"] == "MUTABLE"


@pytest.mark.parametrize("by", ["argument", "environment"])
def test_another_accounts_registry(checkout: Checkout, by: str) -> None:
    arguments, environ = (("--account", OTHERS), {}) if by == "argument" else ((), {"ACCOUNT": OTHERS})
    done = checkout.run("--region", REGION, *arguments, **environ)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{OTHERS}.dkr.ecr.{REGION}.amazonaws.com/quire@sha256:")
    assert f"another account than {OURS}" in done.stderr
    (made,) = checkout.registry().describe_repositories(registryId=OTHERS)["repositories"]
    assert made["registryId"] == OTHERS


def test_registries_of_china_have_a_name_of_their_own(checkout: Checkout) -> None:
    done = checkout.run("--region", "cn-north-1")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{OURS}.dkr.ecr.cn-north-1.amazonaws.com.cn/quire@sha256:")


def test_another_torch_becomes_part_of_the_tag(checkout: Checkout) -> None:
    done = checkout.run("--region", REGION, "--torch", "torch==2.10.0+cpu", PIP_EXTRA_INDEX_URL="of the user")
    assert done.returncode == 0, done.stderr
    build = checkout.calls()[0]["arguments"]
    assert build[-5:] == ["--build-arg", "TORCH=torch==2.10.0+cpu", "--build-arg", "PIP_EXTRA_INDEX_URL", "."]
    assert f"{REGISTRY}/quire:0.1.0-{checkout.revision}-torch-2.10.0-cpu" in build


def test_dirty_tree_is_refused_unless_told(checkout: Checkout) -> None:
    (checkout.folder / "Dockerfile").write_text("FROM scratch\n")
    refused = checkout.run("--region", REGION)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "give --allow-dirty" in refused.stderr
    assert not checkout.calls()
    told = checkout.run("--region", REGION, "--allow-dirty")
    assert told.returncode == 0, told.stderr
    assert re.search(rf"quire:0\.1\.0-{checkout.revision}-dirty-\d{{8}}T\d{{6}}Z", told.stderr)
    assert f"REVISION={checkout.revision}-dirty" in checkout.calls()[0]["arguments"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "no region: give --region or set AWS_REGION"),
        (("--region",), "--region needs a value"),
        (("--regoin", REGION), "unknown argument --regoin"),
        (("--region", REGION, "--account", "12345"), "12345 is no account: twelve digits"),
    ],
)
def test_mistakes_are_named_and_nothing_is_done(
    checkout: Checkout, arguments: tuple[str, ...], says: str
) -> None:
    done = checkout.run(*arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert says in done.stderr
    assert not checkout.calls()


def test_registry_that_does_not_answer_is_no_reason_to_build(checkout: Checkout) -> None:
    done = checkout.run("--region", REGION, AWS_ENDPOINT_URL="http://127.0.0.1:1", AWS_MAX_ATTEMPTS="1")
    assert done.returncode == 1
    assert "AWS does not know the caller" in done.stderr
    assert not checkout.calls()
