"""docs/models.md on models that write: its folders are served, its requests made, its responses given."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from quire.models.decoding.options import DecodingOptions
from tests.documented import answer_to, blocks_of, docs_page, section
from tests.fakes.served_folders import served_folder
from tests.fakes.taught_decoders import taught_donut, taught_smolvlm
from tests.fakes.tiny_decoders import got_ocr2_folder, idefics3_folder, trocr_folder

Teach = Callable[[Path, Path, dict[str, Any], dict[str, Any]], Path]


def part(repository: Path) -> str:
    return section(docs_page(repository, "models.md"), "## Page image to text or JSON")


def teach_donut(folder: Path, page: Path, options: dict[str, Any], fields: dict[str, Any]) -> Path:
    return taught_donut(
        folder, page, "".join(f"<s_{name}>{said}</s_{name}>" for name, said in fields.items())
    )


def teach_smolvlm(folder: Path, page: Path, options: dict[str, Any], fields: dict[str, Any]) -> Path:
    return taught_smolvlm(folder, page, options["prompt"], json.dumps(fields))


@pytest.mark.parametrize(("heading", "teach"), [("Donut", teach_donut), ("SmolVLM", teach_smolvlm)])
def test_answers_as_documented(
    heading: str, teach: Teach, repository: Path, samples: Path, tmp_path: Path
) -> None:
    """The model was taught the answer; that it comes out of the container is what is tested."""
    blocks = blocks_of(section(part(repository), f"### {heading}"))
    (listing,), (asked, shown), (request,) = blocks["text"], blocks["json"], blocks["console"]
    wanted = json.loads(shown)
    (wanted_page,) = wanted.pop("pages")
    options = json.loads(asked)["options"]
    folder = teach(tmp_path / "folder", samples / "invoice.jpg", options, wanted_page["fields"])
    (folder / "quire.json").write_text(asked)
    assert sorted(path.name for path in folder.iterdir()) == listing.split()
    with served_folder(folder, tmp_path / "ml") as container:
        given = answer_to(repository, request, container.port)
    assert given["model"]["name"] == options["name"]
    (page,) = given["pages"]
    assert {name: given[name] for name in wanted} == wanted
    assert {name: page[name] for name in wanted_page} == wanted_page


@pytest.mark.parametrize(
    ("heading", "make", "lacks"),
    [
        ("Donut", trocr_folder, ""),
        ("SmolVLM", idefics3_folder, ""),
        ("SmolVLM", got_ocr2_folder, "chat_template.jinja"),
    ],
)
def test_other_kinds_have_the_same_folder_request_and_response(
    heading: str, make: Callable[[Path], Path], lacks: str, repository: Path, tmp_path: Path
) -> None:
    """They were taught nothing: what they write is noise, in the shape that is shown."""
    blocks = blocks_of(section(part(repository), f"### {heading}"))
    (listing,), (asked, shown), (request,) = blocks["text"], blocks["json"], blocks["console"]
    (wanted_page,) = json.loads(shown)["pages"]
    folder = make(tmp_path / "folder")
    options = {**json.loads(asked)["options"], "max_tokens": 8}
    if make is trocr_folder:
        del options["prompt"]
    (folder / "quire.json").write_text(json.dumps({"task": "image-text-to-text", "options": options}))
    assert sorted(path.name for path in folder.iterdir()) == [
        name for name in listing.split() if name != lacks
    ]
    with served_folder(folder, tmp_path / "ml") as container:
        given = answer_to(repository, request, container.port)
    (page,) = given["pages"]
    assert (given["status"], given["model"]["name"], page["error"]) == ("complete", options["name"], None)
    assert set(page) >= set(wanted_page)
    assert (page["lines"], page["blocks"], page["fields"]) == ([], [], None)


def test_every_option_is_documented(repository: Path) -> None:
    rows = re.findall(r"^\| `(\w+)` \|", part(repository), re.MULTILINE)
    assert [*rows, "name"] == list(DecodingOptions.__struct_fields__)
