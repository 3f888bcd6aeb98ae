"""Tiny decoding models that were taught one page by heart, so that they say something about it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from transformers import (
    AutoImageProcessor,
    AutoModelForImageTextToText,
    AutoTokenizer,
    Idefics3Processor,
    VisionEncoderDecoderModel,
)

from quire.models.decoding.prompts import chat_prompt
from tests.fakes.tiny_decoders import donut_folder, smolvlm_folder

_ENOUGH = 0.02
_MOST_STEPS = 600

Forward = Callable[[Tensor], Tensor]
"""An answer's tokens [1, k] to the logits [1, k, vocabulary] that foretell them."""


def taught_donut(folder: Path, page: Path, answer: str) -> Path:
    """`answer` in tags, after the prompt <s_tiny>."""
    donut_folder(folder)
    model: Any = VisionEncoderDecoderModel.from_pretrained(folder)
    tokenizer: Any = AutoTokenizer.from_pretrained(folder)
    load_images: Any = AutoImageProcessor.from_pretrained
    pixels = load_images(folder)(_pixels(page), return_tensors="pt")["pixel_values"]
    prompt = torch.tensor([[model.config.decoder_start_token_id]])

    def forward(tokens: Tensor) -> Tensor:
        written = torch.cat([prompt, tokens[:, :-1]], dim=1)
        logits: Tensor = model(pixel_values=pixels, decoder_input_ids=written).logits
        return logits

    return _taught(folder, model, forward, _tokens(tokenizer, answer))


def taught_smolvlm(folder: Path, page: Path, question: str, answer: str) -> Path:
    smolvlm_folder(folder)
    model: Any = AutoModelForImageTextToText.from_pretrained(folder)
    from_pretrained: Any = Idefics3Processor.from_pretrained
    processor = from_pretrained(folder)
    asked = chat_prompt(processor, question)
    inputs = processor(images=[_pixels(page)], text=[asked], return_tensors="pt")
    prompt = inputs["input_ids"]
    images = {name: values for name, values in inputs.items() if name not in ("input_ids", "attention_mask")}

    def forward(tokens: Tensor) -> Tensor:
        logits: Tensor = model(input_ids=torch.cat([prompt, tokens], dim=1), **images).logits
        return logits[:, prompt.shape[1] - 1 : -1]

    return _taught(folder, model, forward, _tokens(processor.tokenizer, answer))


def _pixels(page: Path) -> Any:
    return np.asarray(Image.open(page).convert("RGB"))


def _tokens(tokenizer: Any, answer: str) -> Tensor:
    tokens = tokenizer(answer, add_special_tokens=False)["input_ids"]
    return torch.tensor([[*tokens, tokenizer.eos_token_id]])


def _taught(folder: Path, model: Any, forward: Forward, tokens: Tensor) -> Path:
    torch.manual_seed(0)
    learning = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(_MOST_STEPS):
        loss = torch.nn.functional.cross_entropy(forward(tokens)[0], tokens[0])
        if loss.item() < _ENOUGH:
            break
        learning.zero_grad()
        torch.autograd.backward(loss)
        learning.step()
    else:
        raise AssertionError(f"the page was not learnt: {loss.item():.3f}")
    model.save_pretrained(folder)
    return folder
