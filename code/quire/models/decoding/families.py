"""Which family of decoding models is a config.json of? Free of torch."""

from __future__ import annotations

from collections.abc import Mapping

VISION_ENCODER_DECODER = "vision-encoder-decoder"
"""An image encoder and a text decoder that looks at it: Donut, TrOCR."""

IMAGE_TEXT_TO_TEXT = "image-text-to-text"
"""A language model that reads image tokens in its prompt: GOT-OCR2, Idefics3, SmolVLM."""

_WRITING_HEADS = ("ForConditionalGeneration", "ForVision2Seq", "ForVisionText2Text", "ForCausalLM")


def decoder_family(config: Mapping[str, object]) -> str | None:
    """`config` is what config.json says; None for a model that writes no text from an image."""
    if config.get("model_type") == VISION_ENCODER_DECODER:
        return VISION_ENCODER_DECODER
    architectures = config.get("architectures")
    names = architectures if isinstance(architectures, list) else []
    writes = any(str(name).endswith(_WRITING_HEADS) for name in names)
    sees = isinstance(config.get("vision_config"), dict)
    return IMAGE_TEXT_TO_TEXT if writes and sees else None
