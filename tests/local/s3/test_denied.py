"""A caller that may not list is not told what is missing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from quire_endpoint.local.faults import Fault, FaultKind
from tests.fakes.bare_url import BareUrl
from tests.local.s3.seen import body_of, error_of


@pytest.fixture
def no_list(bare: BareUrl) -> Iterator[None]:
    fault = bare.faults.add(Fault(FaultKind.NO_LIST_BUCKET))
    yield
    bare.faults.remove(fault.number)


@pytest.mark.usefixtures("no_list")
def test_403_for_404(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"1")
    assert body_of(s3.get_object(Bucket=bucket, Key="k")) == b"1"
    assert error_of(s3.get_object, Bucket=bucket, Key="no") == ("AccessDenied", 403)
    assert error_of(s3.head_object, Bucket=bucket, Key="no") == ("403", 403)
    assert error_of(s3.list_objects_v2, Bucket=bucket) == ("AccessDenied", 403)
    assert error_of(s3.get_object, Bucket="no-such-bucket", Key="no") == ("NoSuchBucket", 404)


def test_as_often_as_was_asked_for(s3: Any, bucket: str, bare: BareUrl) -> None:
    bare.faults.add(Fault(FaultKind.NO_LIST_BUCKET, times=1))
    assert error_of(s3.head_object, Bucket=bucket, Key="no") == ("403", 403)
    assert error_of(s3.head_object, Bucket=bucket, Key="no") == ("404", 404)
