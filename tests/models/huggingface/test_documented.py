"""docs/models.md says what is so: its folders are served, its requests made, its responses given."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from quire.models.huggingface.families import TEXT_MODEL_TYPES, TOKEN_CLASSIFIERS
from quire.models.huggingface.options import TextOptions, TokenClassificationOptions
from tests.documented import answer_to, blocks_of, docs_page, section
from tests.fakes.served_folders import served_folder
from tests.fakes.tiny_text_models import tiny_bert, tiny_bert_classifier, tiny_bert_tagger


def part(repository: Path, heading: str) -> str:
    return section(docs_page(repository, "models.md"), f"## {heading}")


def as_documented(
    repository: Path, heading: str, model: Path, place: Path, *, task: str | None = None, lacks: str = ""
) -> tuple[Any, Any]:
    """The response that is shown, and the one that is given to the request that is shown; of a folder for
    another `task`, or without the file that it `lacks`."""
    blocks = blocks_of(part(repository, heading))
    (listing,), (asked, shown, *_), (request,) = blocks["text"], blocks["json"], blocks["console"]
    if task:
        asked = json.dumps({**json.loads(asked), "task": task})
    folder = place / "folder"
    folder.mkdir()
    for file in model.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    (folder / "quire.json").write_text(asked)
    assert sorted(path.name for path in folder.iterdir()) == [
        name for name in listing.split() if name != lacks
    ]
    with served_folder(folder, place / "ml") as container:
        return json.loads(shown), answer_to(repository, request, container.port)


def test_words_and_boxes_as_documented(repository: Path, layoutlmv3: Path, tmp_path: Path) -> None:
    shown, given = as_documented(repository, "Words and boxes", layoutlmv3, tmp_path)
    (page,), (given_page,) = shown.pop("pages"), given["pages"]
    assert_head(shown, given)
    by_text = {(entity["label"], entity["text"]): entity for entity in given_page["entities"]}
    for entity in page.pop("entities"):
        found = by_text[entity["label"], entity["text"]]
        assert list(found) == list(entity)
        assert found["score"] == pytest.approx(entity["score"], abs=0.1)
        assert found["lines"] == entity["lines"]
        for corner, expected in zip(found["polygon"], entity["polygon"], strict=True):
            assert corner == pytest.approx(expected, abs=3)
    assert {name: given_page[name] for name in page} == page
    assert {"text", "lines", "blocks"} <= set(given_page)


def test_the_text_of_a_document_as_documented(repository: Path, tmp_path: Path) -> None:
    model = tiny_bert_classifier(tmp_path / "model")
    shown, given = as_documented(repository, "The text of a document", model, tmp_path)
    fields, found = shown.pop("fields"), given["fields"]
    assert_head(shown, given)
    (label,), (window,) = fields["labels"], fields["windows"]
    assert found["labels"][0]["label"] == label["label"]
    assert found["labels"][0]["score"] == pytest.approx(label["score"], abs=0.05)
    assert (list(found), list(found["windows"][0])) == (list(fields), [*window, "labels"])
    assert {name: found["windows"][0][name] for name in window} == window


def test_lilt_as_documented(repository: Path, lilt: Path, tmp_path: Path) -> None:
    """Its tiny weights were taught nothing: other entities, in the same words and places."""
    shown, given = as_documented(
        repository, "Words and boxes", lilt, tmp_path, lacks="preprocessor_config.json"
    )
    (page,), (given_page,) = shown.pop("pages"), given["pages"]
    del shown["model"]
    assert {name: given[name] for name in shown} == shown
    assert given["model"]["name"] == "acme/invoices"
    expected, found = page.pop("entities"), given_page["entities"]
    assert found
    assert all(list(entity) == list(expected[0]) for entity in found)
    assert {name: given_page[name] for name in page} == page


def test_entities_of_the_text_as_documented(repository: Path, tmp_path: Path) -> None:
    model = tiny_bert_tagger(tmp_path / "model")
    _, given = as_documented(
        repository, "The text of a document", model, tmp_path, task="token-classification"
    )
    ((entity,),) = fields_shown(repository, "entities").values()
    first = given["fields"]["entities"][0]
    assert list(given["fields"]) == ["entities"]
    assert first.pop("score") == pytest.approx(entity.pop("score"), abs=0.05)
    assert first == entity


def test_embeddings_as_documented(repository: Path, tmp_path: Path) -> None:
    model = tiny_bert(tmp_path / "model")
    _, given = as_documented(repository, "The text of a document", model, tmp_path, task="feature-extraction")
    (numbers,) = fields_shown(repository, "embedding").values()
    assert list(given["fields"]) == ["embedding"]
    assert given["fields"]["embedding"][: len(numbers)] == pytest.approx(numbers, abs=0.05)


def fields_shown(repository: Path, name: str) -> dict[str, Any]:
    """Of the kind that has them by this name alone."""
    shown = map(json.loads, blocks_of(part(repository, "The text of a document"))["json"])
    (found,) = (fields for fields in shown if list(fields) == [name])
    assert isinstance(found, dict)
    return found


def assert_head(shown: dict[str, Any], given: dict[str, Any]) -> None:
    """What is shown of the document was given; the weights' own revision is another's to say."""
    model, given_model = shown.pop("model"), given["model"]
    assert model["name"] == given_model["name"]
    assert model["revision"].partition("+")[2] == given_model["revision"].partition("+")[2]
    assert {name: given[name] for name in shown} == shown


@pytest.mark.parametrize(
    ("heading", "options"),
    [("Words and boxes", TokenClassificationOptions), ("The text of a document", TextOptions)],
)
def test_every_option_is_documented(repository: Path, heading: str, options: Any) -> None:
    table = part(repository, heading).partition("| option |")[2]
    rows = re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)
    assert rows == list(options.__struct_fields__)


def test_every_architecture_is_documented(repository: Path) -> None:
    text = (repository / "docs" / "models.md").read_text(encoding="utf-8")
    assert all(f"`{name}`" in text for name in (*TOKEN_CLASSIFIERS.values(), *TEXT_MODEL_TYPES))
