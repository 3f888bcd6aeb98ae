"""Which config.json is of a model that writes text from an image?"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from quire.models.decoding.families import IMAGE_TEXT_TO_TEXT, VISION_ENCODER_DECODER, decoder_family

CLIP = {"architectures": ["CLIPModel"], "model_type": "clip", "vision_config": {}, "text_config": {}}
BART = {"architectures": ["BartForConditionalGeneration"], "model_type": "bart"}
LAYOUT = {"architectures": ["LayoutLMv3ForTokenClassification"], "model_type": "layoutlmv3"}


@pytest.mark.parametrize("kind", ["donut", "trocr"])
def test_an_encoder_with_a_decoder(kind: str, folders: dict[str, Path]) -> None:
    assert decoder_family(json.loads((folders[kind] / "config.json").read_bytes())) == VISION_ENCODER_DECODER


@pytest.mark.parametrize("kind", ["got_ocr2", "idefics3", "smolvlm"])
def test_a_language_model_with_the_image_in_its_prompt(kind: str, folders: dict[str, Path]) -> None:
    assert decoder_family(json.loads((folders[kind] / "config.json").read_bytes())) == IMAGE_TEXT_TO_TEXT


@pytest.mark.parametrize("config", [CLIP, BART, LAYOUT, {}, {"architectures": None}])
def test_other_models(config: dict[str, object]) -> None:
    assert decoder_family(config) is None
