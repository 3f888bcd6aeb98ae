"""What comes in another order than usual."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

from botocore.exceptions import ConnectionClosedError

from quire_endpoint.client import Document, Outcome, Request, Succeeded
from quire_endpoint.client.attendance import Attendance
from quire_endpoint.client.calls import Answer, Runtime
from quire_endpoint.client.clock import WallClock
from quire_endpoint.client.finding import Finder
from quire_endpoint.client.inputs import Inputs
from quire_endpoint.client.jobs import Attempt, Entry, Job
from quire_endpoint.client.ledger import Ledger
from quire_endpoint.client.looking import Lookout
from quire_endpoint.client.mail import Told
from quire_endpoint.client.sender import BACK_OFF_SECONDS, Sender
from quire_endpoint.client.tools import Tools
from quire_endpoint.s3_location import S3Location
from tests.fakes.simulated_endpoint import SimulatedEndpoint

LONGER_THAN_THE_BACK_OFF_SECONDS = 1.5 * BACK_OFF_SECONDS + 1


class NotificationComesBeforeTheAnswer(Runtime):
    """And the answer of the first call never does. What is called later takes longer, and is told
    of too early."""

    def __init__(self, endpoint: SimulatedEndpoint, ledger: Ledger, told: Told) -> None:
        super().__init__(endpoint.session().client("sagemaker-runtime"), "simulated")
        self._endpoint = endpoint
        self._ledger = ledger
        self._told = told
        self.num_calls = 0

    def call(self, job: Job, attempt: Attempt, content: bytes | S3Location) -> Answer:
        answer = super().call(job, attempt, content)
        self._endpoint.service_seconds = LONGER_THAN_THE_BACK_OFF_SECONDS
        message = {
            "inferenceId": attempt.inference_id,
            "invocationStatus": "Completed",
            "responseParameters": {"outputLocation": str(answer.output)},
        }
        self._ledger.tell(attempt.inference_id, json.dumps(message))
        self._told.put([job.number])
        self.num_calls += 1
        if self.num_calls == 1:
            raise ConnectionClosedError(endpoint_url="simulated")
        return answer


def test_document_that_is_done_before_its_call_is_repeated() -> None:
    clock = WallClock()
    endpoint = SimulatedEndpoint(clock, lanes=2, service_seconds=0.0)
    ledger, told = Ledger(None), Told()
    runtime = NotificationComesBeforeTheAnswer(endpoint, ledger, told)
    s3 = endpoint.session().client("s3")
    inputs = Inputs(s3, ledger, None, is_inline=True)
    documents = [Document(S3Location("documents", name), name) for name in ("first", "second")]
    entries = [Entry(ledger.enter(document, Request(), keeps_body=False)) for document in documents]
    with ThreadPoolExecutor(2) as executor:
        lookout = Lookout(ledger, Finder(s3), clock, 600.0)
        tools = Tools(ledger, Sender(runtime, inputs, ledger, clock), lookout, clock, executor, 1)
        outcomes: list[Outcome] = list(Attendance(tools, entries, None, told).run(None))
    assert [(type(outcome), outcome.reference) for outcome in outcomes] == [
        (Succeeded, "first"),
        (Succeeded, "second"),
    ]
    ledger.close()
