"""What SageMaker asks of a container, of both front ends alike."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from quire.models.stub import Marker
from tests.fakes.painted_pages import painted_page
from tests.fakes.running_front_end import eventually
from tests.mms.conftest import Served

MAX_HEADER_BYTES = 4096

SLOW, POISON = painted_page(Marker.SLOW), painted_page(Marker.POISON)


def test_ping_is_200_once_the_model_is_ready(served: Served) -> None:
    assert served.container.ping() == 200


def test_a_document_is_read(served: Served, page: bytes) -> None:
    answer = served.post(page, "image/png", "ref=the page", X_Amzn_SageMaker_Inference_Id="id-1")
    assert answer.status == 200
    assert answer.json["schema"] == "quire.document/1"
    assert (answer.json["status"], answer.json["reference"]) == ("complete", "the page")
    assert answer.json["inference_id"] == "id-1"
    assert answer.json["pages"][0]["text"] == "40 x 40: 0"


def test_an_answer_has_its_length_and_few_headers(served: Served, page: bytes) -> None:
    """Asynchronous inference fails an answer in chunks, and one with more than 4096 bytes of headers."""
    answer = served.post(page)
    headers = {name.lower(): value for name, value in answer.headers.items()}
    assert headers["content-length"] == str(len(answer.body))
    assert headers["content-type"] == "application/json"
    assert "transfer-encoding" not in headers
    assert sum(len(name) + len(value) + 4 for name, value in headers.items()) < MAX_HEADER_BYTES


def test_the_accept_header_decides_the_format(served: Served, page: bytes) -> None:
    answer = served.post(page, Accept="text/plain")
    assert answer.headers.get("content-type", answer.headers.get("Content-Type", "")).startswith("text/plain")
    assert answer.body.strip() == b"40 x 40: 0"


def test_a_body_may_come_in_chunks(served: Served, page: bytes) -> None:
    def chunks() -> Iterator[bytes]:
        yield page[:50]
        yield page[50:]

    assert served.post(chunks()).json["pages"][0]["text"] == "40 x 40: 0"


@pytest.mark.parametrize(
    ("body", "content_type", "attributes", "accept", "status", "code"),
    [
        pytest.param(b"{}", "application/json", "", "*/*", 400, "bad_request", id="no_document"),
        pytest.param(b"", "application/json", "", "*/*", 400, "bad_request", id="empty_json"),
        pytest.param(b"?", "image/png", "", "*/*", 415, "unsupported_media_type", id="no_image"),
        pytest.param(b"?", None, "", "*/*", 415, "unsupported_media_type", id="no_type"),
        pytest.param(SLOW, "image/png", "colour=blue", "*/*", 400, "bad_request", id="unknown_option"),
        pytest.param(SLOW, "image/png", "", "image/png", 400, "bad_request", id="accept"),
        pytest.param(SLOW, "image/png", "pages=7", "*/*", 422, "pages_outside_document", id="no_such_page"),
        pytest.param(POISON, "image/png", "", "*/*", 500, "page_failed_on_device", id="poison"),
        pytest.param(SLOW, "image/png", "deadline_seconds=0.3", "*/*", 504, "deadline_exceeded", id="late"),
    ],
)
def test_an_error_is_typed(
    served: Served,
    body: bytes,
    content_type: str | None,
    attributes: str,
    accept: str,
    status: int,
    code: str,
) -> None:
    answer = served.post(body, content_type, attributes, Accept=accept)
    assert (answer.status, answer.error["code"]) == (status, code)
    assert b"Traceback" not in answer.body


def test_documents_of_several_callers_share_a_batch(served: Served, page: bytes) -> None:
    answers = served.post_while_busy(
        [SLOW, page, page, page], [f"ref=company-{number}" for number in range(4)]
    )
    assert [answer.status for answer in answers] == [200] * 4
    assert eventually(lambda: served.shared_batches("company"))


def test_more_callers_than_places_all_get_their_answer(served: Served, page: bytes) -> None:
    sent = served.post_many([SLOW, *[page] * 15], [f"ref=crowd-{number}" for number in range(16)])
    answers = [answer.result() for answer in sent]
    assert [answer.status for answer in answers] == [200] * 16
    assert [answer.json["reference"] for answer in answers] == [f"crowd-{number}" for number in range(16)]


def test_ping_is_answered_while_every_place_is_taken(served: Served) -> None:
    sent = served.post_many([SLOW] * 5, ["ref=busy"] * 5)
    eventually(lambda: served.in_hand() >= 4)
    assert served.container.ping() == 200
    assert not all(answer.done() for answer in sent)
    assert all(answer.result().status == 200 for answer in sent)


def test_a_document_outlives_its_engine(served: Served, page: bytes) -> None:
    (sent,) = served.post_many([SLOW], ["ref=survivor"])
    eventually(served.in_hand)
    os.kill(served.container.pids_of("quire.process.engine_program")[0], signal.SIGKILL)
    assert sent.result().status == 200
    assert served.post(page).status == 200
    assert served.container.ping() == 200


def test_every_invocation_has_its_line_in_the_log(served: Served, page: bytes) -> None:
    served.post(page, attributes="ref=logged", X_Amzn_SageMaker_Inference_Id="id-2")
    (line,) = eventually(
        lambda: [line for line in served.events("invocation") if line.get("reference") == "logged"]
    )
    told = (line["status"], line["inference_id"], line["bytes"], line["pages"])
    assert told == (200, "id-2", len(page), 1)
