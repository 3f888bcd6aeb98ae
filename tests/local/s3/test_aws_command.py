"""The AWS CLI's own idea of S3: a folder goes there and back."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.aws_program import aws_program
from tests.fakes.bare_url import BareUrl

Run = Callable[..., str]


@pytest.fixture
def aws(bare: BareUrl, tmp_path: Path) -> Run:
    """Runs the command against our URL, and returns what it prints."""
    program = aws_program()
    settings = {"ENDPOINT_URL": bare.url, "ACCESS_KEY_ID": "a", "SECRET_ACCESS_KEY": "b", "PAGER": ""}
    named = {f"AWS_{name}": value for name, value in settings.items()}
    environ = {**os.environ, **named, "AWS_DEFAULT_REGION": "eu-west-1", "AWS_REGION": "eu-west-1"}

    def run(*arguments: str) -> str:
        ran = subprocess.run([program, *arguments], env=environ, cwd=tmp_path, capture_output=True, text=True)
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    return run


def test_a_folder_there_and_back(aws: Run, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "sub").mkdir(parents=True)
    (tree / "sub" / "ä b+c.txt").write_text("text")
    (tree / "large").write_bytes(os.urandom(9_000_000))
    aws("s3", "mb", "s3://from-the-command")
    aws("s3", "sync", "tree", "s3://from-the-command/in")
    assert aws("s3", "sync", "tree", "s3://from-the-command/in") == ""
    listed = aws("s3", "ls", "--recursive", "s3://from-the-command")
    assert [line.split(maxsplit=3)[2:] for line in listed.splitlines()] == [
        ["9000000", "in/large"],
        ["4", "in/sub/ä b+c.txt"],
    ]
    aws("s3", "mv", "--recursive", "s3://from-the-command/in", "s3://from-the-command/out")
    aws("s3", "cp", "--recursive", "s3://from-the-command/out", "back")
    assert (tmp_path / "back" / "sub" / "ä b+c.txt").read_text() == "text"
    assert (tmp_path / "back" / "large").read_bytes() == (tree / "large").read_bytes()
    aws("s3", "rb", "--force", "s3://from-the-command")
