"""How does a folder become a decoding model that can be served?"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import DonutProcessor
from transformers.utils import logging as transformers_logging

from quire.engine.device_place import RESERVED_SEATS
from quire.engine.device_worker import LoadedModel
from quire.models.decoding.answers import AnswerReader, DonutReader, JsonReader, TextReader
from quire.models.decoding.encoder_decoder import EncoderDecoderNetwork
from quire.models.decoding.endings import endings_of, forbidden_tokens
from quire.models.decoding.families import VISION_ENCODER_DECODER, decoder_family
from quire.models.decoding.image_text import ImageTextNetwork
from quire.models.decoding.lanes import DecodeLane, EncodeLane
from quire.models.decoding.network import DecoderNetwork, PagePreparer
from quire.models.decoding.options import DecodingOptions
from quire.models.decoding.page_decoder import PageDecoder, Writing
from quire.models.decoding.parts import load_image_processor, load_processor, load_tokenizer, load_weights
from quire.models.decoding.preparing import ImageAndTokens, ImageInPrompt, page_canvas_of
from quire.models.decoding.prompts import DONUT_ENCODER, chat_prompt, decoder_prompt
from quire.models.decoding.proof import RowsDoNotWork, prove_rows
from quire.models.decoding.slots import slots_that_fit
from quire.models.decoding.writer import Writer
from quire.models.devices import choose_device, device_class, knows_bfloat16, side_of, use_threads
from quire.models.huggingface.folder_files import revision_of, weight_files
from quire.models.model_folder import ModelFolderError
from quire.models.ppocr.networks import DTYPES
from quire.models.precision import Precision, choose_precision
from quire.words.reading import ModelInfo
from quire.words.settings import Settings

_SLOTS = {"cpu": 8, "cuda": 32}
_BATCH_PIXELS = {"cpu": 2_000_000, "cuda": 16_000_000}
"""Of images that are read at once."""


@dataclass(frozen=True)
class _Source:
    """The folder, and whether Python of its own may be run."""

    folder: Path
    trusts_code: bool


@dataclass(frozen=True)
class _Parts:
    """A folder's own: what differs between the families."""

    network: DecoderNetwork
    prepare: PagePreparer
    image_processor: Any
    tokenizer: Any
    read_answer: AnswerReader


def load_decoder(folder: Path, options: Mapping[str, object], settings: Settings) -> LoadedModel:
    """The model of the folder, warm, and proved to decode pages together as it does alone. `options` are
    those of quire.json. Raises ModelFolderError with a sentence that says what to do, and ValueError for a
    device that is not there."""
    asked = DecodingOptions.parse(options)
    device = choose_device(settings.device)
    if device.type == "cpu":
        use_threads(settings.device_threads)
    without_progress_bar: Callable[[], None] = transformers_logging.disable_progress_bar
    without_progress_bar()
    config = _read_config(folder)
    precision = decoding_precision(settings.precision, device, config)
    source = _Source(folder, settings.trust_remote_code == "on")
    model = load_weights(folder, _family(folder, config), DTYPES[precision], source.trusts_code).to(device)
    slots = asked.slots or max(1, math.ceil(_SLOTS[device.type] * settings.batch_share))
    try:
        decoder, slots = _assembled(source, model, asked, slots, settings.batch_share)
    except (ValueError, RowsDoNotWork) as error:
        raise ModelFolderError(f"{folder}: {error}") from error
    decoder.warm_up()
    return LoadedModel(decoder, device_class(device), precision.value, slots)


def decoding_precision(setting: str, device: torch.device, config: Mapping[str, Any]) -> Precision:
    """What `auto` means here: float32 on a CPU; on CUDA 16 bits, bfloat16 where the model was trained in
    it and the device knows it, since such a model may not fit into float16's range."""
    if setting != "auto":
        return Precision(setting)
    if device.type == "cpu":
        return Precision.FP32
    trained_in = config.get("dtype") or config.get("torch_dtype")
    if trained_in == "bfloat16" and knows_bfloat16(device):
        return Precision.BF16
    return choose_precision(setting, device_class(device))


def _assembled(
    source: _Source, model: Any, asked: DecodingOptions, slots: int, batch_share: float
) -> tuple[PageDecoder, int]:
    """The model, and how many slots of those wanted it has."""
    parts = _parts(source, model, asked)
    writer = Writer(parts.network, side_of(model.device), forbidden_tokens(model.generation_config))
    num_prompt_tokens = prove_rows(writer, parts.prepare)
    endings = endings_of(model, parts.tokenizer, asked)
    num_tokens = min(num_prompt_tokens + endings.max_tokens, parts.network.max_positions)
    slots = slots_that_fit(slots, writer.rows.row_bytes(num_tokens), writer.side.memory())
    pixels = int(_BATCH_PIXELS[model.device.type] * batch_share)
    writing = Writing(
        canvas=page_canvas_of(parts.image_processor),
        endings=endings,
        read_answer=parts.read_answer,
        max_positions=parts.network.max_positions,
        deadline_seconds=asked.deadline_seconds or math.inf,
    )
    decoder = PageDecoder(
        ModelInfo(name=_name(asked, model), revision=revision_of(source.folder, weight_files(source.folder))),
        EncodeLane(writer, parts.prepare, pixels),
        DecodeLane(writer, slots + RESERVED_SEATS),
        writing,
    )
    return decoder, slots


def _parts(source: _Source, model: Any, asked: DecodingOptions) -> _Parts:
    if model.config.model_type == VISION_ENCODER_DECODER:
        return _encoder_decoder_parts(source, model, asked)
    processor = load_processor(source.folder, model.config, source.trusts_code)
    tokenizer = processor.tokenizer
    return _Parts(
        network=ImageTextNetwork(model),
        prepare=ImageInPrompt(processor, lambda prompt: chat_prompt(processor, prompt or asked.prompt)),
        image_processor=processor.image_processor,
        tokenizer=tokenizer,
        read_answer=JsonReader(tokenizer) if asked.answer == "json" else TextReader(tokenizer),
    )


def _encoder_decoder_parts(source: _Source, model: Any, asked: DecodingOptions) -> _Parts:
    image_processor = load_image_processor(source.folder, source.trusts_code)
    tokenizer = load_tokenizer(source.folder, source.trusts_code)

    def tokens_of(prompt: str | None) -> list[int]:
        return decoder_prompt(model, tokenizer, prompt or asked.prompt)

    tokens_of(None)
    is_donut = model.config.encoder.model_type == DONUT_ENCODER
    reader: AnswerReader = TextReader(tokenizer)
    if asked.answer == "auto" and is_donut:
        make_processor: Any = DonutProcessor
        reader = DonutReader(make_processor(image_processor, tokenizer), tokens_of)
    elif asked.answer == "json":
        reader = JsonReader(tokenizer)
    return _Parts(
        network=EncoderDecoderNetwork(model),
        prepare=ImageAndTokens(image_processor, tokens_of),
        image_processor=image_processor,
        tokenizer=tokenizer,
        read_answer=reader,
    )


def _read_config(folder: Path) -> dict[str, Any]:
    try:
        config: dict[str, Any] = json.loads((folder / "config.json").read_bytes())
    except (OSError, ValueError) as error:
        raise ModelFolderError(f"{folder / 'config.json'} cannot be read: {error}") from error
    return config


def _family(folder: Path, config: Mapping[str, Any]) -> str:
    family = decoder_family(config)
    if family is None:
        raise ModelFolderError(f"{folder / 'config.json'} is not of a model that writes text from an image")
    return family


def _name(asked: DecodingOptions, model: Any) -> str:
    return asked.name or str(model.config.model_type)
