"""Hugging Face folders of very small models: real configurations and tokenizers, made from a fixed seed and
taught for a second to tag amounts of money and capitalised names in the sample documents."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import (
    LayoutLMv3Config,
    LayoutLMv3ForTokenClassification,
    LayoutLMv3ImageProcessorPil,
    LayoutLMv3Tokenizer,
    LiltConfig,
    LiltForTokenClassification,
)

LABELS = ("O", "B-NAME", "I-NAME", "B-AMOUNT", "I-AMOUNT")
SPECIALS = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")
TEXT = Path(__file__).parents[1] / "data"

_SIZES: dict[str, Any] = {
    "hidden_size": 48,
    "num_hidden_layers": 2,
    "vocab_size": 600,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "max_2d_position_embeddings": 1024,
    "pad_token_id": 1,
    "bos_token_id": 0,
    "eos_token_id": 2,
    "hidden_dropout_prob": 0.0,
    "attention_probs_dropout_prob": 0.0,
}


@contextmanager
def one_thread() -> Iterator[None]:
    """Networks so small are slowest on several."""
    num_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(num_threads)


def tiny_tokenizer(max_tokens: int = 512) -> Any:
    """Byte-level BPE, trained on the texts of the sample documents."""
    trained = Tokenizer(models.BPE())
    trained.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    trainer = trainers.BpeTrainer(
        vocab_size=600,
        special_tokens=list(SPECIALS),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    trained.train([str(path) for path in sorted(TEXT.glob("*.txt"))], trainer)
    vocabulary = trained.get_vocab()
    merges = json.loads(trained.to_str())["model"]["merges"]
    make: Any = LayoutLMv3Tokenizer
    return make(vocab=vocabulary, merges=[tuple(pair) for pair in merges], model_max_length=max_tokens)


def tiny_layoutlmv3(folder: Path, *, max_tokens: int = 512, **more: Any) -> Path:
    """LayoutLMv3ForTokenClassification with its processor's files, for windows of `max_tokens`."""
    torch.manual_seed(5)
    sizes = {"coordinate_size": 8, "shape_size": 8, "patch_size": 32, **more}
    config = LayoutLMv3Config(**_SIZES, **_LABELLED, **sizes, max_position_embeddings=max_tokens + 2)
    model = LayoutLMv3ForTokenClassification(config)
    pictures = {"pixel_values": torch.zeros(_NUM_TEXTS, 3, 224, 224)} if config.visual_embed else {}
    _teach(model, pictures)
    model.save_pretrained(folder)
    LayoutLMv3ImageProcessorPil(apply_ocr=False).save_pretrained(folder)
    tiny_tokenizer(max_tokens).save_pretrained(folder)
    return folder


def tiny_lilt(folder: Path, *, max_tokens: int = 512) -> Path:
    """LiltForTokenClassification with a tokenizer as those published have."""
    torch.manual_seed(6)
    model = LiltForTokenClassification(
        LiltConfig(**_SIZES, **_LABELLED, max_position_embeddings=max_tokens + 2)
    )
    _teach(model, {})
    model.save_pretrained(folder)
    tiny_tokenizer(max_tokens).save_pretrained(folder)
    return folder


_LABELLED: dict[str, Any] = {
    "num_labels": len(LABELS),
    "id2label": dict(enumerate(LABELS)),
    "label2id": {label: index for index, label in enumerate(LABELS)},
}

_NUM_TEXTS = 10
_STEPS = 100


@one_thread()
def _teach(model: Any, pictures: dict[str, torch.Tensor]) -> None:
    tokenizer = tiny_tokenizer(64)
    files = [path.read_text().split() for path in sorted(TEXT.glob("*.txt"))]
    optimiser = torch.optim.Adam(model.parameters(), lr=5e-3)
    model.train()
    for _ in range(_STEPS):
        texts = [_some(files[number % len(files)]) for number in range(_NUM_TEXTS)]
        boxes = torch.randint(0, 500, (_NUM_TEXTS, 30, 4))
        boxes[..., 2:] += 500
        inputs = tokenizer(
            texts,
            boxes=boxes.tolist(),
            word_labels=[_truth(text) for text in texts],
            padding="max_length",
            truncation=True,
            return_tensors="pt",
        )
        optimiser.zero_grad()
        model(**inputs, **pictures).loss.backward()
        optimiser.step()
    model.eval()


def _some(words: Sequence[str]) -> Sequence[str]:
    start = int(torch.randint(0, len(words) - 30, ()))
    return words[start : start + 30]


def _truth(words: Sequence[str]) -> list[int]:
    classes: list[int] = []
    for word in words:
        if re.fullmatch(r"[\d,]*\d\.\d\d", word):
            classes.append(3)
        elif word[0].isupper():
            classes.append(2 if classes and classes[-1] in (1, 2) else 1)
        else:
            classes.append(0)
    return classes
