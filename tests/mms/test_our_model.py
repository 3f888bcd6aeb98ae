"""A user's handler that keeps our model: its documents meet in the engine's batches under both front ends."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from quire.models.stub import Marker
from tests.fakes.painted_pages import painted_page
from tests.fakes.running_container import handler_folder
from tests.fakes.running_engine import stub_folder
from tests.fakes.running_front_end import eventually
from tests.mms.conftest import Served, await_warm, serving_under, short_folder

COUNTS_PAGES = """
import json

def predict_fn(request, model):
    reading = model.read(request)
    return {"pages": len(reading.pages), "text": reading.pages[0].text}

def output_fn(prediction, accept):
    return json.dumps(prediction), "application/json"
"""


@pytest.fixture(scope="module", params=["gunicorn", "mms"])
def counter(request: pytest.FixtureRequest) -> Iterator[Served]:
    with short_folder() as folder:
        base = handler_folder(stub_folder(folder, slow_seconds=4.0), COUNTS_PAGES)
        settings = {"QUIRE_DEVICE_WORKERS": "1", "QUIRE_RENDER_WORKERS": "1"}
        with serving_under(request.param, base, **settings) as container:
            await_warm(container)
            yield Served(request.param, container)


def test_documents_share_a_batch(counter: Served) -> None:
    page = painted_page()
    bodies = [painted_page(Marker.SLOW), page, page, page]
    answers = counter.post_while_busy(bodies, [f"ref=number-{number}" for number in range(4)])
    assert [(answer.status, answer.json["pages"]) for answer in answers] == [(200, 1)] * 4
    assert answers[1].json["text"] == "40 x 40: 0"
    assert eventually(lambda: counter.shared_batches("number"))


def test_an_error_of_the_document_is_typed(counter: Served) -> None:
    answer = counter.post(b"?", "image/png")
    assert (answer.status, answer.error["code"]) == (415, "unsupported_media_type")
