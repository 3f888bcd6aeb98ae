"""Models of a document's whole text over a reader: pages are read first, then their text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bench.in_process import read_pages
from quire.engine.port import Lane, TextModel
from quire.models.huggingface.folder import recognise
from quire.models.huggingface.text_loading import load_whole_text
from quire.models.huggingface.whole_text import WholeTextModel
from quire.models.huggingface.words_and_boxes_loading import load_words_and_boxes
from quire.words.settings import Settings
from tests.fakes.fixed_reader import FixedReader, page_of, pixels_of
from tests.fakes.tiny_text_models import tiny_bert, tiny_bert_classifier, tiny_bert_tagger

DATA = Path(__file__).parents[2] / "data"
INVOICE, LETTERS = ((DATA / f"{name}.txt").read_text() for name in ("invoice", "letters"))
DOCUMENTS = [(INVOICE,), tuple(LETTERS.split("\f")), (), ("", "Total 148.50")]
SETTINGS = Settings.from_environ({"QUIRE_DEVICE": "cpu"})


def load(folder: Path) -> WholeTextModel:
    choice = recognise(folder)
    assert choice is not None
    return load_whole_text(choice, FixedReader([page_of(["one", "two"])]), SETTINGS)


@dataclass(frozen=True)
class Documents:
    """A model's second reading as `read_pages` takes its first."""

    model: WholeTextModel

    @property
    def lanes(self) -> Mapping[str, Lane]:
        return self.model.lanes

    def read(self, texts: Any) -> Any:
        return self.model.read_text(texts)


def fields(model: WholeTextModel, *documents: tuple[str, ...]) -> list[dict[str, Any]]:
    adapted: Any = Documents(model)
    given: Any = documents
    return [page.fields or {} for page in read_pages(adapted, given)]


@pytest.mark.parametrize("make", [tiny_bert_classifier, tiny_bert_tagger, tiny_bert])
def test_a_document_has_the_same_fields_alone_and_among_others(
    tmp_path: Path, make: Callable[[Path], Path]
) -> None:
    model = load(make(tmp_path))
    together = fields(model, *DOCUMENTS)
    for texts, among_others in zip(DOCUMENTS, together, strict=True):
        (alone,) = fields(model, texts)
        assert msgspec.json.decode(msgspec.json.encode(alone)) == alone
        assert shape(alone) == shape(among_others)
        assert numbers(alone) == pytest.approx(numbers(among_others), abs=2e-4)


def shape(found: Any) -> Any:
    """All but scores and vectors."""
    if isinstance(found, dict):
        return {name: shape(value) for name, value in found.items() if name != "score"}
    if isinstance(found, list):
        return [shape(value) for value in found]
    return None if isinstance(found, float) else found


def numbers(found: Any) -> list[float]:
    if isinstance(found, dict):
        return [number for value in found.values() for number in numbers(value)]
    if isinstance(found, list):
        return [number for value in found for number in numbers(value)]
    return [found] if isinstance(found, float) else []


def test_a_document_is_classified_by_all_its_pages(tmp_path: Path) -> None:
    invoice, letters, _, _ = fields(load(tiny_bert_classifier(tmp_path)), *DOCUMENTS)
    assert invoice["labels"][0]["label"] == "invoice"
    assert letters["labels"][0]["label"] == "letters"
    assert sum(each["score"] for each in letters["labels"]) == pytest.approx(1.0, abs=1e-3)
    assert letters["windows"][0]["start"] == 0
    assert letters["windows"][-1]["end"] == len(LETTERS.rstrip())


def test_entities_are_placed_in_the_plain_text_of_the_document(tmp_path: Path) -> None:
    _, letters, nothing, _ = fields(load(tiny_bert_tagger(tmp_path)), *DOCUMENTS)
    assert letters["entities"]
    for entity in letters["entities"]:
        place = LETTERS[entity["start"] : entity["end"]]
        assert place.replace("\f", "\n") == entity["text"]
    assert nothing == {"entities": []}


def test_pages_are_read_by_the_reader(tmp_path: Path) -> None:
    model = load(tiny_bert(tmp_path))
    (page,) = read_pages(model, [pixels_of(0)])
    assert (page.text, page.fields) == ("one two", None)
    model.warm_up()
    assert model.info.name == "bert" and model.info.revision.endswith("+r")


def test_the_engine_knows_which_models_read_texts(tmp_path: Path, lilt: Path) -> None:
    assert isinstance(load(tiny_bert(tmp_path)), TextModel)
    choice = recognise(lilt)
    assert choice is not None
    assert not isinstance(load_words_and_boxes(choice, FixedReader([]), SETTINGS), TextModel)
