"""Folders behind `./serve`: real documents, alone and beside others."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bench.served import Served
from tests.fakes.served_folders import answer, served_folder
from tests.fakes.tiny_decoders import idefics3_folder
from tests.fakes.tiny_text_models import tiny_bert, tiny_bert_classifier, tiny_bert_tagger
from tests.fakes.tiny_token_models import tiny_lilt

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


def take_numbers(document: dict[str, Any]) -> list[float]:
    """Takes scores and vectors out: sums are not added up in the same order in every batch."""
    fields = document["fields"] or {}
    scored = [*entities(document), *fields.get("entities", ())]
    return [*(each.pop("score") for each in scored), *fields.pop("embedding", ())]


def alone_and_in_a_crowd(container: Served, documents: list[tuple[bytes, str, str]]) -> tuple[Any, Any]:
    """The crowd has each document twice, and its answers are in two rounds of `documents`."""
    alone = [answer(container, *document) for document in documents]
    with ThreadPoolExecutor(6) as pool:
        crowd = list(pool.map(lambda document: answer(container, *document), documents * 2))
    return alone, crowd


def assert_same(alone: list[dict[str, Any]], crowd: list[dict[str, Any]]) -> None:
    """Both are left without their numbers."""
    expected = [take_numbers(each) for each in alone]
    for one, numbers in zip(crowd, expected * 2, strict=True):
        assert take_numbers(one) == pytest.approx(numbers, abs=2e-3)
    assert crowd == alone * 2


def test_a_document_is_answered_the_same_alone_and_beside_others(container: Served) -> None:
    alone, crowd = alone_and_in_a_crowd(container, [INVOICE, LETTERS, CONTRACT])
    assert {entity["label"] for entity in entities(alone[0])} == {"NAME", "AMOUNT"}
    assert_same(alone, crowd)


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
    alone, crowd = alone_and_in_a_crowd(classifier, [INVOICE, LETTERS, (*STATEMENT, "")])
    alone = [without_label_scores(each) for each in alone]
    assert [without_label_scores(each) for each in crowd] == alone * 2
    assert [each["fields"]["labels"][0] for each in alone] == ["invoice", "letters", "statement"]
    assert len(alone[1]["pages"]) == 3 and len(alone[1]["fields"]["windows"]) > 5


def test_a_model_of_texts_takes_a_pdf_pages_own_text(classifier: Served) -> None:
    document = answer(classifier, *STATEMENT, "")
    assert {page["text_source"] for page in document["pages"]} == {"layer"}


def sentence_transformer(folder: Path) -> Path:
    """With the files beside the encoder's that say how its states become a vector: its first token's."""
    tiny_bert(folder)
    modules = [("", "Transformer"), ("1_Pooling", "Pooling")]
    kind = "sentence_transformers.models"
    listed = [{"path": path, "type": f"{kind}.{name}"} for path, name in modules]
    (folder / "modules.json").write_text(json.dumps(listed))
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text('{"pooling_mode_cls_token": true}')
    return folder


@dataclass(frozen=True)
class Kind:
    """`said` is the part of an answer that only the model can have said."""

    make: Callable[[Path], Path]
    said: Callable[[dict[str, Any]], list[Any]]


KINDS = {
    "lilt": Kind(partial(tiny_lilt, max_tokens=80), entities),
    "text_entities": Kind(tiny_bert_tagger, lambda document: document["fields"]["entities"]),
    "embeddings": Kind(sentence_transformer, lambda document: document["fields"]["embedding"]),
    "idefics3": Kind(idefics3_folder, lambda document: [page["text"] for page in document["pages"]]),
}


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS.keys())
def test_other_kinds_answer_the_same_alone_and_beside_others(
    kind: Kind, tmp_path_factory: pytest.TempPathFactory
) -> None:
    documents = [INVOICE, (*CONTRACT[:2], "pages=2"), (*STATEMENT, "")]
    folder = kind.make(tmp_path_factory.mktemp("saved"))
    with served_folder(folder, tmp_path_factory.mktemp("ml")) as container:
        alone, crowd = alone_and_in_a_crowd(container, documents)
    said = [kind.said(each) for each in alone]
    assert all(said) and len({repr(each) for each in said}) == len(said)
    assert_same(alone, crowd)
