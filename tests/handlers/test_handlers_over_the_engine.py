"""Handlers that keep our model, over a real engine: what each of their functions gets, and who batches."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from quire.words.errors import BadRequest, DocumentUnreadable, HandlerFailed
from tests.fakes.handlers_that_users_write import ATTRIBUTES, CSV, JSON, UsersRequest
from tests.fakes.running_engine import RunningEngine, running_engine, stub_folder
from tests.handlers.conftest import Load

PDF = "application/pdf"
PAGES = 40
"""Of contract.pdf."""


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEngine]:
    folder = tmp_path_factory.mktemp("engine")
    base = stub_folder(folder / "base", batch_seconds=0.05)
    environ = {"SAGEMAKER_BASE_DIR": str(base), "QUIRE_DEVICE": "cpu", "QUIRE_DEVICE_WORKERS": "1"}
    with running_engine(folder / "run", environ) as running:
        yield running


@pytest.fixture
def contract(samples: Path) -> bytes:
    return (samples / "contract.pdf").read_bytes()


def test_an_output_fn_gets_our_reading(load: Load, engine: RunningEngine, contract: bytes) -> None:
    loaded = load("def output_fn(reading, accept): return f'{len(reading.pages)} {accept}'", engine.address)
    answer = loaded.ask(UsersRequest("", contract, PDF, "text/x-own", {ATTRIBUTES: "pages=1;ref=r"}))
    assert (answer.body, answer.content_type) == (b"1 text/x-own", "text/x-own")
    assert (loaded.notes.num_pages, loaded.notes.reference) == (1, "r")


def test_a_predict_fn_gets_our_request_and_a_model_that_reads(
    load: Load, engine: RunningEngine, contract: bytes
) -> None:
    loaded = load(
        "def predict_fn(document, model, context):\n"
        "    reading = model.read(document)\n"
        "    return {'type': document.media_type, 'pages': [page.page for page in reading.pages],\n"
        "            'reference': context.reference, 'soon': context.seconds_left < 31}\n",
        engine.address,
    )
    attributes = {ATTRIBUTES: "pages=2;ref=r;deadline_seconds=30"}
    answer = loaded.ask(UsersRequest("", contract, PDF, None, attributes))
    assert json.loads(answer.body) == {"type": PDF, "pages": [2], "reference": "r", "soon": True}
    assert answer.content_type == JSON
    assert loaded.notes.num_pages == 1


def test_a_reading_that_predict_fn_returns_is_written_by_us(
    load: Load, engine: RunningEngine, contract: bytes
) -> None:
    loaded = load("def predict_fn(document, model): return model.read(document)", engine.address)
    answer = loaded.ask(UsersRequest("", contract, PDF, "text/plain"))
    assert answer.content_type == "text/plain; charset=utf-8"
    assert json.loads(loaded.ask(UsersRequest("", contract, PDF)).body)["schema"] == "quire.document/1"


def test_an_input_fn_alone_hands_bytes_to_our_model(
    load: Load, engine: RunningEngine, contract: bytes
) -> None:
    loaded = load(
        "import base64, json\n"
        "def input_fn(body, content_type): return base64.b64decode(json.loads(body)['file'])\n",
        engine.address,
    )
    body = json.dumps({"file": base64.b64encode(contract).decode()}).encode()
    assert len(json.loads(loaded.ask(UsersRequest("", body, JSON)).body)["pages"]) == PAGES


def test_a_transform_fn_reads_bytes_and_paths_with_options(
    load: Load, engine: RunningEngine, contract: bytes, samples: Path
) -> None:
    loaded = load(
        "from pathlib import Path\n"
        "def model_warmup_fn(model_dir, model):\n"
        f"    assert len(model.read(Path({str(samples / 'contract.pdf')!r})).pages) == {PAGES}\n"
        "def transform_fn(model, body, content_type, accept):\n"
        "    first = model.read(body, content_type, pages='1', dpi=100)\n"
        f"    second = model.read(Path({str(samples / 'report.png')!r}))\n"
        "    return {'first': len(first.pages), 'second': second.source.media_type}\n",
        engine.address,
    )
    answer = loaded.ask(UsersRequest("", contract, PDF))
    assert json.loads(answer.body) == {"first": 1, "second": "image/png"}
    assert loaded.notes.num_pages == 2


def test_a_text_that_a_caller_sends_opens_no_file(load: Load, engine: RunningEngine, samples: Path) -> None:
    """It reaches the model as a str where the Content-Type is text/csv."""
    loaded = load("def transform_fn(model, body, t, accept): return model.read(body).source", engine.address)
    with pytest.raises(HandlerFailed, match=r"TypeError: model\.read takes .* not str"):
        loaded.ask(UsersRequest("", str(samples / "report.png").encode(), CSV))
    with pytest.raises(HandlerFailed, match="not int"):
        load("def input_fn(body, t): return 5", engine.address).ask(UsersRequest("", b"", CSV))


def test_a_read_without_a_deadline_keeps_the_requests_own(
    load: Load, engine: RunningEngine, contract: bytes
) -> None:
    loaded = load(
        "def transform_fn(model, body, t, accept):\n"
        "    model.read(body, pages='1')\n"
        "    model.read(body, pages='1', deadline_seconds=900)\n"
        "    model.read(body, pages='1', deadline_seconds=30)\n",
        engine.address,
    )
    loaded.ask(UsersRequest("", contract, PDF))
    assert [round(seconds) for seconds in loaded.deadlines] == [900, 30]


def test_what_the_engine_raises_passes_through_a_predict_fn(load: Load, engine: RunningEngine) -> None:
    loaded = load("def predict_fn(document, model): return model.read(document)", engine.address)
    with pytest.raises(DocumentUnreadable):
        loaded.ask(UsersRequest("", b"%PDF-1.7 and nothing more", PDF))


def test_an_accept_that_a_reading_cannot_meet_is_refused_first(load: Load, engine: RunningEngine) -> None:
    """Only where a reading is what will be written: the handler may know other types."""
    loaded = load("def pre_model_fn(model_dir): ...", engine.address)
    with pytest.raises(BadRequest, match="Accept"):
        loaded.ask(UsersRequest("", b"%PDF-1.7", PDF, "image/png"))


def test_documents_of_many_calls_lie_in_one_batch(load: Load, engine: RunningEngine, contract: bytes) -> None:
    loaded = load(
        "import threading\n"
        "both = threading.Barrier(2, timeout=30)\n"
        "def predict_fn(document, model):\n"
        "    both.wait()\n"
        "    return len(model.read(document).pages)\n",
        engine.address,
    )
    answers: list[bytes] = []

    def call(reference: str) -> None:
        attributes = {ATTRIBUTES: f"ref={reference};text=ocr"}
        answers.append(loaded.ask(UsersRequest("", contract, PDF, headers=attributes)).body)

    calls = [threading.Thread(target=call, args=(reference,)) for reference in ("left", "right")]
    for each in calls:
        each.start()
    for each in calls:
        each.join()
    assert answers == [str(PAGES).encode()] * 2
    lines = [json.loads(line) for line in (engine.scratch / "log.jsonl").read_text().splitlines()]
    batches = [line["references"] for line in lines if line["event"] == "batch"]
    assert any(sorted(references) == ["left", "right"] for references in batches)
