"""Objects through boto3: what is put comes back, whole or in part, under the conditions that were made."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.s3.seen import body_of, error_of

KEY = "in folder/ä b+c%20&=?.txt"


def test_put_comes_back_with_what_was_said_of_it(s3: Any, bucket: str) -> None:
    put = s3.put_object(
        Bucket=bucket,
        Key=KEY,
        Body=b"text",
        ContentType="text/plain; charset=utf-8",
        ContentDisposition='attachment; filename="a.txt"',
        CacheControl="no-store",
        Metadata={"with_underscore": "1", "with-dash": "2"},
    )
    got = s3.get_object(Bucket=bucket, Key=KEY)
    assert body_of(got) == b"text"
    assert put["ETag"] == got["ETag"] == f'"{hashlib.md5(b"text").hexdigest()}"'
    assert got["ContentType"] == "text/plain; charset=utf-8"
    assert got["ContentDisposition"] == 'attachment; filename="a.txt"'
    assert got["CacheControl"] == "no-store"
    assert got["Metadata"] == {"with_underscore": "1", "with-dash": "2"}
    assert got["ChecksumCRC32"] == put["ChecksumCRC32"]
    headed = s3.head_object(Bucket=bucket, Key=KEY)
    assert headed["ContentLength"] == 4
    assert headed["Metadata"] == got["Metadata"]


def test_nothing_said_of_the_type_is_binary(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="empty", Body=b"")
    got = s3.get_object(Bucket=bucket, Key="empty")
    assert (body_of(got), got["ContentType"]) == (b"", "binary/octet-stream")


@pytest.mark.parametrize("key", ["/leading", "a//b", ".", "..", "a/../b", "~5f", "x" * 1024])
def test_a_key_is_any_text(s3: Any, bucket: str, key: str) -> None:
    s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    assert body_of(s3.get_object(Bucket=bucket, Key=key)) == key.encode()
    assert [one["Key"] for one in s3.list_objects_v2(Bucket=bucket)["Contents"]] == [key]


@pytest.mark.parametrize(
    ("asked", "found", "content_range"),
    [
        ("bytes=0-0", b"0", "bytes 0-0/10"),
        ("bytes=3-5", b"345", "bytes 3-5/10"),
        ("bytes=7-", b"789", "bytes 7-9/10"),
        ("bytes=7-99", b"789", "bytes 7-9/10"),
        ("bytes=-2", b"89", "bytes 8-9/10"),
        ("bytes=-99", b"0123456789", "bytes 0-9/10"),
    ],
)
def test_range(s3: Any, bucket: str, asked: str, found: bytes, content_range: str) -> None:
    s3.put_object(Bucket=bucket, Key="digits", Body=b"0123456789")
    got = s3.get_object(Bucket=bucket, Key="digits", Range=asked)
    assert (body_of(got), got["ContentRange"]) == (found, content_range)
    assert got["ResponseMetadata"]["HTTPStatusCode"] == 206


def test_range_that_is_none_or_lies_behind_the_end(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="digits", Body=b"0123456789")
    assert body_of(s3.get_object(Bucket=bucket, Key="digits", Range="lines=1-2")) == b"0123456789"
    assert error_of(s3.get_object, Bucket=bucket, Key="digits", Range="bytes=10-") == ("InvalidRange", 416)


def test_conditions_of_reading(s3: Any, bucket: str) -> None:
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"1")["ETag"]
    modified = s3.head_object(Bucket=bucket, Key="k")["LastModified"]
    assert body_of(s3.get_object(Bucket=bucket, Key="k", IfMatch=etag)) == b"1"
    assert body_of(s3.get_object(Bucket=bucket, Key="k", IfUnmodifiedSince=modified)) == b"1"
    assert error_of(s3.get_object, Bucket=bucket, Key="k", IfMatch='"no"') == ("PreconditionFailed", 412)
    assert error_of(s3.get_object, Bucket=bucket, Key="k", IfNoneMatch=etag) == ("304", 304)
    assert error_of(s3.head_object, Bucket=bucket, Key="k", IfModifiedSince=modified) == ("304", 304)


def test_conditions_of_writing(s3: Any, bucket: str) -> None:
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"1", IfNoneMatch="*")["ETag"]
    failed = ("PreconditionFailed", 412)
    assert error_of(s3.put_object, Bucket=bucket, Key="k", Body=b"2", IfNoneMatch="*") == failed
    assert error_of(s3.put_object, Bucket=bucket, Key="k", Body=b"2", IfMatch='"no"') == failed
    s3.put_object(Bucket=bucket, Key="k", Body=b"3", IfMatch=etag)
    assert body_of(s3.get_object(Bucket=bucket, Key="k")) == b"3"


def test_what_is_not_there(s3: Any, bucket: str) -> None:
    assert error_of(s3.get_object, Bucket=bucket, Key="no") == ("NoSuchKey", 404)
    assert error_of(s3.head_object, Bucket=bucket, Key="no") == ("404", 404)
    assert error_of(s3.get_object, Bucket="no-such-bucket", Key="no") == ("NoSuchBucket", 404)
    assert error_of(s3.put_object, Bucket="no-such-bucket", Key="no") == ("NoSuchBucket", 404)
    s3.delete_object(Bucket=bucket, Key="no")
    assert error_of(s3.delete_object, Bucket="no-such-bucket", Key="no") == ("NoSuchBucket", 404)


def test_a_key_that_xml_cannot_hold(s3: Any, bucket: str) -> None:
    assert error_of(s3.get_object, Bucket=bucket, Key="bell\a") == ("NoSuchKey", 404)


def test_encryption_is_told_as_it_was_asked_for(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", ServerSideEncryption="aws:kms", SSEKMSKeyId="alias/mine")
    headed = s3.head_object(Bucket=bucket, Key="k")
    assert (headed["ServerSideEncryption"], headed["SSEKMSKeyId"]) == ("aws:kms", "alias/mine")


def test_too_much_of_a_key_and_of_metadata(s3: Any, bucket: str) -> None:
    assert error_of(s3.put_object, Bucket=bucket, Key="ä" * 513)[0] == "KeyTooLongError"
    much = {"a": "x" * 2048}
    assert error_of(s3.put_object, Bucket=bucket, Key="k", Metadata=much)[0] == "MetadataTooLarge"
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)


def test_deleted_one_by_one_and_many(s3: Any, bucket: str) -> None:
    for key in ("a", "b ü", "c"):
        s3.put_object(Bucket=bucket, Key=key)
    s3.delete_object(Bucket=bucket, Key="a")
    deleted = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "b ü"}, {"Key": "never"}]})
    assert deleted["Deleted"] == [{"Key": "b ü"}, {"Key": "never"}]
    assert [one["Key"] for one in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["c"]
    quiet = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "c"}], "Quiet": True})
    assert "Deleted" not in quiet


def test_copy_keeps_or_replaces_what_is_said_of_it(s3: Any, bucket: str) -> None:
    s3.put_object(
        Bucket=bucket, Key=KEY, Body=b"1", ContentType="text/plain", Metadata={"a": "1"}, Tagging="t=1"
    )
    source = {"Bucket": bucket, "Key": KEY}
    s3.copy_object(Bucket=bucket, Key="kept", CopySource=source)
    s3.delete_object(Bucket=bucket, Key=KEY)
    kept = s3.get_object(Bucket=bucket, Key="kept")
    assert (body_of(kept), kept["ContentType"], kept["Metadata"]) == (b"1", "text/plain", {"a": "1"})
    assert kept["TagCount"] == 1
    source["Key"] = "kept"
    s3.copy_object(
        Bucket=bucket, Key="kept", CopySource=source, MetadataDirective="REPLACE", Metadata={"b": "2"}
    )
    assert s3.head_object(Bucket=bucket, Key="kept")["Metadata"] == {"b": "2"}
    assert error_of(s3.copy_object, Bucket=bucket, Key="kept", CopySource=source) == ("InvalidRequest", 400)
    missing = {"Bucket": bucket, "Key": "no"}
    assert error_of(s3.copy_object, Bucket=bucket, Key="x", CopySource=missing) == ("NoSuchKey", 404)


def test_tags(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Tagging="a=1&b=x%20y")
    tags = s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"]
    assert tags == [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "x y"}]
    s3.put_object_tagging(Bucket=bucket, Key="k", Tagging={"TagSet": [{"Key": "ä", "Value": "&"}]})
    assert s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == [{"Key": "ä", "Value": "&"}]
    s3.delete_object_tagging(Bucket=bucket, Key="k")
    assert s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == []


def test_what_is_not_served_is_refused_by_name(s3: Any, bucket: str) -> None:
    with pytest.raises(ClientError, match=r"NotImplemented.*PUT \?acl"):
        s3.put_bucket_acl(Bucket=bucket, ACL="private")
    with pytest.raises(ClientError, match=r"NotImplemented.*GET \?versions"):
        s3.list_object_versions(Bucket=bucket)


def test_no_version_is_there_but_null(s3: Any, bucket: str) -> None:
    place = {"Bucket": bucket, "Key": "k"}
    s3.put_object(**place, Body=b"1")
    other = {**place, "VersionId": "3HL4kqtJvjVBH40Nrjfkd"}
    for call in (s3.get_object, s3.get_object_tagging, s3.delete_object_tagging):
        assert error_of(call, **other) == ("NoSuchVersion", 404)
    assert error_of(s3.head_object, **other) == ("404", 404)
    assert error_of(s3.copy_object, Bucket=bucket, Key="copy", CopySource=other)[0] == "NoSuchVersion"
    s3.delete_object(**other)
    s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "k", "VersionId": "3HL4kqtJvjVBH40Nrjfkd"}]})
    assert body_of(s3.get_object(**place, VersionId="null")) == b"1"
    s3.delete_object(**place, VersionId="null")
    assert error_of(s3.get_object, **place) == ("NoSuchKey", 404)
