"""What a reading looks like in each format."""

from __future__ import annotations

import json

import pytest

from quire.formats.writing import OFFERED_MEDIA_TYPES, write_reading
from quire.words.errors import BadRequest
from tests.formats.readings import failed_page, read_page, reading

JSON_LINES_NAMES = [name for name in OFFERED_MEDIA_TYPES if "json" in name and name != "application/json"]


def test_json_holds_the_document_in_the_published_order() -> None:
    written = write_reading(reading(read_page(1), read_page(2)), None)
    answer = json.loads(written.body)
    assert written.content_type == "application/json"
    assert list(answer) == [
        "schema",
        "inference_id",
        "reference",
        "status",
        "model",
        "source",
        "pages",
        "fields",
        "fields_error",
        "timings_ms",
    ]
    assert answer["schema"] == "quire.document/1"
    assert answer["status"] == "complete"
    assert answer["model"] == {"name": "pp-ocrv6-small", "revision": "r1"}
    assert answer["source"]["num_pages"] == 9
    assert [page["page"] for page in answer["pages"]] == [1, 2]
    assert answer["pages"][0]["text"] == "Grüße, 1.250 €"
    assert answer["pages"][0]["text_source"] == "ocr"
    assert answer["pages"][0]["error"] is None


def test_json_rounds_confidences_pixels_and_times() -> None:
    answer = json.loads(write_reading(reading(read_page(1)), "application/json").body)
    (page,) = answer["pages"]
    assert page["dpi"] == 200.0
    assert page["lines"][0]["confidence"] == 0.988
    assert page["blocks"][0]["polygon"] == [[1.2, 2.3], [3.5, 2.3], [3.5, 4.6], [1.2, 4.6]]
    assert answer["timings_ms"] == {"total": 12.3}


def test_json_holds_entities_rounded_and_none_where_none_were_looked_for() -> None:
    answer = json.loads(write_reading(reading(read_page(1), failed_page(2)), "application/json").body)
    assert answer["pages"][0]["entities"] == [
        {
            "label": "SUM",
            "text": "1.250",
            "score": 0.912,
            "polygon": [[10.0, 20.1], [0.0, 20.0], [110.5, 40.0], [10.0, 40.0]],
            "lines": [0],
        }
    ]
    assert answer["pages"][1]["entities"] == []


def test_json_writes_no_negative_zero() -> None:
    assert b"-0.0" not in write_reading(reading(read_page(1)), None).body


def test_partial_document_shows_the_failed_pages_error() -> None:
    answer = json.loads(write_reading(reading(read_page(1), failed_page(2)), None).body)
    assert answer["status"] == "partial"
    assert answer["pages"][1]["text"] == ""
    assert answer["pages"][1]["error"] == {
        "code": "page_unreadable",
        "message": "the page's data is broken",
        "retryable": False,
    }


@pytest.mark.parametrize("name", JSON_LINES_NAMES)
def test_json_lines_are_self_contained_and_keep_the_name_asked_for(name: str) -> None:
    written = write_reading(reading(read_page(1), failed_page(2)), name)
    assert written.content_type == name
    lines = [json.loads(line) for line in written.body.decode().splitlines()]
    assert [line["page"] for line in lines] == [1, 2]
    for line in lines:
        assert line["schema"] == "quire.page/1"
        assert line["inference_id"] == "i-1"
        assert line["reference"] == "invoice-17"
        assert line["source"]["sha256"] == "0" * 64
    assert lines[1]["error"]["code"] == "page_unreadable"


def test_json_lines_survive_text_with_line_breaks() -> None:
    written = write_reading(reading(read_page(1, "one\ntwo\u2028three")), "application/jsonlines")
    assert written.body.count(b"\n") == 1
    assert json.loads(written.body)["text"] == "one\ntwo\u2028three"


def test_plain_text_has_a_form_feed_between_pages() -> None:
    written = write_reading(reading(read_page(1, "é1"), failed_page(2), read_page(3, "3")), "text/plain")
    assert written.content_type == "text/plain; charset=utf-8"
    assert written.body.decode() == "é1\f\f3\n"


def test_missing_names_are_null() -> None:
    answer = json.loads(write_reading(reading(read_page(1), inference_id=None), None).body)
    assert answer["inference_id"] is None


def test_every_offer_can_be_asked_for() -> None:
    for name in OFFERED_MEDIA_TYPES:
        assert write_reading(reading(read_page(1)), name).content_type.startswith(name)


def test_unacceptable_accept_is_the_callers_fault() -> None:
    with pytest.raises(BadRequest, match="image/png"):
        write_reading(reading(read_page(1)), "image/png")
