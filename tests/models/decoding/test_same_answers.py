"""An answer is what transformers itself writes for that page, alone or in any company."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import (
    AutoImageProcessor,
    AutoModelForImageTextToText,
    AutoProcessor,
    AutoTokenizer,
    DonutProcessor,
    Idefics3Processor,
    VisionEncoderDecoderModel,
)

from bench.decoding import drawn_pages
from bench.decoding_run import run_lanes
from quire.engine.port import Pixels
from quire.models.decoding.loading import load_decoder
from quire.models.decoding.page_decoder import PageDecoder
from tests.fakes.tiny_decoders import SETTINGS, TINY, trocr_folder

Load = Callable[..., PageDecoder]

MAX_TOKENS = 50
PAGES = drawn_pages(7)
CHATS = ("idefics3", "smolvlm")
QUESTION = "What is the total?"


def from_generate(folder: Path, kind: str, pixels: Pixels) -> Any:
    """What `generate` of transformers says about one page: fields of a Donut, else text."""
    if kind in ("donut", "trocr"):
        return _from_encoder_decoder(folder, kind, pixels)
    processor = processor_of(folder, kind)
    model: Any = AutoModelForImageTextToText.from_pretrained(folder)
    asked = {}
    if kind in CHATS:
        content = [{"type": "image"}, {"type": "text", "text": QUESTION}]
        asked = {
            "text": processor.apply_chat_template(
                [{"role": "user", "content": content}], add_generation_prompt=True
            )
        }
    inputs = processor(images=[pixels], return_tensors="pt", **asked)
    # GOT-OCR2's folders name no end of a message: its users hand it over so.
    end = {"stop_strings": "<|im_end|>", "tokenizer": processor.tokenizer} if kind == "got_ocr2" else {}
    written = model.generate(**inputs, max_new_tokens=MAX_TOKENS, do_sample=False, **end)
    return processor.decode(written[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True).strip()


def processor_of(folder: Path, kind: str) -> Any:
    from_pretrained: Any = AutoProcessor.from_pretrained
    if kind == "smolvlm":
        # Its own needs torchvision, for videos; Idefics3's does the same to images and text.
        from_pretrained = Idefics3Processor.from_pretrained
    return from_pretrained(folder)


def _from_encoder_decoder(folder: Path, kind: str, pixels: Pixels, plain: Any = None) -> Any:
    model: Any = plain or VisionEncoderDecoderModel.from_pretrained(folder)
    load_images: Any = AutoImageProcessor.from_pretrained
    tokenizer: Any = AutoTokenizer.from_pretrained(folder)
    images = load_images(folder)
    values = images(pixels, return_tensors="pt")["pixel_values"]
    prompt = [model.config.decoder_start_token_id]
    # MBart's puts an end in the place of the last token that is allowed; here the answer is cut there.
    model.generation_config.forced_eos_token_id = None
    (written,) = model.generate(
        values, decoder_input_ids=torch.tensor([prompt]), max_new_tokens=MAX_TOKENS, do_sample=False
    )
    if kind == "trocr":
        return tokenizer.decode(written, skip_special_tokens=True).strip()
    make: Any = DonutProcessor
    tagged = tokenizer.decode(written).replace("</s>", "").replace("<pad>", "").removeprefix("<s_tiny>")
    return make(images, tokenizer).token2json(tagged.strip())


@pytest.mark.parametrize("kind", TINY)
def test_answers_are_those_of_generate_in_company(kind: str, load: Load, folders: dict[str, Path]) -> None:
    prompt = QUESTION if kind in CHATS else None
    run = run_lanes(load(kind, max_tokens=MAX_TOKENS, prompt=prompt), PAGES, at_once=len(PAGES))
    for place, pixels in enumerate(PAGES):
        said = run.texts[place]
        assert (said.fields if kind == "donut" else said.text) == from_generate(folders[kind], kind, pixels)
    assert len({text.text for text in run.texts.values()}) > 1, "answers that are all the same prove nothing"


@pytest.mark.parametrize("kind", TINY)
def test_company_changes_no_answer(kind: str, load: Load) -> None:
    model = load(kind, max_tokens=MAX_TOKENS)
    alone = run_lanes(model, PAGES, at_once=1)
    assert not alone.faults
    for at_once in (2, 3, len(PAGES)):
        order = random.Random(at_once).sample(range(len(PAGES)), len(PAGES))
        run = run_lanes(model, [PAGES[place] for place in order], at_once)
        assert [run.texts[new] for new in range(len(PAGES))] == [alone.texts[place] for place in order]


def test_sinusoidal_positions_of_a_row_are_its_own(tmp_path: Path) -> None:
    """As the large TrOCRs have them: a table that is no parameter, and that transformers' from_pretrained
    leaves without content."""
    folder = trocr_folder(tmp_path, sinusoidal=True)
    model = load_decoder(folder, {"max_tokens": MAX_TOKENS}, SETTINGS).model
    run = run_lanes(model, PAGES, at_once=3)
    plain: Any = VisionEncoderDecoderModel.from_pretrained(folder)
    positions = plain.decoder.model.decoder.embed_positions
    positions.weights = positions.get_embedding(*positions.weights.shape, positions.padding_idx)
    for place, pixels in enumerate(PAGES):
        assert run.texts[place].text == _from_encoder_decoder(folder, "trocr", pixels, plain)
