"""Listings: every key once, in order, whatever the prefix, the delimiter and the length of a page."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quire_endpoint.local.s3.listing import ListQuery, page_of
from tests.local.s3.seen import error_of

KEYS = st.lists(st.text("ab/ü\U0001f600", max_size=5), max_size=30, unique=True).map(sorted)
PREFIXES = st.text("ab/", max_size=2)


@given(KEYS, PREFIXES, st.sampled_from(["", "/", "a"]), st.integers(1, 5))
def test_pages_together_are_the_whole(keys: list[str], prefix: str, delimiter: str, at_most: int) -> None:
    found: list[str] = []
    after = ""
    while True:
        page = page_of(keys, ListQuery(prefix, delimiter, after, at_most))
        assert page.count <= at_most
        found += sorted([*page.keys, *page.prefixes])
        after = page.last
        if not page.is_truncated:
            break
    assert found == expected(keys, prefix, delimiter)


def expected(keys: list[str], prefix: str, delimiter: str) -> list[str]:
    """By brute force. An empty text is no key: S3 has none."""
    entries = set()
    for key in keys:
        if key and key.startswith(prefix):
            head, mark, _ = key[len(prefix) :].partition(delimiter) if delimiter else (key, "", "")
            entries.add(prefix + head + mark if mark else key)
    return sorted(entries)


def test_order_is_that_of_utf_8() -> None:
    keys = ["a", "z", "é", "\uffff", "\U0001f600"]
    assert sorted(keys) == sorted(keys, key=str.encode)


@pytest.mark.parametrize("call", ["list_objects", "list_objects_v2"])
def test_paged_with_folders(s3: Any, bucket: str, call: str) -> None:
    keys = ["a.txt", "b/1", "b/2", "c ü+%/1", "d\u0007.txt", "e/f/g"]
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    pages = list(
        s3.get_paginator(call).paginate(Bucket=bucket, Delimiter="/", PaginationConfig={"PageSize": 1})
    )
    assert len(pages) == 5
    assert [one["Key"] for page in pages for one in page.get("Contents", ())] == ["a.txt", "d\u0007.txt"]
    folders = [one["Prefix"] for page in pages for one in page.get("CommonPrefixes", ())]
    assert folders == ["b/", "c ü+%/", "e/"]
    whole = getattr(s3, call)(Bucket=bucket, Prefix="b/")["Contents"]
    assert [(one["Key"], one["Size"]) for one in whole] == [("b/1", 3), ("b/2", 3)]


@pytest.mark.parametrize("call", ["list_objects", "list_objects_v2"])
def test_paged_without_folders(s3: Any, bucket: str, call: str) -> None:
    for key in "abc":
        s3.put_object(Bucket=bucket, Key=key)
    pages = s3.get_paginator(call).paginate(Bucket=bucket, PaginationConfig={"PageSize": 2})
    assert [[one["Key"] for one in page["Contents"]] for page in pages] == [["a", "b"], ["c"]]


def test_begun_behind_a_key(s3: Any, bucket: str) -> None:
    for key in "abc":
        s3.put_object(Bucket=bucket, Key=key)
    assert [one["Key"] for one in s3.list_objects_v2(Bucket=bucket, StartAfter="a")["Contents"]] == ["b", "c"]
    assert [one["Key"] for one in s3.list_objects(Bucket=bucket, Marker="b")["Contents"]] == ["c"]
    assert s3.list_objects_v2(Bucket=bucket, MaxKeys=0)["KeyCount"] == 0


def test_what_cannot_be_listed(s3: Any, bucket: str) -> None:
    assert error_of(s3.list_objects_v2, Bucket="no-such-bucket") == ("NoSuchBucket", 404)
    wrong = error_of(s3.list_objects_v2, Bucket=bucket, ContinuationToken="???")
    assert wrong == ("InvalidArgument", 400)
