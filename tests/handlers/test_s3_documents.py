"""Documents named by s3_uri: what is allowed, and real boto3 against moto's server."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from quire.handlers import s3_documents
from quire.handlers.context import InvocationNotes, RequestContext
from quire.handlers.document_requests import read_document_request
from quire.handlers.s3_documents import S3Location, open_object
from quire.handlers.spooling import SpooledBody
from quire.words.errors import BodyTooLarge, DeadlineExceeded, S3Refused, S3Unavailable
from quire.words.settings import Settings

PNG = b"\x89PNG\r\n\x1a\n" + bytes(3_000_000)


@pytest.mark.parametrize(
    ("uri", "prefix"),
    [
        ("s3://bucket/a.pdf", "s3://bucket"),
        ("s3://bucket/a.pdf", "s3://bucket/"),
        ("s3://bucket/allowed/a.pdf", "s3://bucket/allowed"),
        ("s3://bucket/allowed/a.pdf", "s3://bucket/allowed/"),
        ("s3://bucket/allowed", "s3://bucket/allowed"),
        ("s3://bucket/allowed/ä b%20+?#.pdf", "s3://bucket/allowed"),
    ],
)
def test_what_lies_under_a_prefix_is_allowed(uri: str, prefix: str) -> None:
    location = S3Location.parse(uri, ["s3://other/", prefix])
    assert f"s3://{location.bucket}/{location.key}" == uri


@pytest.mark.parametrize(
    ("uri", "prefix"),
    [
        ("s3://bucket/allowed-evil/a.pdf", "s3://bucket/allowed"),
        ("s3://bucket/allowedevil", "s3://bucket/allowed"),
        ("s3://bucket-evil/a.pdf", "s3://bucket"),
        ("s3://bucket/allowed", "s3://bucket/allowed/"),
        ("s3://bucket/allowed/../secret.pdf", "s3://bucket/allowed"),
        ("s3://bucket/allowed/./a.pdf", "s3://bucket/allowed"),
        ("s3://bucket/Allowed/a.pdf", "s3://bucket/allowed"),
        ("S3://bucket/allowed/a.pdf", "s3://bucket/allowed"),
        ("https://bucket/allowed/a.pdf", "s3://bucket/allowed"),
        ("s3://bucket/allowed/a\n.pdf", "s3://bucket/allowed"),
        ("s3://bucket", "s3://bucket"),
        ("s3://bucket/", "s3://bucket"),
        ("s3://user@bucket/allowed/a.pdf", "s3://bucket/allowed"),
        ("s3://arn:aws:s3:::bucket/a.pdf", "s3://arn:aws:s3:::bucket"),
        ("", "s3://bucket"),
        ("s3://bucket/" + "k" * 1025, "s3://bucket"),
    ],
)
def test_everything_else_is_refused(uri: str, prefix: str) -> None:
    with pytest.raises(S3Refused):
        S3Location.parse(uri, [prefix])


def test_without_prefixes_nothing_is_allowed() -> None:
    with pytest.raises(S3Refused, match="QUIRE_ALLOWED_S3_PREFIXES"):
        S3Location.parse("s3://bucket/a.pdf", [])


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    boto3.setup_default_session()
    s3_documents._client.cache_clear()
    yield
    s3_documents._client.cache_clear()


@pytest.fixture(scope="module")
def moto_port() -> Iterator[int]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    yield server.get_host_and_port()[1]
    server.stop()


@pytest.fixture
def bucket(moto_port: int, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"http://127.0.0.1:{moto_port}")
    bucket = boto3.resource("s3").Bucket("documents")
    bucket.create(CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    bucket.put_object(Key="in/a.png", Body=PNG)
    yield bucket
    bucket.objects.delete()
    bucket.delete()


def context(directory: Path, **changes: Any) -> RequestContext:
    settings = Settings.from_environ(
        {
            "QUIRE_ALLOWED_S3_PREFIXES": "s3://documents/in/",
            "QUIRE_MIN_FREE_DISK_BYTES": "0",
            "QUIRE_MAX_BODY_BYTES": str(changes.pop("max_body_bytes", 2**30)),
        }
    )
    now = time.monotonic()
    return RequestContext(settings, directory, now, now + 60, notes=InvocationNotes("id-1"), **changes)


def json_body(directory: Path, text: str) -> SpooledBody:
    path = directory / "body"
    path.write_text(text)
    return SpooledBody(path, len(text), "")


def ask(directory: Path, key: str, **changes: Any) -> Any:
    body = json_body(directory, f'{{"document": {{"s3_uri": "s3://documents/{key}"}}}}')
    return read_document_request(body, "application/json", context(directory, **changes))


def test_an_object_becomes_a_document(bucket: Any, tmp_path: Path) -> None:
    request = ask(tmp_path, "in/a.png")
    assert (request.media_type, request.num_bytes, request.inference_id) == ("image/png", len(PNG), "id-1")
    assert request.path.read_bytes() == PNG


def test_an_object_over_the_cap_is_refused(bucket: Any, tmp_path: Path) -> None:
    with pytest.raises(BodyTooLarge):
        ask(tmp_path, "in/a.png", max_body_bytes=len(PNG) - 1)


def test_an_object_outside_the_prefixes_is_refused(bucket: Any, tmp_path: Path) -> None:
    with pytest.raises(S3Refused, match="QUIRE_ALLOWED_S3_PREFIXES"):
        ask(tmp_path, "out/a.png")


def test_a_missing_object_is_the_callers_fault(bucket: Any, tmp_path: Path) -> None:
    with pytest.raises(S3Refused, match="NoSuchKey"):
        ask(tmp_path, "in/none.png")


def test_a_missing_bucket_is_the_callers_fault(bucket: Any) -> None:
    with pytest.raises(S3Refused, match="NoSuchBucket"):
        open_object(S3Location("nowhere-at-all", "k"))


def test_a_deadline_ends_the_fetching(bucket: Any, tmp_path: Path) -> None:
    text = '{"document": {"s3_uri": "s3://documents/in/a.png"}, "options": {"deadline_seconds": 0.000001}}'
    with pytest.raises(DeadlineExceeded):
        read_document_request(json_body(tmp_path, text), "application/json", context(tmp_path))


def test_no_credentials_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    with pytest.raises(S3Refused, match="no credentials"):
        open_object(S3Location("documents", "in/a.png"))


class S3ThatAnswers:
    """A server that gives the same answer to every request, then hangs up."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                connection.recv(65536)
                connection.sendall(self._answer)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()


