"""Folders of very small models of texts: real configurations and tokenizers, made from a fixed seed. The
classifier is taught for a second to tell the sample documents apart."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import torch
from tokenizers import normalizers, pre_tokenizers
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    BertForTokenClassification,
    BertModel,
    BertTokenizer,
    RobertaConfig,
    RobertaForSequenceClassification,
    RobertaTokenizer,
)

from tests.fakes.tiny_token_models import LABELS, TEXT, one_thread, tiny_tokenizer

FILES = sorted(TEXT.glob("*.txt"))
KINDS = tuple(path.stem for path in FILES)

_SIZES: dict[str, Any] = {
    "hidden_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "hidden_dropout_prob": 0.0,
    "attention_probs_dropout_prob": 0.0,
}
_STEPS = 250
_VOCABULARY = 500
_SPECIALS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def _labelled(labels: tuple[str, ...]) -> dict[str, Any]:
    return {"num_labels": len(labels), "id2label": dict(enumerate(labels))}


def tiny_bert_classifier(folder: Path, **more: Any) -> Path:
    """Its classes are the sample documents."""
    _saved(BertForSequenceClassification, _bert(**_labelled(KINDS), **more, initializer_range=0.05), folder)
    network: Any = BertForSequenceClassification.from_pretrained(folder)
    _teach(network, BertTokenizer.from_pretrained(folder))
    network.save_pretrained(folder)
    return folder


def tiny_bert_tagger(folder: Path) -> Path:
    return _saved(BertForTokenClassification, _bert(**_labelled(LABELS)), folder)


def tiny_bert(folder: Path) -> Path:
    return _saved(BertModel, _bert(), folder)


def tiny_roberta_classifier(folder: Path) -> Path:
    """Its positions begin behind the padding's: 62 of 64 are for tokens."""
    torch.manual_seed(8)
    config = RobertaConfig(
        **_SIZES, **_labelled(KINDS), vocab_size=600, max_position_embeddings=64, pad_token_id=1
    )
    RobertaForSequenceClassification(config).save_pretrained(folder)
    make: Any = RobertaTokenizer
    make(vocab=tiny_tokenizer().get_vocab(), merges=[]).save_pretrained(folder)
    return folder


@one_thread()
def _teach(network: Any, tokenizer: Any) -> None:
    words = [path.read_text().split() for path in FILES]
    truth = torch.arange(len(words))
    optimiser = torch.optim.Adam(network.parameters(), lr=3e-3)
    network.train()
    for _ in range(_STEPS):
        texts = [" ".join(_some(each)) for each in words]
        inputs = tokenizer(texts, padding=True, truncation=True, return_tensors="pt")
        optimiser.zero_grad()
        loss: Any = torch.nn.functional.cross_entropy(network(**inputs).logits, truth)
        loss.backward()
        optimiser.step()
    network.eval()


def _some(words: list[str]) -> list[str]:
    start = int(torch.randint(0, len(words) - 20, ()))
    return words[start : start + 20]


def _bert(**more: Any) -> BertConfig:
    # Larger than in training, so that texts are told apart by weights that were never taught.
    sizes = {"initializer_range": 0.4, **_SIZES, **more}
    return BertConfig(**sizes, vocab_size=_VOCABULARY, max_position_embeddings=64)


def _saved(kind: Any, config: BertConfig, folder: Path) -> Path:
    torch.manual_seed(7)
    kind(config).save_pretrained(folder)
    _word_pieces().save_pretrained(folder)
    return folder


def _word_pieces() -> Any:
    """Every character, and the words that are most frequent. The trainer of the tokenizers library gives
    another vocabulary each time."""
    normalizer = normalizers.BertNormalizer()
    parts = pre_tokenizers.BertPreTokenizer()
    text = normalizer.normalize_str(" ".join(path.read_text() for path in FILES))
    counted = Counter(word for word, _ in parts.pre_tokenize_str(text))
    characters = sorted({character for word in counted for character in word})
    words = sorted((word for word in counted if len(word) > 1), key=lambda word: (-counted[word], word))
    pieces = [*_SPECIALS, *characters, *(f"##{character}" for character in characters), *words]
    make: Any = BertTokenizer
    vocabulary = {piece: index for index, piece in enumerate(pieces[:_VOCABULARY])}
    return make(vocab=vocabulary, model_max_length=64)
