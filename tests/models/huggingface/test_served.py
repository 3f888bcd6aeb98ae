"""Folders behind `./serve`: real documents, alone and beside others."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from bench.served import Served
from tests.fakes.served_folders import answer, served_folder
from tests.fakes.tiny_text_models import tiny_bert_classifier

DATA = Path(__file__).parents[2] / "data"
INVOICE = ((DATA / "invoice.jpg").read_bytes(), "image/jpeg", "")
LETTERS = ((DATA / "letters.tiff").read_bytes(), "image/tiff", "")
STATEMENT = ((DATA / "statement.pdf").read_bytes(), "application/pdf")
CONTRACT = ((DATA / "contract.pdf").read_bytes(), "application/pdf", "pages=2-3")


@pytest.fixture(scope="module")
def container(short_layoutlmv3: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served_folder(short_layoutlmv3, tmp_path_factory.mktemp("ml")) as started:
        yield started


def entities(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [entity for page in document["pages"] for entity in page["entities"]]


def without_scores(document: dict[str, Any]) -> dict[str, Any]:
    """Sums are not added up in the same order in every batch."""
    for entity in entities(document):
        del entity["score"]
    return document


def test_a_document_is_answered_the_same_alone_and_beside_others(container: Served) -> None:
    documents = [INVOICE, LETTERS, CONTRACT]
    alone = [answer(container, *document) for document in documents]
    with ThreadPoolExecutor(6) as pool:
        crowd = list(pool.map(lambda document: answer(container, *document), documents * 2))
    for one, other in zip(crowd, alone * 2, strict=True):
        assert [entity["score"] for entity in entities(one)] == pytest.approx(
            [entity["score"] for entity in entities(other)], abs=2e-3
        )
    assert [without_scores(one) for one in crowd] == [without_scores(one) for one in alone] * 2
    assert {entity["label"] for entity in entities(alone[0])} == {"NAME", "AMOUNT"}


def test_a_pdf_page_with_text_of_its_own_is_looked_at_too(container: Served) -> None:
    document = answer(container, *STATEMENT, "")
    assert {page["text_source"] for page in document["pages"]} == {"ocr"}
    assert all(page["entities"] for page in document["pages"])
    layer = answer(container, *STATEMENT, "text=layer")
    assert {page["text_source"] for page in layer["pages"]} == {"layer"}
    assert entities(layer) == []


def test_the_answer_names_the_model_and_its_reader(container: Served) -> None:
    model = answer(container, *INVOICE)["model"]
    assert model["name"] == "layoutlmv3"
    assert model["revision"].endswith("+rapidocr-3.10.0-1")


@pytest.fixture(scope="module")
def classifier(container: Served, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Of whole texts. Beside the other, which is idle by then."""
    folder = tiny_bert_classifier(tmp_path_factory.mktemp("classifier"))
    with served_folder(folder, tmp_path_factory.mktemp("text-ml")) as started:
        yield started


def without_label_scores(document: dict[str, Any]) -> dict[str, Any]:
    for labels in (document["fields"], *document["fields"]["windows"]):
        labels["labels"] = [each["label"] for each in labels["labels"]]
    return document


def test_a_whole_text_is_classified_the_same_alone_and_beside_others(classifier: Served) -> None:
    documents = [INVOICE, LETTERS, (*STATEMENT, "")]
    alone = [without_label_scores(answer(classifier, *document)) for document in documents]
    with ThreadPoolExecutor(6) as pool:
        crowd = list(pool.map(lambda document: answer(classifier, *document), documents * 2))
    assert [without_label_scores(each) for each in crowd] == alone * 2
    assert [each["fields"]["labels"][0] for each in alone] == ["invoice", "letters", "statement"]
    assert len(alone[1]["pages"]) == 3 and len(alone[1]["fields"]["windows"]) > 5


def test_a_model_of_texts_takes_a_pdf_pages_own_text(classifier: Served) -> None:
    document = answer(classifier, *STATEMENT, "")
    assert {page["text_source"] for page in document["pages"]} == {"layer"}
