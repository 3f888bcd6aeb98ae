"""What becomes of a request whose container answers badly?"""

from __future__ import annotations

from typing import Any

from quire_endpoint.conformance.plans import MAIN, SERIAL
from quire_endpoint.conformance.row import Claim, Proof, Row, Subject, expect, same
from quire_endpoint.conformance.stage import Stage, Ticket

_FAQ = "Developer Guide, async-inference-troubleshooting"
_HEADERS_ISSUE = "aws/deep-learning-containers, issue 4668"
_LENGTH_ISSUE = "deepjavalibrary/djl-serving, issue 2567"
NO_LENGTH = "The response from container primary did not specify the required Content-Length header"
LONG_HEADERS = "Response received from the primary container has headers with length greater than 4096 bytes"


def _failing(stage: Stage, **wish: Any) -> Ticket:
    """A request that must end without an output object: with a failure object, or with nothing."""
    deployed = stage.endpoint(SERIAL)
    ticket = stage.invoke(deployed, {"text": "failed", **wish})
    stage.succeeded(stage.invoke(deployed))
    found = stage.found(ticket)
    expect(found is None or not found.is_output, "an output object")
    return ticket


def _final(status: int, sentence: str) -> Row:
    """The container answers with `status`, and gets the request once."""

    def check(stage: Stage) -> None:
        deployed = stage.endpoint(SERIAL)
        ticket = stage.invoke(deployed, {"status": status, "text": f"it is {status}"})
        outcome = stage.outcome(ticket)
        same((outcome.is_output, outcome.body), (False, f"it is {status}".encode()))
        stage.target.wait(60)
        same(stage.deliveries(deployed, ticket), 1)

    return Row(f"final-{status}", Claim(Subject.NO_RETRY, sentence, Proof.DOCUMENTED, _FAQ, (SERIAL,)), check)


@Claim(
    Subject.NO_RETRY,
    "After a failed request the next one is served.",
    Proof.DOCUMENTED,
    _FAQ,
    (SERIAL,),
)
def next_is_served(stage: Stage) -> None:
    deployed = stage.endpoint(SERIAL)
    failing = stage.invoke(deployed, {"status": 500, "text": "broken"})
    following = stage.invoke(deployed)
    expect(not stage.outcome(failing).is_output, "an output object")
    stage.succeeded(following)


@Claim(
    Subject.RESPONSES,
    "An answer without Content-Length fails.",
    Proof.AWS_CODE,
    _LENGTH_ISSUE,
    (SERIAL,),
)
def length_is_needed(stage: Stage) -> None:
    _failing(stage, is_chunked=True)


@Claim(
    Subject.DATA_LOG,
    "An answer without Content-Length is told in these words.",
    Proof.SEEN,
    _LENGTH_ISSUE,
    (SERIAL,),
)
def length_is_told(stage: Stage) -> None:
    ticket = _failing(stage, is_chunked=True)
    stage.readings.await_line(stage.endpoint(SERIAL).name, [ticket.inference_id, NO_LENGTH])


@Claim(Subject.RESPONSES, "Headers of more than 4,096 bytes fail.", Proof.SEEN, _HEADERS_ISSUE, (SERIAL,))
def long_headers(stage: Stage) -> None:
    _failing(stage, header_bytes=4096)


@Claim(Subject.RESPONSES, "Headers of 3,900 bytes pass.", Proof.SEEN, _HEADERS_ISSUE, (SERIAL,))
def shorter_headers(stage: Stage) -> None:
    stage.succeeded(stage.invoke(stage.endpoint(SERIAL), {"header_bytes": 3800}))


@Claim(
    Subject.DATA_LOG,
    "Headers of more than 4,096 bytes are told in these words.",
    Proof.SEEN,
    _HEADERS_ISSUE,
    (SERIAL,),
)
def long_headers_are_told(stage: Stage) -> None:
    ticket = _failing(stage, header_bytes=4096)
    stage.readings.await_line(stage.endpoint(SERIAL).name, [ticket.inference_id, LONG_HEADERS])


@Claim(Subject.RESPONSES, "A body that is cut off fails.", Proof.ASSUMED, "not documented", (SERIAL,))
def cut_body(stage: Stage) -> None:
    _failing(stage, is_cut=True)


@Claim(
    Subject.DATA_LOG,
    "A 5xx is told as: Received server error (500) from primary with message.",
    Proof.SEEN,
    "awsdocs/amazon-sagemaker-developer-guide, issue 203",
    (SERIAL,),
)
def server_error_told(stage: Stage) -> None:
    ticket = _failing(stage, status=500)
    words = [f"[{ticket.inference_id}]", 'Received server error (500) from primary with message "failed']
    stage.readings.await_line(stage.endpoint(SERIAL).name, words)


@Claim(
    Subject.DATA_LOG,
    "A 4xx is told as: Received client error (413) from primary with message.",
    Proof.SEEN,
    "huggingface/text-embeddings-inference, issue 433",
    (SERIAL,),
)
def client_error_told(stage: Stage) -> None:
    ticket = _failing(stage, status=413)
    words = [f"[{ticket.inference_id}]", 'Received client error (413) from primary with message "failed']
    stage.readings.await_line(stage.endpoint(SERIAL).name, words)


@Claim(
    Subject.DATA_LOG,
    "What the container prints is in the log group of the endpoint.",
    Proof.DOCUMENTED,
    "Developer Guide, async-inference-monitor",
    (MAIN,),
)
def container_log(stage: Stage) -> None:
    deployed = stage.endpoint(MAIN)
    ticket = stage.invoke(deployed)
    stage.succeeded(ticket)
    words = [f"conformance: request {ticket.inference_id}"]
    stage.readings.await_line(deployed.name, words, is_data_log=False)


ROWS = (
    _final(400, "A 4xx of the container is final: it gets the request once, its body is the failure object."),
    _final(500, "A 5xx of the container is final."),
    _final(503, "A 503 of the container is final: there is no asking to wait."),
    next_is_served,
    length_is_needed,
    long_headers,
    shorter_headers,
    cut_body,
    length_is_told,
    long_headers_are_told,
    server_error_told,
    client_error_told,
    container_log,
)
