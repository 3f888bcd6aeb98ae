"""Words tagged by tiny models that transformers itself has saved, over lines that are given."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import (
    AutoModelForTokenClassification,
    AutoTokenizer,
    LayoutLMv3ImageProcessorPil,
    LayoutLMv3Processor,
)

from bench.in_process import read_pages
from quire.engine.port import Item, Pixels
from quire.models.huggingface.folder import recognise
from quire.models.huggingface.page_words import Upright, words_of
from quire.models.huggingface.token_lane import TOKENS
from quire.models.huggingface.words_and_boxes import WordsAndBoxesModel
from quire.models.huggingface.words_and_boxes_loading import load_words_and_boxes
from quire.models.model_folder import ModelFolderError
from quire.words.reading import Entity, Line, PageText, Point, Polygon
from quire.words.settings import Settings
from tests.fakes.fixed_reader import HEIGHT, WIDTH, FixedReader, page_of, pixels_of
from tests.fakes.tiny_token_models import tiny_layoutlmv3

TEXTS = Path(__file__).parents[2] / "data"
WORDS = [path.read_text().split() for path in sorted(TEXTS.glob("*.txt"))]
PAGES = [
    page_of(words)
    for words in ([], WORDS[1], WORDS[4], WORDS[0][:600], WORDS[3][:9], WORDS[2], WORDS[1][40:41], WORDS[3])
]
FAMILIES = ("layoutlmv3", "short_layoutlmv3", "lilt")


def load(
    folder: Path,
    pages: list[PageText] = PAGES,
    batch_share: float = 1.0,
    precision: str = "auto",
) -> WordsAndBoxesModel:
    choice = recognise(folder)
    assert choice is not None
    settings = Settings.from_environ(
        {"QUIRE_BATCH_SHARE": str(batch_share), "QUIRE_PRECISION": precision, "QUIRE_DEVICE": "cpu"}
    )
    return load_words_and_boxes(choice, FixedReader(pages), settings)


def found(model: WordsAndBoxesModel, *numbers: int) -> list[tuple[Entity, ...]]:
    return [page.entities for page in read_pages(model, [pixels_of(number) for number in numbers])]


def named(entities: tuple[Entity, ...]) -> list[tuple[str, str, Polygon]]:
    return [(entity.label, entity.text, entity.polygon) for entity in entities]


@pytest.fixture(params=FAMILIES)
def folder(request: pytest.FixtureRequest) -> Path:
    chosen: Path = request.getfixturevalue(request.param)
    return chosen


@pytest.mark.parametrize("batch_share", [0.05, 2.0])
def test_a_page_has_the_same_entities_alone_and_in_any_company(folder: Path, batch_share: float) -> None:
    model = load(folder, batch_share=batch_share)
    numbers = list(range(len(PAGES)))
    alone = [found(model, number)[0] for number in numbers]
    assert sum(len(entities) for entities in alone) > 100
    assert len({entity.label for entities in alone for entity in entities}) == 2
    for company in (numbers, numbers[::-1], [3, 3, 3], [1, 6, 1]):
        together = found(model, *company)
        for number, entities in zip(company, together, strict=True):
            assert named(entities) == named(alone[number])
            scores = [entity.score for entity in entities]
            assert scores == pytest.approx([entity.score for entity in alone[number]], abs=1e-5)


def test_a_short_page_is_tagged_as_transformers_own_classes_tag_it(folder: Path) -> None:
    """With the folder's processor and network, one page at a time."""
    number = 4
    words = words_of(PAGES[number].lines)
    boxes = Upright(WIDTH, HEIGHT, 0).boxes([word.polygon for word in words]).tolist()
    inputs = encoded(folder, [word.text for word in words], boxes, pixels_of(number))
    network = AutoModelForTokenClassification.from_pretrained(folder).eval()
    with torch.inference_mode():
        logits = network(**inputs).logits[0]
    model = load(folder)
    (item,) = first_items(model, number)
    assert item.canvas.width > len(logits), "nothing is filled up: this test sees no mask"
    np.testing.assert_allclose(run(model, item), logits, atol=1e-4)
    word_ids = inputs.word_ids(0)
    firsts = [word_ids.index(index) for index in range(len(words))]
    expected = [network.config.id2label[int(index)] for index in logits[firsts].argmax(-1)]
    said = tags_by_word(found(model, number)[0], words_text=[word.text for word in words])
    assert said == [name.partition("-")[2] or "O" for name in expected]
    assert len(set(said)) > 1


def run(model: WordsAndBoxesModel, item: Item) -> Any:
    lane = model.lanes[item.lane]
    return lane.post(lane.device(lane.pre(item.canvas, [item.payload])), [item.payload])[0]


def encoded(folder: Path, words: list[str], boxes: list[list[int]], pixels: Pixels) -> Any:
    if not (folder / "preprocessor_config.json").exists():
        return AutoTokenizer.from_pretrained(folder)(words, boxes=boxes, return_tensors="pt")
    make: Any = LayoutLMv3Processor
    processor = make(
        LayoutLMv3ImageProcessorPil.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    )
    return processor(pixels, words, boxes=boxes, return_tensors="pt")


def tags_by_word(entities: tuple[Entity, ...], words_text: list[str]) -> list[str]:
    """The label of each word, found by walking over the words in order."""
    tags, position = ["O"] * len(words_text), 0
    for entity in entities:
        parts = entity.text.split()
        while words_text[position : position + len(parts)] != parts:
            position += 1
        tags[position : position + len(parts)] = [entity.label] * len(parts)
        position += len(parts)
    return tags


