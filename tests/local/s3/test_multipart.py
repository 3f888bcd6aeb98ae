"""Multipart uploads through boto3, by hand and by its transfer manager."""

from __future__ import annotations

import hashlib
import io
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from boto3.s3.transfer import TransferConfig

from tests.fakes.bare_url import BareUrl
from tests.local.s3.seen import body_of, error_of

MIB = 1024 * 1024
FIVE = os.urandom(5 * MIB)


def begun(s3: Any, bucket: str) -> dict[str, str]:
    """The arguments that name a new upload."""
    upload = s3.create_multipart_upload(
        Bucket=bucket, Key="k", ContentType="text/plain", Metadata={"a_b": "1"}
    )
    return {"Bucket": bucket, "Key": "k", "UploadId": upload["UploadId"]}


def completed(s3: Any, upload: dict[str, str], *parts: tuple[int, str]) -> Any:
    listed = [{"PartNumber": number, "ETag": etag} for number, etag in parts]
    return s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": listed})


def test_by_the_transfer_manager(s3: Any, bucket: str) -> None:
    sent = FIVE * 4 + b"end"
    threads = TransferConfig(multipart_threshold=5 * MIB, multipart_chunksize=5 * MIB, max_concurrency=4)
    s3.upload_fileobj(io.BytesIO(sent), bucket, "k", Config=threads)
    headed = s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert headed["ETag"].endswith('-5"')
    assert headed["ChecksumType"] == "COMPOSITE"
    assert headed["ChecksumCRC32"].endswith("-5")
    received = io.BytesIO()
    s3.download_fileobj(bucket, "k", received, Config=threads)
    assert received.getvalue() == sent
    s3.copy({"Bucket": bucket, "Key": "k"}, bucket, "copied", Config=threads)
    assert body_of(s3.get_object(Bucket=bucket, Key="copied")) == sent


def test_parts_join_in_order_of_their_numbers(s3: Any, bucket: str, bare: BareUrl) -> None:
    upload = begun(s3, bucket)
    last = s3.upload_part(**upload, PartNumber=7, Body=b"end")["ETag"]
    s3.upload_part(**upload, PartNumber=2, Body=b"replaced")
    first = s3.upload_part(**upload, PartNumber=2, Body=FIVE)["ETag"]
    parts = s3.list_parts(**upload)["Parts"]
    assert [(part["PartNumber"], part["Size"]) for part in parts] == [(2, 5 * MIB), (7, 3)]
    assert [one["UploadId"] for one in s3.list_multipart_uploads(Bucket=bucket)["Uploads"]] == [
        upload["UploadId"]
    ]
    assert error_of(s3.get_object, Bucket=bucket, Key="k") == ("NoSuchKey", 404)
    digests = hashlib.md5(FIVE).digest() + hashlib.md5(b"end").digest()
    etag = f'"{hashlib.md5(digests).hexdigest()}-2"'
    assert completed(s3, upload, (2, first), (7, last))["ETag"] == etag
    got = s3.get_object(Bucket=bucket, Key="k")
    assert (body_of(got), got["ETag"], got["Metadata"]) == (FIVE + b"end", etag, {"a_b": "1"})
    assert body_of(s3.get_object(Bucket=bucket, Key="k", PartNumber=2)) == b"end"
    assert s3.head_object(Bucket=bucket, Key="k", PartNumber=1)["PartsCount"] == 2
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)


def test_what_cannot_be_completed(s3: Any, bucket: str) -> None:
    upload = begun(s3, bucket)
    one, two = (s3.upload_part(**upload, PartNumber=n, Body=b"small")["ETag"] for n in (1, 2))

    def error(*parts: tuple[int, str]) -> str:
        return error_of(lambda: completed(s3, upload, *parts))[0]

    assert error() == "MalformedXML"
    assert error((1, one), (2, two)) == "EntityTooSmall"
    assert error((2, two), (1, one)) == "InvalidPartOrder"
    assert error((1, '"wrong"')) == "InvalidPart"
    assert error((3, one)) == "InvalidPart"
    assert error_of(s3.upload_part, **upload, PartNumber=10_001, Body=b"") == ("InvalidArgument", 400)
    completed(s3, upload, (2, two))


def test_completed_again_by_a_client_that_did_not_hear_the_answer(s3: Any, bucket: str) -> None:
    upload = begun(s3, bucket)
    etag = s3.upload_part(**upload, PartNumber=1, Body=b"1")["ETag"]
    with ThreadPoolExecutor(4) as pool:
        at_once = [pool.submit(completed, s3, upload, (1, etag)) for _ in range(4)]
    answers = {(one.result()["ETag"], one.result()["Key"]) for one in [*at_once]}
    assert answers == {(completed(s3, upload, (1, etag))["ETag"], "k")}
    other = {**upload, "Key": "other"}
    assert error_of(completed, s3=s3, upload=other)[0] == "NoSuchUpload"
    assert error_of(s3.abort_multipart_upload, **upload) == ("NoSuchUpload", 404)
    assert body_of(s3.get_object(Bucket=bucket, Key="k")) == b"1"


def test_aborted_leaves_nothing(s3: Any, bucket: str) -> None:
    upload = begun(s3, bucket)
    s3.upload_part(**upload, PartNumber=1, Body=b"1")
    s3.abort_multipart_upload(**upload)
    assert error_of(s3.list_parts, **upload) == ("NoSuchUpload", 404)
    assert error_of(s3.upload_part, **upload, PartNumber=1, Body=b"1") == ("NoSuchUpload", 404)
    assert error_of(s3.get_object, Bucket=bucket, Key="k") == ("NoSuchKey", 404)


def test_a_part_copied_from_an_object(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="source", Body=b"0123456789")
    upload, source = begun(s3, bucket), {"Bucket": bucket, "Key": "source"}
    copied = s3.upload_part_copy(**upload, PartNumber=1, CopySource=source, CopySourceRange="bytes=2-4")
    completed(s3, upload, (1, copied["CopyPartResult"]["ETag"]))
    assert body_of(s3.get_object(Bucket=bucket, Key="k")) == b"234"
    wrong = {"CopySource": source, "CopySourceRange": "bytes=5-10"}
    assert error_of(s3.upload_part_copy, **begun(s3, bucket), PartNumber=1, **wrong)[0] == "InvalidArgument"


def test_a_file_of_many_parts_by_name(s3: Any, bucket: str, tmp_path: Path) -> None:
    (tmp_path / "sent").write_bytes(FIVE * 2)
    s3.upload_file(str(tmp_path / "sent"), bucket, "k")
    s3.download_file(bucket, "k", str(tmp_path / "got"))
    assert (tmp_path / "got").read_bytes() == FIVE * 2