def error_answer(status: str, code: str) -> bytes:
    body = f"<Error><Code>{code}</Code><Message>m</Message></Error>".encode()
    return b"HTTP/1.1 %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (
        status.encode(),
        len(body),
        body,
    )


@pytest.fixture
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")


@pytest.mark.usefixtures("quick_retries")
@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (error_answer("403 Forbidden", "AccessDenied"), S3Refused),
        (error_answer("403 Forbidden", "InvalidObjectState"), S3Refused),
        (error_answer("400 Bad Request", "ExpiredToken"), S3Unavailable),
        (error_answer("403 Forbidden", "RequestTimeTooSkewed"), S3Unavailable),
        (error_answer("503 Slow Down", "SlowDown"), S3Unavailable),
        (error_answer("500 Internal", "InternalError"), S3Unavailable),
        (b"", S3Unavailable),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort", S3Unavailable),
    ],
    ids=range(8),
)
def test_whose_fault_it_is(answer: bytes, error: type[Exception], monkeypatch: pytest.MonkeyPatch) -> None:
    server = S3ThatAnswers(answer)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", server.url)
    try:
        with pytest.raises(error):
            list(open_object(S3Location("bucket", "key")).chunks)
    finally:
        server.close()


@pytest.mark.usefixtures("quick_retries")
def test_nobody_there(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"http://127.0.0.1:{port}")
    with pytest.raises(S3Unavailable):
        open_object(S3Location("bucket", "key"))
