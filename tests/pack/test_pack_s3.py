"""Uploads to a real S3 server on this machine (moto's)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from quire_endpoint.pack_files import CannotPack, PackedFile, list_files
from quire_endpoint.pack_s3 import S3Prefix, upload
from tests.fakes.packable_folders import hugging_face, write

BUCKET = "models-of-ours"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3(server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", server)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    client = boto3.client("s3")
    client.create_bucket(Bucket=BUCKET)
    yield client
    for found in client.list_objects_v2(Bucket=BUCKET).get("Contents", ()):
        client.delete_object(Bucket=BUCKET, Key=found["Key"])
    client.delete_bucket(Bucket=BUCKET)


def keys(s3: Any) -> list[str]:
    return [found["Key"] for found in s3.list_objects_v2(Bucket=BUCKET).get("Contents", ())]


def test_files_lie_below_the_prefix_as_they_are(s3: Any, tmp_path: Path) -> None:
    folder = hugging_face(tmp_path)
    seen: list[int] = []
    upload(list_files(folder), S3Prefix.parse(f"s3://{BUCKET}/forms/3"), seen.append)
    assert keys(s3) == ["forms/3/config.json", "forms/3/model.safetensors", "forms/3/tokenizer.json"]
    stored = s3.get_object(Bucket=BUCKET, Key="forms/3/model.safetensors")["Body"].read()
    assert stored == (folder / "model.safetensors").read_bytes()
    assert sum(seen) == sum(file.num_bytes for file in list_files(folder))


def test_a_large_file_goes_in_parts(s3: Any, tmp_path: Path) -> None:
    content = bytes(range(256)) * 4096 * 11
    path = write(tmp_path / "model.safetensors", content)
    file = PackedFile("w", path, len(content), False)
    upload([file], S3Prefix(BUCKET, "m/"), lambda more: None, part_bytes=5 * 1024 * 1024)
    head = s3.head_object(Bucket=BUCKET, Key="m/w")
    assert head["ETag"].strip('"').endswith("-3"), "an ETag of parts says how many"
    assert s3.get_object(Bucket=BUCKET, Key="m/w")["Body"].read() == content


def test_an_upload_can_be_repeated(s3: Any, tmp_path: Path) -> None:
    files, prefix = list_files(hugging_face(tmp_path)), S3Prefix(BUCKET, "m/")
    upload(files[:1], prefix, lambda more: None)
    upload(files, prefix, lambda more: None)
    assert len(keys(s3)) == 3


@pytest.mark.parametrize(
    ("stranger", "says"), [("m/old.bin", "not of this model"), ("m/code/", "folder mark")]
)
def test_a_prefix_that_holds_anything_else_is_refused(
    s3: Any, tmp_path: Path, stranger: str, says: str
) -> None:
    s3.put_object(Bucket=BUCKET, Key=stranger, Body=b"")
    with pytest.raises(CannotPack, match=says):
        upload(list_files(hugging_face(tmp_path)), S3Prefix(BUCKET, "m/"), lambda more: None)
    assert keys(s3) == [stranger]


def test_a_neighbours_prefix_is_no_stranger(s3: Any, tmp_path: Path) -> None:
    s3.put_object(Bucket=BUCKET, Key="model-2/config.json", Body=b"")
    upload(list_files(hugging_face(tmp_path)), S3Prefix.parse(f"s3://{BUCKET}/model"), lambda more: None)
    assert len(keys(s3)) == 4


def test_a_bucket_that_is_not_there_is_one_sentence(s3: Any, tmp_path: Path) -> None:
    with pytest.raises(CannotPack, match="s3://nobodys-bucket/m/"):
        upload(list_files(hugging_face(tmp_path)), S3Prefix("nobodys-bucket", "m/"), lambda more: None)


def test_a_key_that_is_too_long_is_refused_before_anything_is_sent(s3: Any, tmp_path: Path) -> None:
    long = "/".join(["p" * 200] * 5)
    file = PackedFile("n" * 100, write(tmp_path / "x"), 0, False)
    with pytest.raises(CannotPack, match="longer than 1024"):
        upload([file], S3Prefix(BUCKET, f"{long}/"), lambda more: None)
    assert keys(s3) == []


@pytest.mark.parametrize(
    ("text", "key"),
    [("s3://my-bucket/a", "a/"), ("s3://my-bucket/a/b/", "a/b/"), ("s3://my-bucket/a//", "a/")],
)
def test_a_prefix_ends_with_one_slash(text: str, key: str) -> None:
    assert S3Prefix.parse(text) == S3Prefix("my-bucket", key)


@pytest.mark.parametrize(
    "text",
    ["", "my-bucket/a", "s3://", "s3://my-bucket", "s3://my-bucket/", "s3://Bad_/a", "s3://my-bucket/a//b"],
)
def test_what_is_no_prefix_is_refused(text: str) -> None:
    with pytest.raises(CannotPack):
        S3Prefix.parse(text)