def test_a_long_page_is_read_to_its_end_in_windows_that_overlap(short_layoutlmv3: Path) -> None:
    model = load(short_layoutlmv3)
    items = first_items(model, 3)
    assert len(items) > 10
    assert all(item.lane == TOKENS and item.canvas.width <= 80 for item in items)
    assert {item.canvas for item in items[:-1]} == {items[0].canvas}
    (entities,) = found(model, 3)
    assert entities[-1].lines[-1] > len(PAGES[3].lines) - 4


def first_items(model: WordsAndBoxesModel, number: int) -> list[Item]:
    return list(next(model.read(pixels_of(number))))


def test_a_page_without_words_is_left_as_it_is(lilt: Path) -> None:
    (page,) = read_pages(load(lilt), [pixels_of(0)])
    assert page is PAGES[0]


def test_a_word_longer_than_a_window_is_tagged_by_its_beginning(short_layoutlmv3: Path) -> None:
    words = ["Total", "x" * 700, "148.50"]
    model = load(short_layoutlmv3, [page_of(words)])
    assert len(first_items(model, 0)) > 3
    (entities,) = found(model, 0)
    assert set(" ".join(entity.text for entity in entities).split()) <= set(words)


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_page_that_lies_is_tagged_as_the_page_set_upright(layoutlmv3: Path, quarters: int) -> None:
    upright = PAGES[1]
    lying = PageText(
        text=upright.text,
        lines=tuple(turned(line, quarters) for line in upright.lines),
        blocks=(),
        rotation_degrees=90 * quarters,
    )
    pixels = pixels_of(0)
    turned_pixels = np.ascontiguousarray(np.rot90(pixels, quarters))
    turned_pixels[0, 0, 0] = 1
    model = load(layoutlmv3, [upright, lying])
    (standing,), (laid,) = (next(model.read(page)) for page in (pixels, turned_pixels))
    standing_picture, laid_picture = standing.payload.picture.values(), laid.payload.picture.values()
    # The one pixel that tells the pages apart stands in another corner.
    assert np.abs(standing_picture - laid_picture).mean() < 0.001 < np.abs(standing_picture).mean()
    one, other = (page.entities for page in read_pages(model, [pixels, turned_pixels]))
    assert [entity[:2] for entity in named(other)] == [entity[:2] for entity in named(one)]
    assert len(one) > 10


def turned(line: Line, quarters: int) -> Line:
    """Counter-clockwise, about the page."""
    polygon, width, height = line.polygon, WIDTH, HEIGHT
    for _ in range(quarters):
        first, second, third, fourth = (Point(point.y, width - point.x) for point in polygon)
        polygon, width, height = (first, second, third, fourth), height, width
    return Line(text=line.text, confidence=line.confidence, polygon=polygon)


def test_words_may_be_given_their_lines_boxes(lilt: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(lilt, tmp_path / "copy")
    (folder / "quire.json").write_text('{"task": "token-classification", "options": {"boxes": "line"}}')
    own, lines = (first_items(load(each), 1)[0].payload.boxes for each in (lilt, folder))
    assert len(np.unique(lines, axis=0)) < len(np.unique(own, axis=0)) < len(own)


def test_a_model_that_sees_no_page_is_given_no_picture(tmp_path: Path) -> None:
    model = load(tiny_layoutlmv3(tmp_path, visual_embed=False))
    assert first_items(model, 1)[0].payload.picture is None
    assert found(model, 1)[0]


def test_the_stride_of_quire_json_is_obeyed(short_layoutlmv3: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(short_layoutlmv3, tmp_path / "copy")
    counts = []
    for stride in (0, 40):
        (folder / "quire.json").write_text(f'{{"options": {{"stride": {stride}}}}}')
        counts.append(len(first_items(load(folder), 3)))
    assert counts[1] > 1.9 * counts[0]


def test_sixteen_bits_find_nearly_the_same(folder: Path) -> None:
    exact, rounded = (set(named(found(load(folder, precision=each), 1)[0])) for each in ("fp32", "bf16"))
    assert len(exact & rounded) > 0.7 * len(exact | rounded)


def test_it_warms_up_on_every_length(folder: Path) -> None:
    load(folder).warm_up()


def test_answers_say_which_weights_and_which_reader(lilt: Path) -> None:
    info = load(lilt).info
    assert info.name == "lilt"
    assert info.revision.endswith("+r") and len(info.revision) == 14


def test_a_network_without_its_head_is_refused(lilt: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(lilt, tmp_path / "copy")
    weights = load_file(folder / "model.safetensors")
    kept = {name: tensor for name, tensor in weights.items() if not name.startswith("classifier")}
    save_file(kept, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelFolderError, match=r"lacks 2 of its network's tensors, classifier\.bias"):
        load(folder)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("model.safetensors", "no weights", "cannot be loaded"),
        (
            "config.json",
            '{"architectures": ["LiltForTokenClassification"], "model_type": "lilt", "id2label": ["a"]}',
            "cannot be loaded",
        ),
        ("tokenizer.json", "no tokenizer", "the tokenizer of .* cannot be loaded"),
        ("quire.json", '{"options": {"stride": 510}}', "choose a stride from 0 to 509"),
    ],
)
def test_broken_files_are_named(lilt: Path, tmp_path: Path, name: str, content: str, said: str) -> None:
    folder = shutil.copytree(lilt, tmp_path / "copy")
    (folder / name).write_text(content)
    with pytest.raises(ModelFolderError, match=said):
        load(folder)
