"""Buckets through boto3: made, listed, described, deleted."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fakes.own_callers import Callers
from tests.local.s3.seen import error_of


def test_made_listed_and_deleted(s3: Any, bucket: str) -> None:
    assert bucket in [one["Name"] for one in s3.list_buckets()["Buckets"]]
    s3.put_object(Bucket=bucket, Key="k")
    assert error_of(s3.delete_bucket, Bucket=bucket) == ("BucketNotEmpty", 409)
    s3.delete_object(Bucket=bucket, Key="k")
    s3.delete_bucket(Bucket=bucket)
    assert error_of(s3.head_bucket, Bucket=bucket) == ("404", 404)
    assert error_of(s3.delete_bucket, Bucket=bucket) == ("NoSuchBucket", 404)


def test_made_again_is_forgiven_in_us_east_1_alone(s3: Any, bucket: str, callers: Callers) -> None:
    s3.create_bucket(Bucket=bucket)
    elsewhere = callers("s3", region_name="eu-central-1")
    there = {"LocationConstraint": "eu-central-1"}
    elsewhere.create_bucket(Bucket="elsewhere", CreateBucketConfiguration=there)
    again = error_of(elsewhere.create_bucket, Bucket="elsewhere", CreateBucketConfiguration=there)
    assert again == ("BucketAlreadyOwnedByYou", 409)
    assert elsewhere.get_bucket_location(Bucket="elsewhere")["LocationConstraint"] == "eu-central-1"
    assert s3.head_bucket(Bucket="elsewhere")["BucketRegion"] == "eu-central-1"
    assert s3.get_bucket_location(Bucket=bucket)["LocationConstraint"] is None


def test_a_region_of_ones_own_must_be_asked_for(callers: Callers) -> None:
    elsewhere = callers("s3", region_name="eu-central-1")
    assert (
        error_of(elsewhere.create_bucket, Bucket="no-constraint")[0] == "IllegalLocationConstraintException"
    )


@pytest.mark.parametrize("name", ["ab", "Upper-Case", "two..dots", "under_score"])
def test_names_that_are_none(callers: Callers, name: str) -> None:
    s3 = callers("s3")
    s3.meta.events.unregister("before-parameter-build.s3", _validating(s3))
    assert error_of(s3.create_bucket, Bucket=name) == ("InvalidBucketName", 400)


def test_configurations_that_were_never_made(s3: Any, bucket: str) -> None:
    assert "Status" not in s3.get_bucket_versioning(Bucket=bucket)
    assert error_of(s3.get_bucket_policy, Bucket=bucket) == ("NoSuchBucketPolicy", 404)
    assert error_of(s3.get_bucket_tagging, Bucket=bucket) == ("NoSuchTagSet", 404)
    assert error_of(s3.get_bucket_cors, Bucket=bucket) == ("NoSuchCORSConfiguration", 404)
    unset = ("NoSuchPublicAccessBlockConfiguration", 404)
    assert error_of(s3.get_public_access_block, Bucket=bucket) == unset


def _validating(s3: Any) -> Any:
    """botocore refuses most such names itself, before the server is asked."""
    from botocore.handlers import validate_bucket_name

    return validate_bucket_name
