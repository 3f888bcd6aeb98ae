"""Path style, virtual-host style, presigned URLs, and what a browser or curl may do."""

from __future__ import annotations

import urllib.error
import urllib.request
from http.client import HTTPConnection
from typing import Any

import pytest

from quire_endpoint.local.s3.call import S3Call
from tests.fakes.bare_url import BareUrl
from tests.fakes.own_callers import Callers
from tests.local.s3.seen import body_of


@pytest.mark.parametrize(
    ("host", "path", "bucket", "key"),
    [
        ("127.0.0.1:8080", "/bucket/a%20b%2Fc%C3%BC", "bucket", "a b/cü"),
        ("127.0.0.1:8080", "/bucket", "bucket", ""),
        ("127.0.0.1:8080", "/", "", ""),
        ("localhost:8080", "/bucket//k", "bucket", "/k"),
        ("bucket.localhost:8080", "//k", "bucket", "/k"),
        ("bucket.localhost", "/", "bucket", ""),
        ("my.bucket.s3.localhost:8080", "/k", "my.bucket", "k"),
        ("s3.localhost:8080", "/bucket/k", "bucket", "k"),
        ("bucket.s3.eu-west-1.amazonaws.com", "/k?x=1", "bucket", "k"),
        ("bucket.s3.amazonaws.com", "http://bucket.s3.amazonaws.com/k", "bucket", "k"),
        ("s3.eu-west-1.amazonaws.com", "/bucket/k", "bucket", "k"),
        ("s3.amazonaws.com", "/bucket/k", "bucket", "k"),
    ],
)
def test_bucket_and_key(host: str, path: str, bucket: str, key: str) -> None:
    call = S3Call.of({"REQUEST_METHOD": "GET", "HTTP_HOST": host, "REQUEST_URI": path})
    assert (call.bucket, call.key) == (bucket, key)


def test_path_of_a_server_without_the_raw_one() -> None:
    call = S3Call.of({"REQUEST_METHOD": "GET", "PATH_INFO": "/bucket/\u00c3\u00bc%20"})
    assert call.key == "ü%20"


def test_virtual_host_style(bare: BareUrl, s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k ü", Body=b"1")
    connection = HTTPConnection("127.0.0.1", bare.server.port, timeout=20)
    connection.request("GET", "/k%20%C3%BC", headers={"Host": f"{bucket}.localhost:{bare.server.port}"})
    answer = connection.getresponse()
    assert (answer.status, answer.read()) == (200, b"1")
    connection.close()


@pytest.mark.parametrize("version", ["s3", "s3v4"])
def test_presigned(callers: Callers, bucket: str, version: str) -> None:
    s3 = callers("s3", config={"signature_version": version})
    key = {"Bucket": bucket, "Key": "a b ü"}
    request = urllib.request.Request(s3.generate_presigned_url("put_object", key), b"put", method="PUT")
    urllib.request.urlopen(request, timeout=20).close()
    named = key | {"ResponseContentType": "text/x"}
    with urllib.request.urlopen(s3.generate_presigned_url("get_object", named), timeout=20) as answer:
        assert (answer.read(), answer.headers["Content-Type"]) == (b"put", "text/x")


@pytest.mark.parametrize("version", ["s3", "s3v4"])
def test_presigned_and_expired(callers: Callers, bucket: str, version: str) -> None:
    s3 = callers("s3", config={"signature_version": version})
    s3.put_object(Bucket=bucket, Key="k", Body=b"1")
    url = s3.generate_presigned_url("get_object", {"Bucket": bucket, "Key": "k"}, ExpiresIn=-1)
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(url, timeout=20)
    with caught.value as answer:
        assert (answer.code, b"Request has expired" in answer.read()) == (403, True)


def test_unsigned(bare: BareUrl, s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"1")
    with urllib.request.urlopen(f"{bare.url}/{bucket}/k", timeout=20) as answer:
        assert answer.read() == b"1"
    assert body_of(s3.get_object(Bucket=bucket, Key="k")) == b"1"
