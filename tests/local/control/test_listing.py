"""The List operations: filters, order and pages."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quire_endpoint.local.control.listing import Listed, page
from tests.local.control.running_api import RunningApi
from tests.local.control.test_models import refused


def names(found: list[dict[str, str]], member: str) -> list[str]:
    return [one[member] for one in found]


def test_models_are_found_by_a_part_of_their_name(api: RunningApi) -> None:
    for name in ("reader-a", "Reader-b", "writer"):
        api.model(name)
    found = api.sagemaker.list_models(NameContains="reader", SortBy="Name", SortOrder="Ascending")
    assert names(found["Models"], "ModelName") == ["Reader-b", "reader-a"]
    assert "NextToken" not in found


def test_the_newest_come_first(api: RunningApi) -> None:
    api.model()
    for name in ("first", "second", "third"):
        api.config(name)
    found = api.sagemaker.list_endpoint_configs()["EndpointConfigs"]
    assert names(found, "EndpointConfigName") == ["third", "second", "first"]


def test_a_page_holds_ten_and_boto3_turns_them(api: RunningApi) -> None:
    for number in range(23):
        api.model(f"m{number:02}")
    assert len(api.sagemaker.list_models()["Models"]) == 10
    pages = list(api.sagemaker.get_paginator("list_models").paginate(SortBy="Name"))
    assert [len(one["Models"]) for one in pages] == [10, 10, 3]
    assert names([one for its in pages for one in its["Models"]], "ModelName") == [
        f"m{number:02}" for number in reversed(range(23))
    ]


def test_endpoints_are_found_by_their_status_and_time(api: RunningApi) -> None:
    api.endpoint("standing")
    api.sagemaker.create_endpoint(EndpointName="coming", EndpointConfigName="standing-config")
    listed = api.sagemaker.list_endpoints
    assert names(listed(StatusEquals="Creating")["Endpoints"], "EndpointName") == ["coming"]
    assert names(listed(StatusEquals="InService")["Endpoints"], "EndpointName") == ["standing"]
    assert names(listed(SortBy="Status")["Endpoints"], "EndpointName") == ["standing", "coming"]
    ahead = datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=1)
    assert listed(CreationTimeAfter=ahead)["Endpoints"] == []
    assert listed(CreationTimeBefore=ahead - 2 * datetime.timedelta(hours=1))["Endpoints"] == []
    assert len(listed(LastModifiedTimeBefore=ahead)["Endpoints"]) == 2


def test_endpoints_that_have_gone_are_not_listed(api: RunningApi) -> None:
    api.endpoint()
    api.host.forget("letters")
    assert api.sagemaker.list_endpoints()["Endpoints"] == []


@pytest.mark.parametrize("token", ["nonsense", "WyJuYW1lIl0=", "WyJuYW1lIiwgMV0="])
def test_a_token_that_no_page_gave_is_refused(api: RunningApi, token: str) -> None:
    api.model()
    assert refused(api.sagemaker.list_models, NextToken=token) == "The pagination token is invalid."


def test_a_page_has_its_limits(api: RunningApi) -> None:
    assert "less than or equal to 100" in refused(api.unchecked.list_models, MaxResults=101)


@given(
    times=st.lists(st.integers(0, 3), max_size=20),
    by=st.sampled_from(["Name", "CreationTime"]),
    order=st.sampled_from(["Ascending", "Descending"]),
    size=st.integers(1, 5),
)
def test_pages_together_are_the_whole_list_once(times: list[int], by: str, order: str, size: int) -> None:
    listed = [Listed(f"n{number}", float(time), {"name": f"n{number}"}) for number, time in enumerate(times)]
    request = {"SortBy": by, "SortOrder": order, "MaxResults": size}
    found: list[str] = []
    while True:
        answer = page(request, "Found", listed)
        found += [one["name"] for one in answer["Found"]]
        if "NextToken" not in answer:
            break
        request["NextToken"] = answer["NextToken"]
    places = {one.name: (one.name if by == "Name" else one.created_seconds, one.name) for one in listed}
    assert found == sorted(places, key=lambda name: places[name], reverse=order == "Descending")
