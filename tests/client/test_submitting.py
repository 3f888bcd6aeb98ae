"""What reaches the endpoint when a document is submitted."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ParamValidationError

from quire_endpoint.client import (
    AsyncEndpointClient,
    CannotSubmit,
    ClientSettings,
    Document,
    DocumentUnreadable,
    Request,
)
from quire_endpoint.client.calls import Runtime
from tests.client.conftest import Connect
from tests.fakes.simulated_endpoint import Refusal, SimulatedClock, SimulatedEndpoint, attributes

LARGE = b"x" * 128_001


@pytest.fixture
def client(connect: Connect) -> AsyncEndpointClient:
    return connect(input_prefix="s3://inputs/of/mine")


def test_call_says_what_a_container_and_the_queue_need(
    client: AsyncEndpointClient, endpoint: SimulatedEndpoint
) -> None:
    request = Request(ttl_seconds=3600, timeout_seconds=1200, options={"dpi": 150, "strict": True})
    job = client.submit(Document(b"%PDF", "invoice.pdf"), request)
    (call,) = endpoint.calls
    assert (call.content_type, call.ttl_seconds, call.content) == ("application/pdf", 3600, "%PDF")
    assert attributes(call) == {
        "deadline_seconds": "1170",
        "dpi": "150",
        "strict": "true",
        "ref": "invoice.pdf",
    }
    assert call.inference_id == job.inference_id
    assert re.fullmatch(r"invoice\.pdf-[0-9a-f]{28}", job.inference_id)
    assert len(call.name) <= 32


@pytest.mark.parametrize(("timeout", "deadline"), [(900, "870"), (60, "54"), (3600, "3570"), (1, "0.9")])
def test_containers_deadline_leaves_time_for_the_way_back(timeout: int, deadline: str) -> None:
    assert f"deadline_seconds={deadline};" in Request(timeout_seconds=timeout).attributes("a")


def test_custom_attributes_of_ones_own_are_sent_as_they_are(
    client: AsyncEndpointClient, endpoint: SimulatedEndpoint
) -> None:
    client.submit(Document(b"1", "a.csv"), Request(custom_attributes='{"mine": 1}'))
    assert endpoint.calls[0].attributes == '{"mine": 1}'
    assert endpoint.calls[0].content_type == "text/csv"


@pytest.mark.parametrize(
    "name", ["Rechnung für März.pdf", "請求書.pdf", "a;b=c.pdf", "x" * 300, "two  spaces"]
)
def test_names_that_no_header_carries(
    client: AsyncEndpointClient, endpoint: SimulatedEndpoint, name: str
) -> None:
    job = client.submit(Document(b"1", name))
    (call,) = endpoint.calls
    assert call.inference_id.isascii()
    assert len(call.inference_id) <= 64
    assert "ref" not in attributes(call)
    assert client.wait(job).reference == name


def test_large_document_goes_to_s3_under_an_ascii_key(
    client: AsyncEndpointClient, endpoint: SimulatedEndpoint, tmp_path: Path
) -> None:
    (tmp_path / "größe.tiff").write_bytes(LARGE)
    client.submit(tmp_path / "größe.tiff")
    (call,) = endpoint.calls
    assert re.fullmatch(r"s3://inputs/of/mine/[0-9a-f]{20}-groe\.tiff", call.content)
    assert call.content_type == "image/tiff"
    assert len(endpoint.objects) == 1


def test_large_bytes_go_to_s3_too(client: AsyncEndpointClient, endpoint: SimulatedEndpoint) -> None:
    client.wait(client.submit(LARGE))
    assert endpoint.calls[0].content.startswith("s3://inputs/of/mine/")


def test_nothing_goes_inline_where_it_is_not_wanted(connect: Connect, endpoint: SimulatedEndpoint) -> None:
    client = connect(input_prefix="s3://inputs", settings=ClientSettings(is_inline=False))
    client.submit(b"small")
    assert endpoint.calls[0].content.startswith("s3://inputs/")


def test_object_in_s3_stays_where_it_lies(client: AsyncEndpointClient, endpoint: SimulatedEndpoint) -> None:
    client.submit("s3://bucket/some folder/a+b%20c.png")
    assert endpoint.calls[0].content == "s3://bucket/some folder/a+b%20c.png"
    assert endpoint.calls[0].content_type == "image/png"
    assert endpoint.objects == {}


def test_without_a_prefix_a_large_document_says_what_is_needed(connect: Connect) -> None:
    with pytest.raises(CannotSubmit, match="an input prefix, s3://bucket/prefix, is needed"):
        connect().submit(LARGE)


def test_missing_file(client: AsyncEndpointClient, tmp_path: Path) -> None:
    with pytest.raises(DocumentUnreadable, match=r"absent\.pdf: No such file"):
        client.submit(tmp_path / "absent.pdf")
    with pytest.raises(DocumentUnreadable, match="is not a file"):
        client.submit(tmp_path)


def test_refusal_is_final_and_leaves_nothing_behind(
    client: AsyncEndpointClient, endpoint: SimulatedEndpoint
) -> None:
    endpoint.refusals.append(Refusal("ValidationError", 400))
    with pytest.raises(CannotSubmit, match="ValidationError"):
        client.submit(b"1")
    assert endpoint.num_called == 1


@pytest.mark.parametrize(
    "refusal", [Refusal("ThrottlingException", 400), Refusal("ServiceUnavailable", 503), Refusal("Slow", 429)]
)
def test_throttled_call_is_made_again_later(
    client: AsyncEndpointClient, endpoint: SimulatedEndpoint, clock: SimulatedClock, refusal: Refusal
) -> None:
    endpoint.refusals.extend([refusal, refusal])
    began = clock.now()
    outcome = client.wait(client.submit(b"1"))
    assert (endpoint.num_called, len(endpoint.calls), outcome.calls) == (3, 1, 3)
    assert clock.now() - began > 6


def test_third_throttling_is_the_last(client: AsyncEndpointClient, endpoint: SimulatedEndpoint) -> None:
    endpoint.refusals.extend([Refusal("ThrottlingException", 400)] * 3)
    with pytest.raises(CannotSubmit, match="ThrottlingException"):
        client.submit(b"1")
    assert endpoint.num_called == 3


@pytest.mark.parametrize("refusal", [Refusal(), Refusal("InternalFailure", 500)])
def test_call_in_doubt_is_repeated_under_the_same_names(
    client: AsyncEndpointClient, endpoint: SimulatedEndpoint, refusal: Refusal
) -> None:
    endpoint.refusals.append(Refusal(refusal.code, refusal.status, is_accepted=True))
    client.wait(client.submit(b"1"))
    first, second = endpoint.calls
    assert (first.inference_id, first.name) == (second.inference_id, second.name)


def test_call_that_was_accepted_though_every_answer_broke_is_waited_for(
    client: AsyncEndpointClient, endpoint: SimulatedEndpoint
) -> None:
    client.wait(client.submit(b"teaches where answers lie"))
    endpoint.refusals.extend([Refusal(), Refusal(is_accepted=True), Refusal()])
    assert client.wait(client.submit(b"2")).calls == 3
    assert len(endpoint.calls) == 2


@pytest.mark.parametrize(
    "wrong",
    [
        {"ttl_seconds": 59},
        {"ttl_seconds": 21601},
        {"timeout_seconds": 3601},
        {"options": {"a": "b;c"}},
        {"options": {"a": "ü"}},
        {"options": {"a": "x" * 1000}},
        {"accept": "text/ü"},
        {"options": {"a": 1}, "custom_attributes": "b"},
    ],
)
def test_request_that_aws_would_refuse_is_refused_here(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        Request(**wrong)


def test_botocore_knows_the_body() -> None:
    """Without it everything is uploaded: an older one is run by tests/clients."""
    client = SimulatedEndpoint(SimulatedClock()).session().client("sagemaker-runtime")
    assert Runtime(client, "x").takes_body
    with pytest.raises(ParamValidationError):
        client.invoke_endpoint_async(EndpointName="x", Nobody=b"")
