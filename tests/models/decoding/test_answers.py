"""Answers as text, as JSON and as Donut's tags; and which prompt stands before them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from PIL import Image
from transformers import (
    AutoImageProcessor,
    AutoProcessor,
    AutoTokenizer,
    DonutProcessor,
    GenerationConfig,
)

from bench.decoding import drawn_pages
from bench.decoding_run import run_lanes
from quire.models.decoding.answers import DonutReader, JsonReader, object_in, page_text
from quire.models.decoding.endings import endings_of
from quire.models.decoding.options import DecodingOptions
from quire.models.decoding.page_decoder import PageDecoder
from quire.models.decoding.prompts import DEFAULT_QUESTION, PromptRefused, chat_prompt, decoder_prompt
from quire.models.model_folder import ModelFolderError
from quire.words.reading import PageText

Load = Callable[..., PageDecoder]


@pytest.fixture(scope="session")
def donut(folders: dict[str, Path]) -> Any:
    """Its processor."""
    load_images: Any = AutoImageProcessor.from_pretrained
    make: Any = DonutProcessor
    return make(load_images(folders["donut"]), AutoTokenizer.from_pretrained(folders["donut"]))


def read_tags(donut: Any, prompt: str, answer: str) -> Any:
    def tokens(text: str) -> list[int]:
        found: list[int] = donut.tokenizer(text, add_special_tokens=False)["input_ids"]
        return found

    return DonutReader(donut, lambda asked: tokens(prompt))(tokens(answer))


def test_tags_become_fields(donut: Any) -> None:
    page = read_tags(
        donut,
        "<s_tiny>",
        "<s_menu><s_name>Tea</s_name><s_total>2.50</s_total><sep/>"
        "<s_name>Cake</s_name><s_total>3.00</s_total></s_menu><s_total>5.50</s_total></s>",
    )
    assert page.fields == {
        "menu": [{"name": "Tea", "total": "2.50"}, {"name": "Cake", "total": "3.00"}],
        "total": "5.50",
    }
    assert page.text == "Tea\n2.50\nCake\n3.00\n5.50"


def test_a_question_in_the_prompt_is_a_field(donut: Any) -> None:
    page = read_tags(donut, "<s_tiny><s_name>Who?</s_name><s_total>", "12</s_total></s>")
    assert page.fields == {"name": "Who?", "total": "12"}


def test_an_answer_without_tags_is_text(donut: Any) -> None:
    page = read_tags(donut, "<s_tiny>", "plain words</s>")
    assert (page.text, page.fields) == ("plain words", {"text_sequence": "plain words"})


def test_several_objects_are_items(donut: Any) -> None:
    page = read_tags(donut, "<s_tiny>", "<s_name>Tea</s_name><sep/><s_name>Cake</s_name>")
    assert page.fields == {"items": [{"name": "Tea"}, {"name": "Cake"}]}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"total": 5.5}', {"total": 5.5}),
        ('Here it is:\n```json\n{"total": "5,50"}\n```\nDone.', {"total": "5,50"}),
        ("```\n{}\n```", {}),
        ('{"total": ', None),
        ("[1, 2]", None),
        ("no JSON", None),
        ('{"a": ' * 30_000, None),
    ],
)
def test_the_json_object_of_an_answer(text: str, found: dict[str, Any] | None) -> None:
    assert object_in(text) == found


def nested(depth: int) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for _ in range(depth):
        fields = {"a": fields}
    return fields


def test_json_is_asked_for_by_an_option(folders: dict[str, Path]) -> None:
    tokenizer: Any = AutoTokenizer.from_pretrained(folders["trocr"])
    page = JsonReader(tokenizer)(tokenizer('{"a": 1}', add_special_tokens=False)["input_ids"])
    assert (page.text, page.fields) == ('{"a": 1}', {"a": 1})


@pytest.mark.parametrize(
    ("fields", "is_kept"),
    [
        ({"total": 2**64 - 1}, True),
        ({"total": 2**64}, False),
        ({"total": "half \ud83d of a pair"}, False),
        ({"half \ud83d of a pair": 1}, False),
        (nested(300), True),
        (nested(900), False),
    ],
)
def test_fields_that_no_message_can_hold_are_left_out(fields: dict[str, Any], is_kept: bool) -> None:
    page = page_text("text", fields)
    assert (page.fields is not None, page.text) == (is_kept, "text")
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(page), type=PageText) == page


def test_half_a_surrogate_pair_in_a_text_can_be_sent() -> None:
    page = page_text("half \ud83d of a pair")
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(page), type=PageText).text == "half ? of a pair"


@pytest.mark.parametrize("prompt", ["<image>one <image>two", "<image><image>"])
def test_two_pictures_in_a_question_are_refused(prompt: str, folders: dict[str, Path]) -> None:
    from_pretrained: Any = AutoProcessor.from_pretrained
    with pytest.raises(PromptRefused, match="<image> more than once"):
        chat_prompt(from_pretrained(folders["idefics3"]), prompt)


class Config:
    """Of a model with an encoder of some kind."""

    def __init__(self, encoder: str, start: int | None) -> None:
        self.decoder_start_token_id = start
        self.encoder = type("Encoder", (), {"model_type": encoder})
        self.decoder = object()


class Model:
    generation_config = object()

    def __init__(self, encoder: str, start: int | None) -> None:
        self.config = Config(encoder, start)


@pytest.mark.parametrize(
    ("encoder", "prompt", "tokens"),
    [
        ("deit", None, [2]),
        ("deit", "ab", [2, 4, 5]),
        ("deit", "</s>ab", [2, 4, 5]),
        ("donut-swin", "<s>ab", [1, 4, 5]),
    ],
)
def test_a_decoder_begins_as_with_generate(
    encoder: str, prompt: str | None, tokens: list[int], folders: dict[str, Path]
) -> None:
    tokenizer = AutoTokenizer.from_pretrained(folders["trocr"])
    assert decoder_prompt(Model(encoder, 2), tokenizer, prompt) == tokens


def test_a_decoder_without_a_beginning_is_refused(folders: dict[str, Path]) -> None:
    tokenizer = AutoTokenizer.from_pretrained(folders["trocr"])
    with pytest.raises(ValueError, match="decoder_start_token_id"):
        decoder_prompt(Model("deit", None), tokenizer, None)


def test_a_chat_model_is_asked_in_its_template(folders: dict[str, Path]) -> None:
    from_pretrained: Any = AutoProcessor.from_pretrained
    idefics3, got = (from_pretrained(folders[kind]) for kind in ("idefics3", "got_ocr2"))
    asked = "<|im_start|>User:<image>{}<end_of_utterance>\nAssistant:"
    assert chat_prompt(idefics3, "Total?") == asked.format("Total?")
    assert chat_prompt(idefics3, None) == asked.format(DEFAULT_QUESTION)
    assert chat_prompt(idefics3, "<image>as it is") == "<image>as it is"
    assert chat_prompt(got, None) is None, "its processor has a question of its own"
    assert chat_prompt(got, "<imgpad>as it is") == "<imgpad>as it is"


def test_got_ocr2_is_asked_in_its_processors_own_conversation(folders: dict[str, Path]) -> None:
    from_pretrained: Any = AutoProcessor.from_pretrained
    got = from_pretrained(folders["got_ocr2"])
    page = Image.new("RGB", (40, 40), "white")
    own_question = got(images=[page])["input_ids"]
    assert got(images=[page], text=[chat_prompt(got, " OCR: ")])["input_ids"] == own_question
    asked = chat_prompt(got, "Total?")
    assert asked is not None and asked.endswith(
        "<|im_start|>user\n<img><imgpad></img>\nTotal?<|im_end|><|im_start|>assistant\n"
    )


def test_got_ocr2_ends_an_answer_by_the_end_of_its_message(load: Load, folders: dict[str, Path]) -> None:
    tokenizer: Any = AutoTokenizer.from_pretrained(folders["got_ocr2"])
    end = tokenizer.convert_tokens_to_ids("<|im_end|>")
    assert end != tokenizer.eos_token_id
    assert stops(model_of(), tokenizer) == {tokenizer.eos_token_id, end}
    assert end in load("got_ocr2")._writing.endings.stop_tokens


def test_a_tokenizer_without_that_token_has_no_such_end(folders: dict[str, Path]) -> None:
    tokenizer: Any = AutoTokenizer.from_pretrained(folders["trocr"])
    assert stops(model_of(), tokenizer) == {tokenizer.eos_token_id}


@pytest.mark.parametrize("given", ["x", ["x"], ["x", "ab", "é", ""]])
def test_stop_strings_of_one_token_end_an_answer(given: str | list[str], folders: dict[str, Path]) -> None:
    tokenizer: Any = AutoTokenizer.from_pretrained(folders["trocr"])
    (stop,) = tokenizer("x", add_special_tokens=False)["input_ids"]
    model = model_of("vision-encoder-decoder", stop_strings=given)
    assert stops(model, tokenizer) == {tokenizer.eos_token_id, stop}


def model_of(kind: str = "got_ocr2", **generation: Any) -> Any:
    make_config: Any = GenerationConfig
    config = SimpleNamespace(model_type=kind)
    return SimpleNamespace(config=config, generation_config=make_config(**generation))


def stops(model: Any, tokenizer: Any) -> frozenset[int]:
    return endings_of(model, tokenizer, DecodingOptions()).stop_tokens


def test_a_stop_of_ones_own_ends_an_answer(load: Load) -> None:
    pages = drawn_pages(2)
    whole = run_lanes(load("idefics3", max_tokens=40), pages, at_once=2).texts[0].text
    stop = whole[5]
    cut = run_lanes(load("idefics3", max_tokens=40, stop=[stop]), pages, at_once=2).texts[0].text
    assert cut == whole[: whole.index(stop)].strip()
    with pytest.raises(ModelFolderError, match="stop: 'ab' is 2 tokens"):
        load("idefics3", stop=["ab"])
