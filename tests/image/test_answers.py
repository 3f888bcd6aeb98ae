"""The image answers what the checkout's own ./serve answers: the samples, and what is no document."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from bench.served import Served
from quire.process.run_samples import NAMES
from tests.image.running_image import Running, running

MODEL = Path(__file__).parents[2] / "model" / "default"
MAX_CONFIDENCE_DIFFERENCE = 0.01


def reading(body: bytes) -> dict[str, Any]:
    """Without what differs from time to time: its id, timings and, in the last digits, confidences."""
    told = json.loads(body)
    for page in told["pages"]:
        page["lines"] = [{key: line[key] for key in ("text", "polygon")} for line in page["lines"]]
    return {key: value for key, value in told.items() if key not in ("inference_id", "timings_ms")}


def confidences(body: bytes) -> list[float]:
    return [line["confidence"] for page in json.loads(body)["pages"] for line in page["lines"]]


@pytest.mark.parametrize("name", NAMES)
def test_sample_is_read_as_by_the_checkout(container: Running, own: Served, samples: Path, name: str) -> None:
    content = (samples / name).read_bytes()
    answer = container.post(content, "application/octet-stream", f"ref={name}")
    status, body = own.post(content, "application/octet-stream", f"ref={name}")
    assert (answer.status, status) == (200, 200)
    assert answer.headers["Content-Length"] == str(len(answer.body))
    assert reading(answer.body) == reading(body)
    assert confidences(answer.body) == pytest.approx(confidences(body), abs=MAX_CONFIDENCE_DIFFERENCE)


class Bad(NamedTuple):
    """A request at fault and how it is answered; `sample` names a file whose bytes stand before `body`."""

    status: int
    code: str
    content_type: str
    body: bytes = b""
    attributes: str = ""
    sample: str = ""


ENCRYPTED_AS_JSON = {"document": {"base64": base64.b64encode(b"%PDF-1.7 nothing").decode()}}
BAD_REQUESTS = (
    Bad(415, "unsupported_media_type", "application/octet-stream", b"just some words"),
    Bad(415, "unsupported_media_type", "application/pdf", sample="invoice.jpg"),
    Bad(422, "document_unreadable", "application/pdf", b"%PDF-1.7\nbut no more of it"),
    Bad(422, "document_unreadable", "application/json", json.dumps(ENCRYPTED_AS_JSON).encode()),
    Bad(422, "document_encrypted", "application/pdf", sample="encrypted.pdf"),
    Bad(422, "pages_outside_document", "image/jpeg", sample="invoice.jpg", attributes="pages=7-"),
    Bad(400, "bad_request", "image/jpeg", sample="invoice.jpg", attributes="dpi=9"),
    Bad(400, "bad_request", "application/json", b"{"),
    Bad(400, "s3_refused", "application/json", b'{"document": {"s3_uri": "s3://bucket/scan.pdf"}}'),
    Bad(413, "body_too_large", "application/octet-stream", bytes(2_000_001)),
)


@pytest.mark.parametrize("bad", BAD_REQUESTS, ids=lambda bad: f"{bad.code}-{bad.content_type}")
def test_bad_input_is_refused_as_by_the_checkout(
    container: Running, own: Served, samples: Path, bad: Bad
) -> None:
    content = ((samples / bad.sample).read_bytes() if bad.sample else b"") + bad.body
    answer = container.post(content, bad.content_type, bad.attributes)
    status, body = own.post(content, bad.content_type, bad.attributes)
    assert (answer.status, answer.json["error"]["code"]) == (bad.status, bad.code)
    assert (status, json.loads(body)["error"]["message"]) == (bad.status, answer.json["error"]["message"])
    assert container.ping() == 200


def test_other_routes_are_answered(container: Running) -> None:
    assert container.request("GET", "/execution-parameters").status == 200
    assert container.request("GET", "/elsewhere").status == 404
    assert container.request("PUT", "/invocations", b"x").status == 405


def test_users_model_is_served_from_a_folder_that_cannot_be_written_to(
    image: str, samples: Path, tmp_path: Path
) -> None:
    shutil.copytree(MODEL, tmp_path / "model")
    before = digests(tmp_path / "model")
    with running(image, f"--volume={tmp_path / 'model'}:/opt/ml/model:ro") as container:
        container.await_healthy()
        answer = container.post((samples / "invoice.jpg").read_bytes(), "image/jpeg")
        assert answer.status == 200
        assert answer.json["pages"][0]["text"].startswith("Tidewater Fittings Ltd")
        opened = container.python(OPENED_MODELS)
    assert "/opt/ml/model/manifest.json" in opened
    assert digests(tmp_path / "model") == before


OPENED_MODELS = "from pathlib import Path; print(*Path('/opt/ml/model').iterdir())"


def digests(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
