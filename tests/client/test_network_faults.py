"""What an hour without network, or a minute, does to a batch."""

from __future__ import annotations

import socket
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ReadTimeoutError, SSLError

from quire_endpoint.client import CannotRead, CannotSubmit, Document, Request
from quire_endpoint.client.aws_errors import Fault, fault_of
from quire_endpoint.client.calls import Runtime
from quire_endpoint.client.finding import Finder
from quire_endpoint.client.inputs import Inputs
from quire_endpoint.client.jobs import Attempt, Job
from quire_endpoint.client.ledger import Ledger
from quire_endpoint.client.looking import Lookout
from quire_endpoint.client.notices import Notice
from quire_endpoint.client.places import Places
from quire_endpoint.client.sender import MAX_UPLOADS, NotTaken, Postponed, Sender, Sent
from quire_endpoint.client.verdicts import Next, verdict
from quire_endpoint.s3_location import S3Location
from tests.fakes.simulated_endpoint import Refusal, SimulatedClock, SimulatedEndpoint

ONCE = Config(retries={"total_max_attempts": 1, "mode": "standard"})


@pytest.fixture
def unreachable() -> Any:
    """S3 at a port where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        session = boto3.Session("none", "none", region_name="eu-west-1")
        yield session.client("s3", endpoint_url=f"http://127.0.0.1:{taken.getsockname()[1]}", config=ONCE)


def test_s3_out_of_reach_is_waited_for_a_quarter_of_an_hour(unreachable: Any, clock: SimulatedClock) -> None:
    ledger = Ledger(None)
    number = ledger.enter(Document(b"1"), Request(ttl_seconds=60, timeout_seconds=1), keeps_body=True).number
    attempt = ledger.intend(ledger.job(number), clock.now())
    assert attempt is not None
    ledger.answer(attempt, clock.now(), S3Location("b", "k"), None)
    lookout = Lookout(ledger, Finder(unreachable), clock, 0.0)
    for _ in range(13):
        assert lookout.look(number).result is Next.WAIT
        clock.wait(60, ())
    clock.wait(8 * 3600, ())
    assert lookout.look(number).result is Next.WAIT
    clock.wait(60, ())
    with pytest.raises(CannotRead, match="Could not connect"):
        lookout.look(number)
    ledger.close()


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (SSLError(endpoint_url="x", error="EOF occurred in violation of protocol"), Fault.DOUBTFUL),
        (SSLError(endpoint_url="x", error="[SSL: CERTIFICATE_VERIFY_FAILED]"), Fault.REFUSED),
        (ClientError({"ResponseMetadata": {"HTTPStatusCode": 503}}, "I"), Fault.DOUBTFUL),
        (
            ClientError({"Error": {"Code": "SlowDown"}, "ResponseMetadata": {"HTTPStatusCode": 503}}, "I"),
            Fault.NOT_TAKEN,
        ),
    ],
)
def test_what_is_known_after_a_call(error: Any, fault: Fault) -> None:
    assert fault_of(error) is fault


class CutOffS3:
    """Has a failure object alone, and breaks off in the midst of it."""

    def get_object(self, **named: str) -> dict[str, Any]:
        if named["Key"] == "out":
            raise ClientError({"Error": {"Code": "NoSuchKey"}}, "GetObject")
        return {"Body": self, "LastModified": datetime.now(UTC)}

    def read(self, *_: int) -> bytes:
        raise ReadTimeoutError(endpoint_url="x")

    def close(self) -> None: ...


def test_failure_object_that_breaks_off_is_read_again() -> None:
    """Its notification says less than it does: whether to submit the document again."""
    attempt = Attempt(1, "t", "id", 0.0)
    job = Job(1, "a", None, "text/plain", Request(), "0", calls=1, attempt=attempt)
    finding = Finder(CutOffS3()).find(Places(S3Location("b", "out"), S3Location("b", "failure")))
    told = Notice("id", False, "Received server error (503) from model.")
    assert verdict(job, finding, told, is_late=True) is Next.WAIT


@pytest.fixture
def sender(endpoint: SimulatedEndpoint, clock: SimulatedClock, tmp_path: Path) -> Any:
    """One whose boto3 repeats nothing, its ledger, and the number of a document to be uploaded."""
    ledger = Ledger(None)
    (tmp_path / "large").write_bytes(b"x" * 200_000)
    number = ledger.enter(Document(tmp_path / "large"), Request(), keeps_body=False).number
    session = endpoint.session()
    inputs = Inputs(session.client("s3", config=ONCE), ledger, S3Location("b", "in"), is_inline=True)
    runtime = Runtime(session.client("sagemaker-runtime", config=ONCE), "simulated")
    yield Sender(runtime, inputs, ledger, clock), ledger, number
    ledger.close()


def test_upload_that_breaks_is_made_again_later(sender: Any, endpoint: SimulatedEndpoint) -> None:
    sends, ledger, number = sender
    endpoint.s3_refusals.extend([Refusal(), Refusal("SlowDown", 503)])
    first, second, third = (sends.send(number, 0) for _ in range(3))
    assert isinstance(first, Postponed) and isinstance(second, Postponed)
    assert (first.calls, second.calls, third, ledger.job(number).calls) == (0, 0, Sent(), 1)
    assert second.seconds > first.seconds


def test_upload_that_always_breaks_is_given_up(sender: Any, endpoint: SimulatedEndpoint) -> None:
    sends, _, number = sender
    endpoint.s3_refusals.extend([Refusal()] * MAX_UPLOADS)
    results = [sends.send(number, 0) for _ in range(MAX_UPLOADS)]
    assert [type(result) for result in results] == [Postponed] * (MAX_UPLOADS - 1) + [NotTaken]


def test_upload_without_valid_credentials_ends_the_batch(sender: Any, endpoint: SimulatedEndpoint) -> None:
    sends, _, number = sender
    endpoint.s3_refusals.append(Refusal("ExpiredToken", 400))
    with pytest.raises(CannotSubmit, match="ExpiredToken"):
        sends.send(number, 0)
