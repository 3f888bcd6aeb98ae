"""Where our answers differ from the toolkit's on purpose: each line of the table in docs/handlers.md, seen on
both sides."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from quire.words.errors import SettingsError
from tests.fakes.handlers_that_users_write import CSV, JSON, NPY, UsersHandler, UsersRequest
from tests.handlers.test_like_the_toolkit import NoWorkerStarts, Outcome, ours_of, toolkits_of

MODEL = "def model_fn(model_dir): return None\n"
PLAIN = MODEL + "def predict_fn(data, model): return data\n"


def objects() -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    return buffer.getvalue()


def asking(body: bytes = b"[1]", content_type: str = JSON, accept: str | None = None) -> UsersRequest:
    return UsersRequest("of the table", body, content_type, accept)


def coding(call: str, function: str = "transform_fn(model, data, content_type, accept)") -> str:
    """A function that leaves the formats to the toolkit."""
    imported = "from sagemaker_inference import decoder, encoder, errors\n"
    return f"{imported}{MODEL}def {function}: {call}\n"


def raising(function: str, error: str) -> str:
    imported = "from sagemaker_inference import errors\n"
    body = {"input_fn": "def input_fn(body, content_type)", "output_fn": "def output_fn(prediction, accept)"}
    return f"{imported}{PLAIN}{body[function]}: raise errors.{error}\n"


Case = tuple[str, str, UsersRequest]
UNSUPPORTED = "UnsupportedFormatError('x/y')"
ENCODE = "encoder.encode([1], 'image/png')"

CASES: list[Case] = [
    ("Content-Type that no default decodes", PLAIN, asking(b"x", "text/plain")),
    ("`application/json; charset=utf-8`", PLAIN, asking(b"[1]", "application/json; charset=utf-8")),
    ("body that is not the JSON, CSV or NPY", PLAIN, asking(b"{")),
    ("body that is not the JSON, CSV or NPY", PLAIN, asking(b"1,2\n3\n", CSV)),
    ("body that is not the JSON, CSV or NPY", PLAIN, asking(b"x", NPY)),
    ("NPY or NPZ with pickled objects", PLAIN, asking(objects(), NPY)),
    ("JSON or CSV that is not UTF-8", PLAIN, asking(b"\xff", CSV)),
    ("Accept that no default writes", PLAIN, asking(accept="image/png")),
    ("Accept with `q=` or a wildcard", PLAIN, asking(accept="application/json;q=0.9")),
    ("Accept with `q=` or a wildcard", PLAIN, asking(accept="application/*")),
    ("`UnsupportedFormatError` out of `input_fn`", raising("input_fn", UNSUPPORTED), asking()),
    ("`UnsupportedFormatError` out of `output_fn`", raising("output_fn", UNSUPPORTED), asking()),
    ("`UnsupportedFormatError` of the toolkit's encoder", coding(ENCODE), asking()),
    ("`UnsupportedFormatError` of the toolkit's encoder", coding(ENCODE, "predict_fn(data, m)"), asking()),
    ("`UnsupportedFormatError` out of `transform_fn`", coding("decoder.decode(data, 'x/y')"), asking()),
    ("`UnsupportedFormatError` out of `transform_fn`", coding(f"raise errors.{UNSUPPORTED}"), asking()),
    (
        "array of objects to be written as NPY",
        "import numpy\n" + PLAIN.replace("return data", "return numpy.array([{}], dtype=object)"),
        asking(accept=NPY),
    ),
    (
        "result that is neither bytes, text nor JSON",
        PLAIN + "def output_fn(prediction, accept): return object()\n",
        asking(),
    ),
    (
        "toolkit error with a status below 400",
        raising("input_fn", "GenericInferenceToolkitError(200, 'odd')"),
        asking(),
    ),
    ("`model_fn` without `predict_fn`", MODEL, asking()),
    ("`transform_fn` beside `predict_fn`", PLAIN + "def transform_fn(m, d, c, a): return d\n", asking()),
    ("function with too many or too few", MODEL + "def predict_fn(data): return data\n", asking()),
    ("program that cannot be imported", PLAIN + "import nothing_of_this_name\n", asking()),
    (
        "program that cannot be imported",
        PLAIN.replace("return None", "raise OSError('no weights')"),
        asking(),
    ),
    ("no `model_fn`", "def transform_fn(model, data, content_type, accept): return data\n", asking()),
]


def rows() -> dict[str, tuple[str, str]]:
    """First cell → the toolkit's and our status, as the table says them."""
    text = (Path(__file__).parents[2] / "docs" / "handlers.md").read_text(encoding="utf-8")
    table = text.split("<!-- differences:")[1].split("<!-- end of differences -->")[0]
    lines = [line for line in table.splitlines() if line.startswith("|")][2:]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {row[0]: (row[1], row[2]) for row in cells}


def row_of(phrase: str) -> str:
    (row,) = [row for row in rows() if row.startswith(phrase)]
    return row


def answered(outcome: Callable[[], Outcome]) -> str:
    try:
        return str(outcome().status)
    except SettingsError:
        return "ends at start"
    except NoWorkerStarts:
        return "500"  # to every call, as multi-model-server does then (docs/mms.md)


@pytest.mark.usefixtures("process_left_as_it_was")
@pytest.mark.parametrize(
    ("phrase", "program", "asked"),
    [pytest.param(*case, id=re.sub(r"\W+", "_", case[0])) for case in CASES],
)
def test_each_side_answers_as_the_table_says(
    phrase: str, program: str, asked: UsersRequest, tmp_path: Path
) -> None:
    users = UsersHandler(program, (asked,))
    seen = (
        answered(lambda: toolkits_of(users, asked, tmp_path)),
        answered(lambda: ours_of(users, asked, tmp_path)),
    )
    assert seen == rows()[row_of(phrase)]


def test_every_line_of_the_table_is_a_case() -> None:
    assert {row_of(phrase) for phrase, _, _ in CASES} == rows().keys()


@pytest.mark.usefixtures("process_left_as_it_was")
def test_a_wildcard_is_answered_with_the_default(tmp_path: Path) -> None:
    outcome = ours_of(UsersHandler(PLAIN, ()), asking(accept="application/*"), tmp_path)
    assert (json.loads(outcome.body or b""), outcome.content_type) == ([1], JSON)
