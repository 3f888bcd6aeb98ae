"""Checksums: what the client says of its bytes is checked; what cannot be is kept as it was said."""

from __future__ import annotations

import base64
import zlib
from http.client import HTTPConnection
from typing import Any

import pytest

from quire_endpoint.local.s3.checksums import composite
from tests.fakes.bare_url import BareUrl
from tests.local.s3.seen import body_of, error_of

CRC32 = base64.b64encode(zlib.crc32(b"hello world").to_bytes(4, "big")).decode()


def sent(bare: BareUrl, path: str, body: bytes, **headers: str) -> tuple[int, str]:
    """A put as no SDK of ours would make it: status and body."""
    connection = HTTPConnection("127.0.0.1", bare.server.port, timeout=20)
    try:
        connection.request(
            "PUT", path, body, {name.replace("_", "-"): text for name, text in headers.items()}
        )
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


@pytest.mark.parametrize("algorithm", ["CRC32", "SHA1", "SHA256"])
def test_computed_and_given_back(s3: Any, bucket: str, algorithm: str) -> None:
    put = s3.put_object(Bucket=bucket, Key="k", Body=b"hello world", ChecksumAlgorithm=algorithm)
    got = s3.get_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert body_of(got) == b"hello world"
    assert got[f"Checksum{algorithm}"] == put[f"Checksum{algorithm}"]
    wrong = {f"Checksum{algorithm}": base64.b64encode(b"no").decode()}
    assert error_of(s3.put_object, Bucket=bucket, Key="k2", Body=b"x", **wrong) == ("BadDigest", 400)
    assert error_of(s3.head_object, Bucket=bucket, Key="k2") == ("404", 404)


def test_one_that_is_not_ours_to_compute_is_kept(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", ChecksumCRC64NVME="AAAAAAAAAAA=")
    headed = s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert (headed["ChecksumCRC64NVME"], headed["ChecksumType"]) == ("AAAAAAAAAAA=", "FULL_OBJECT")


def test_md5_of_older_clients(bare: BareUrl, s3: Any, bucket: str) -> None:
    right = "XrY7u+Ae7tCTyyK7j1rNww=="
    assert sent(bare, f"/{bucket}/k", b"hello world", Content_MD5=right)[0] == 200
    status, text = sent(bare, f"/{bucket}/k", b"hello worlds", Content_MD5=right)
    assert (status, "BadDigest" in text) == (400, True)
    status, text = sent(bare, f"/{bucket}/k", b"hello worlds", Content_MD5="none")
    assert (status, "InvalidDigest" in text) == (400, True)
    assert body_of(s3.get_object(Bucket=bucket, Key="k")) == b"hello world"


def chunked(*chunks: bytes, trailer: str = "") -> bytes:
    framed = b"".join(b"%x;chunk-signature=0\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)
    return framed + b"0\r\n" + trailer.encode() + b"\r\n"


def test_aws_chunked_with_a_trailer(bare: BareUrl, s3: Any, bucket: str) -> None:
    headers = {
        "Content_Encoding": "aws-chunked,gzip",
        "X_Amz_Content_Sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "X_Amz_Decoded_Content_Length": "11",
        "X_Amz_Trailer": "x-amz-checksum-crc32",
    }
    body = chunked(b"hello ", b"world", trailer=f"x-amz-checksum-crc32:{CRC32}\r\n")
    assert sent(bare, f"/{bucket}/k", body, **headers)[0] == 200
    got = s3.get_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert (body_of(got), got["ContentEncoding"]) == (b"hello world", "gzip")
    assert got["ChecksumCRC32"] == CRC32
    wrong = chunked(b"HELLO ", b"world", trailer=f"x-amz-checksum-crc32:{CRC32}\r\n")
    assert "BadDigest" in sent(bare, f"/{bucket}/k", wrong, **headers)[1]


@pytest.mark.parametrize(
    "body", [b"", b"zz\r\n", b"5\r\nhel", b"5\r\nhello", b"3\r\nhello\r\n0\r\n\r\n", chunked(b"hello")]
)
def test_aws_chunked_that_is_broken_or_too_short(bare: BareUrl, s3: Any, bucket: str, body: bytes) -> None:
    headers = {
        "X_Amz_Content_Sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "X_Amz_Decoded_Content_Length": "6",
    }
    status, text = sent(bare, f"/{bucket}/k", body, **headers)
    assert (status, "IncompleteBody" in text) == (400, True)
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)


def test_composite_of_one_that_python_lacks() -> None:
    """The check value of CRC-32C is that of the nine digits."""
    parts = [base64.b64encode(digits).decode() for digits in (b"123", b"456", b"789")]
    assert composite("crc32c", parts) == base64.b64encode(bytes.fromhex("e3069283")).decode() + "-3"
    assert composite("crc32c", [*parts, ""]) is None
    assert composite("crc64nvme", parts) is None
