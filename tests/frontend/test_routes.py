"""The three routes over a real socket, and what every answer has in common."""

from __future__ import annotations

import pytest

from quire.words.errors import ANSWERABLE_ERRORS, QuireError
from tests.fakes.running_front_end import PNG, Answer, RunningFrontEnd

MAX_HEADER_BYTES = 4096


def header_bytes(answer: Answer) -> int:
    return sum(len(name) + len(value) + 4 for name, value in answer.headers.items()) + 64


def assert_deliverable(answer: Answer) -> None:
    """What SageMaker's asynchronous side asks of every response."""
    assert answer.headers["Content-Length"] == str(len(answer.body))
    assert "Transfer-Encoding" not in answer.headers
    assert header_bytes(answer) < MAX_HEADER_BYTES


def test_ping_is_empty(front_end: RunningFrontEnd) -> None:
    answer = front_end.request("GET", "/ping")
    assert (answer.status, answer.body) == (200, b"")
    assert_deliverable(answer)


def test_execution_parameters(front_end: RunningFrontEnd) -> None:
    answer = front_end.request("GET", "/execution-parameters")
    assert answer.json == {
        "MaxConcurrentTransforms": 4,
        "BatchStrategy": "SINGLE_RECORD",
        "MaxPayloadInMB": 3,
    }
    assert_deliverable(answer)


def test_a_document_is_answered(front_end: RunningFrontEnd) -> None:
    answer = front_end.invoke("invoice-17", X_Amzn_SageMaker_Inference_Id="id-1")
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json["reference"] == "invoice-17"
    assert answer.json["inference_id"] == "id-1"
    assert answer.json["source"]["bytes"] == len(PNG)
    assert_deliverable(answer)


def test_accept_chooses_the_format(front_end: RunningFrontEnd) -> None:
    answer = front_end.invoke(Accept="text/plain")
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert_deliverable(answer)


def test_an_accept_nobody_can_meet_is_refused_before_the_document_is_read(
    front_end: RunningFrontEnd,
) -> None:
    answer = front_end.invoke("defect", Accept="image/png")
    assert (answer.status, answer.error["code"]) == (400, "bad_request")


@pytest.mark.parametrize("error", ANSWERABLE_ERRORS, ids=lambda error: error.code)
def test_each_error_has_its_answer(front_end: RunningFrontEnd, error: type[QuireError]) -> None:
    answer = front_end.invoke(f"raise:{error.code}", X_Amzn_SageMaker_Inference_Id="id-2")
    assert answer.status == error.status
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.error == {
        "code": error.code,
        "message": f"the message of {error.code}",
        "retryable": error.retryable,
        "inference_id": "id-2",
        "reference": f"raise:{error.code}",
    }
    assert_deliverable(answer)


def test_a_defect_is_told_in_the_log_only(front_end: RunningFrontEnd) -> None:
    answer = front_end.invoke("defect", X_Amzn_SageMaker_Inference_Id="id-defect")
    assert (answer.status, answer.error["code"], answer.error["retryable"]) == (500, "internal_error", False)
    assert b"KeyError" not in answer.body and b"secret" not in answer.body
    assert_deliverable(answer)
    (line,) = [line for line in front_end.log_lines("invocation") if line.get("inference_id") == "id-defect"]
    assert "KeyError" in line["traceback"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("POST", "/models/x/invoke", 404),
        ("GET", "/ping/", 404),
        ("GET", "/invocations", 405),
        ("POST", "/ping", 405),
        ("OPTIONS", "/invocations", 405),
        ("DELETE", "/execution-parameters", 405),
    ],
)
def test_other_routes_and_methods_are_refused_as_json(
    front_end: RunningFrontEnd, method: str, path: str, status: int
) -> None:
    answer = front_end.request(method, path)
    assert (answer.status, answer.error["code"]) == (status, "bad_request")
    assert_deliverable(answer)


def test_head_has_no_body(front_end: RunningFrontEnd) -> None:
    answer = front_end.request("HEAD", "/ping")
    assert (answer.status, answer.body) == (200, b"")


@pytest.mark.parametrize("attributes", ["pages", "pages=0", "colour=red", "dpi=1", "dpi=200;dpi=300"])
def test_malformed_options_are_the_callers_fault(front_end: RunningFrontEnd, attributes: str) -> None:
    answer = front_end.invoke(X_Amzn_SageMaker_Custom_Attributes=f"{attributes};ref=r-9")
    assert (answer.status, answer.error["code"], answer.error["reference"]) == (400, "bad_request", "r-9")


def test_bytes_of_no_known_kind(front_end: RunningFrontEnd) -> None:
    answer = front_end.invoke(body=b"just words")
    assert (answer.status, answer.error["code"]) == (415, "unsupported_media_type")


def test_an_empty_body(front_end: RunningFrontEnd) -> None:
    answer = front_end.invoke(body=b"")
    assert (answer.status, answer.error["code"]) == (422, "document_unreadable")


def test_odd_header_values_are_cut_and_never_echoed_raw(front_end: RunningFrontEnd) -> None:
    answer = front_end.invoke("raise:overloaded", X_Amzn_SageMaker_Inference_Id="\x80\xff<é>" + "i" * 5000)
    assert answer.status == 503
    assert answer.error["inference_id"] == "<>" + "i" * 62
    assert_deliverable(answer)


def test_a_reference_of_any_text_does_not_break_the_answer(front_end: RunningFrontEnd) -> None:
    answer = front_end.invoke('é"quoted" \t' + "r" * 2000)
    assert answer.status == 400
    assert len(answer.error["reference"]) == 256
    assert_deliverable(answer)


def test_a_json_request(front_end: RunningFrontEnd) -> None:
    body = b'{"document": {"base64": "%s"}, "options": {"ref": "from-json"}}' % b"iVBORw0KGgoAAAAA"
    answer = front_end.invoke(body=body, Content_Type="application/json; charset=utf-8")
    assert (answer.status, answer.json["reference"]) == (200, "from-json")
    assert answer.json["source"]["bytes"] == 12


def test_a_json_requests_reference_stands_in_its_error(front_end: RunningFrontEnd) -> None:
    body = b'{"document": {"base64": "AAAA"}, "options": {"ref": "from-json"}}'
    answer = front_end.invoke(body=body, Content_Type="application/json")
    assert (answer.status, answer.error["reference"]) == (415, "from-json")


def test_the_log_has_a_line_for_each_invocation(front_end: RunningFrontEnd) -> None:
    front_end.invoke("line-1", X_Amzn_SageMaker_Inference_Id="logged")
    (line,) = [line for line in front_end.log_lines("invocation") if line.get("inference_id") == "logged"]
    assert (line["status"], line["reference"], line["bytes"], line["pages"]) == (200, "line-1", len(PNG), 0)
    assert line["peak"] >= line["in_flight"] >= 1
    assert line["milliseconds"] > 0
