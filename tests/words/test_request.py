"""Options, from a header and from JSON."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quire.words.errors import BadRequest
from quire.words.pages import PageSelection
from quire.words.request import DocumentRequest, ReadOptions, TextMode


def test_header_gives_every_option() -> None:
    options = ReadOptions.parse_attributes(
        "pages=1-5;dpi=150;text=ocr;strict=true;deadline_seconds=600;ref=invoice-17;"
        "prompt=What is the total?;max_tokens=40"
    )
    assert options == ReadOptions(
        pages=PageSelection.parse("1-5"),
        dpi=150,
        text=TextMode.OCR,
        strict=True,
        deadline_seconds=600.0,
        reference="invoice-17",
        prompt="What is the total?",
        max_tokens=40,
    )


@pytest.mark.parametrize("text", ["", " ", ";", " ; ;"])
def test_empty_header_is_the_defaults(text: str) -> None:
    assert ReadOptions.parse_attributes(text) == ReadOptions()


def test_blanks_and_a_last_semicolon_do_not_matter() -> None:
    assert ReadOptions.parse_attributes(" dpi = 150 ; strict = 1 ;") == ReadOptions(dpi=150, strict=True)


def test_value_may_hold_an_equals_sign() -> None:
    assert ReadOptions.parse_attributes("ref=a=b").reference == "a=b"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("dpi", "'dpi'"),
        ("dpi=1;dpi=2", "dpi=2"),
        ("colour=red", "'colour'"),
        ("dpi=many", "dpi"),
        ("dpi=1.5", "dpi"),
        ("dpi=35", "36 to 1200"),
        ("dpi=1201", "36 to 1200"),
        ("text=magic", "auto, ocr, layer"),
        ("prompt=", "prompt"),
        ("max_tokens=0", "1 to 100000"),
        ("strict=perhaps", "strict"),
        ("deadline_seconds=0", "0 to 3600"),
        ("deadline_seconds=3601", "0 to 3600"),
        ("deadline_seconds=nan", "deadline_seconds"),
        ("deadline_seconds=inf", "deadline_seconds"),
        ("deadline_seconds=soon", "deadline_seconds"),
        ("pages=0", "pages"),
        ("ref=" + "x" * 257, "256"),
    ],
)
def test_bad_attribute_names_what_is_wrong(text: str, named: str) -> None:
    with pytest.raises(BadRequest, match=named):
        ReadOptions.parse_attributes(text)


@pytest.mark.parametrize(("dpi", "deadline"), [(36, 0.001), (1200, 3600.0)])
def test_bounds_are_allowed(dpi: int, deadline: float) -> None:
    options = ReadOptions.from_mapping({"dpi": dpi, "deadline_seconds": deadline})
    assert (options.dpi, options.deadline_seconds) == (dpi, deadline)


def test_json_values_keep_their_types() -> None:
    given_options = {
        "pages": 3,
        "dpi": 150,
        "strict": False,
        "deadline_seconds": 12,
        "text": "layer",
        "ref": "r",
    }
    options = ReadOptions.from_mapping(given_options)
    assert options.pages == PageSelection.parse("3")
    assert (options.dpi, options.strict, options.deadline_seconds) == (150, False, 12.0)
    assert (options.text, options.reference) == (TextMode.LAYER, "r")


def test_json_null_is_the_default() -> None:
    assert ReadOptions.from_mapping({"dpi": None, "ref": None}) == ReadOptions()


@pytest.mark.parametrize(
    "options",
    [
        {"dpi": [150]},
        {"dpi": {}},
        {"text": ["ocr"]},
        {"text": {"ocr": 1}},
        {"pages": ["1"]},
        {"pages": True},
        {"strict": "2"},
        {"ref": 17},
        {"deadline_seconds": []},
    ],
)
def test_json_of_another_type_is_a_bad_request(options: dict[str, object]) -> None:
    (name,) = options
    with pytest.raises(BadRequest, match=name):
        ReadOptions.from_mapping(options)


def test_unknown_option_is_named_beside_the_known_ones() -> None:
    with pytest.raises(BadRequest, match=r"unknown option 'page'.*pages, dpi, text"):
        ReadOptions.from_mapping({"page": "1"})


def test_long_values_are_cut_in_messages() -> None:
    with pytest.raises(BadRequest) as caught:
        ReadOptions.from_mapping({"dpi": "9x" * 5000})
    assert len(str(caught.value)) < 300


@given(st.text(max_size=60))
def test_any_header_is_options_or_a_bad_request(text: str) -> None:
    try:
        ReadOptions.parse_attributes(text)
    except BadRequest as error:
        assert len(str(error)) < 600


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
names = st.sampled_from(["pages", "dpi", "text", "strict", "deadline_seconds", "ref"])


@given(st.dictionaries(names, json_values, max_size=4))
def test_any_json_is_options_or_a_bad_request(options: dict[str, object]) -> None:
    try:
        ReadOptions.from_mapping(options)
    except BadRequest as error:
        assert len(str(error)) < 600


def test_request_crosses_a_process_border_whole() -> None:
    request = DocumentRequest(
        path=Path("/tmp/a b.pdf"),
        media_type="application/pdf",
        num_bytes=7,
        sha256="0" * 64,
        options=ReadOptions.parse_attributes("pages=2-;text=layer;ref=é"),
        password="hé",
        inference_id="i",
    )
    encoded = msgspec.json.encode(request, enc_hook=str)
    decoded = msgspec.json.decode(encoded, type=DocumentRequest, dec_hook=lambda kind, value: kind(value))
    assert decoded == request
