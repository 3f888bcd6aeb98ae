"""What multi-model-server cannot do, beside what gunicorn does: docs/mms.md says it in words."""

from __future__ import annotations

import socket

from quire.models.stub import Marker
from tests.fakes.painted_pages import painted_page
from tests.fakes.running_front_end import PATIENCE_SECONDS, Answer, eventually, http_request
from tests.mms.conftest import MAX_BODY_BYTES, Served

SLOW = painted_page(Marker.SLOW)


def test_a_body_that_is_too_large_is_refused_by_mms_without_a_word(served: Served) -> None:
    answer = served.post(bytes(MAX_BODY_BYTES + 1), "image/png")
    assert answer.status == 413
    if served.is_mms:
        assert answer.body == b""
    else:
        assert answer.error["code"] == "body_too_large"


def test_the_largest_body_that_is_allowed_arrives(served: Served) -> None:
    """multi-model-server's own limit, 6,553,500 bytes, is not the one that counts."""
    answer = served.post(bytes(MAX_BODY_BYTES), "image/png")
    assert (answer.status, answer.error["code"]) == (415, "unsupported_media_type")


def test_mms_takes_forms_apart(served: Served) -> None:
    form = b'--b\r\nContent-Disposition: form-data; name="file"\r\n\r\nhello\r\n--b--\r\n'
    answer = served.post(form, "multipart/form-data; boundary=b")
    assert (answer.status, answer.error["code"]) == (415, "unsupported_media_type")
    assert ("forms apart" in answer.error["message"]) == served.is_mms


def test_mms_knows_no_execution_parameters(served: Served) -> None:
    answer = http_request(served.container.port, "GET", "/execution-parameters")
    if served.is_mms:
        assert (answer.status, answer.json["type"]) == (404, "ResourceNotFoundException")
    else:
        assert answer.json["BatchStrategy"] == "SINGLE_RECORD"


def test_mms_words_its_own_errors_otherwise(served: Served) -> None:
    answer = http_request(served.container.port, "GET", "/elsewhere")
    assert answer.status == 404
    if served.is_mms:
        assert answer.json["type"] == "ResourceNotFoundException"
    else:
        assert answer.error["code"] == "bad_request"


def test_mms_takes_any_method(served: Served) -> None:
    deleted = http_request(served.container.port, "DELETE", "/ping")
    got = http_request(served.container.port, "GET", "/invocations")
    if served.is_mms:
        assert deleted.json == {"status": "Healthy"}
        assert (got.status, got.error["code"]) == (422, "document_unreadable")
    else:
        assert (deleted.status, got.status) == (405, 405)


def test_mms_does_not_see_its_caller_hang_up(served: Served) -> None:
    name = f"gone-{served.server}"
    head = (
        "POST /invocations HTTP/1.1\r\nHost: quire\r\nContent-Type: image/png\r\n"
        f"X-Amzn-SageMaker-Custom-Attributes: ref={name}\r\nContent-Length: {len(SLOW)}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", served.container.port), PATIENCE_SECONDS) as caller:
        caller.sendall(head.encode() + SLOW)
        eventually(served.in_hand)
    line = eventually(
        lambda: [line for line in served.events("invocation") if line.get("reference") == name]
    )[0]
    assert line["status"] == (200 if served.is_mms else 499)


def test_mms_cannot_be_managed_from_outside(served: Served) -> None:
    """sagemaker-inference opens the management API, which loads code, on the port of the invocations."""
    answer: Answer = http_request(served.container.port, "GET", "/models")
    assert answer.status in (404, 405)
