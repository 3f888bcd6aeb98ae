"""How is a model of texts loaded: a classifier, a tagger, or one that embeds?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import torch
from transformers import AutoModel, AutoModelForSequenceClassification, AutoModelForTokenClassification

from quire.models.device_side.side import DeviceSide
from quire.models.huggingface.beside_reader import PlacedReader, info_beside, precision_beside
from quire.models.huggingface.families import Family
from quire.models.huggingface.folder import HuggingFaceChoice
from quire.models.huggingface.options import TextOptions
from quire.models.huggingface.tags import tags_of
from quire.models.huggingface.text_answers import Scale
from quire.models.huggingface.text_inputs import TextTokenizer
from quire.models.huggingface.text_lane import (
    Head,
    TextLane,
    TextNetwork,
    first_head,
    logits_head,
    sum_head,
)
from quire.models.huggingface.text_models import TextClassifier, TextEmbedder, TextReading, TextTagger
from quire.models.huggingface.transformers_loading import (
    limits_of,
    load_network,
    load_tokenizer,
    most_tokens,
)
from quire.models.huggingface.whole_text import WholeTextModel
from quire.models.model_folder import ModelFolderError
from quire.models.ppocr.networks import DTYPES
from quire.words.settings import Settings

_MODULES = "modules.json"
_POOLING, _NORMALIZE = "Pooling", "Normalize"


class _Module(msgspec.Struct, frozen=True):
    """One step of a sentence-transformers folder."""

    path: str
    type: str


class _Pooling(msgspec.Struct, frozen=True):
    pooling_mode_cls_token: bool = False
    pooling_mode_mean_tokens: bool = False


class _Lengths(msgspec.Struct, frozen=True):
    max_seq_length: int | None = None


@dataclass(frozen=True)
class TextSource:
    """The folder that a model of texts comes from, and where and how it is to run."""

    folder: Path
    side: DeviceSide
    dtype: torch.dtype = torch.float32
    trusts_code: bool = False
    options: TextOptions = field(default_factory=TextOptions)
    batch_share: float = 1.0


def load_whole_text(choice: HuggingFaceChoice, reader: PlacedReader, settings: Settings) -> WholeTextModel:
    """On the reader's device. Raises ModelFolderError."""
    source = TextSource(
        folder=Path(choice.folder),
        side=reader.side,
        dtype=DTYPES[precision_beside(settings.precision, reader.side.device)],
        trusts_code=choice.asks_for_code,
        options=TextOptions.parse(choice.options),
        batch_share=settings.batch_share,
    )
    return WholeTextModel(reader, _LOADERS[choice.family](source), info_beside(choice, reader))


def load_text_classifier(source: TextSource) -> TextClassifier:
    """Any architecture for sequence classification that takes ids alone. Raises ModelFolderError."""
    module = _network(AutoModelForSequenceClassification, source)
    reading = _reading(source, module, logits_head, is_by_token=False)
    return TextClassifier(reading, _labels(module.config), _scale(module.config))


def load_text_tagger(source: TextSource) -> TextTagger:
    """Any architecture for token classification that takes ids alone. Raises ModelFolderError."""
    module = _network(AutoModelForTokenClassification, source)
    reading = _reading(source, module, logits_head, is_by_token=True)
    return TextTagger(reading, tuple(tags_of(module.config.id2label, source.options.outside_labels)))


def load_text_embedder(source: TextSource) -> TextEmbedder:
    """A sentence-transformers folder, or else an encoder whose states are averaged and normalised. Raises
    ModelFolderError, for a pooling too that is neither the mean's nor the first token's."""
    takes_mean, has_length_one = _pooling(source.folder)
    module = _network(AutoModel, source, unused=("pooler.",))
    head = sum_head if takes_mean else first_head
    return TextEmbedder(_reading(source, module, head, is_by_token=False), takes_mean, has_length_one)


_LOADERS: dict[Family, Callable[[TextSource], TextClassifier | TextTagger | TextEmbedder]] = {
    Family.TEXT_CLASSES: load_text_classifier,
    Family.TEXT_ENTITIES: load_text_tagger,
    Family.TEXT_EMBEDDING: load_text_embedder,
}


def _network(auto_class: Any, source: TextSource, unused: tuple[str, ...] = ()) -> Any:
    module = load_network(auto_class, source.folder, trusts_code=source.trusts_code, unused=unused)
    return module.to(source.side.device, source.dtype)


def _reading(source: TextSource, module: Any, head: Head, *, is_by_token: bool) -> TextReading:
    tokenizer = load_tokenizer(source.folder, trusts_code=source.trusts_code)
    network = TextNetwork(module, source.side, int(module.config.pad_token_id or 0), head, is_by_token)
    try:
        words = TextTokenizer(tokenizer)
        own = most_tokens(module.config, tokenizer)
        most = min(own, _told_length(source.folder) or own)
        limits = limits_of(source.options.stride, most - words.num_specials)
        return TextReading(words, limits, TextLane(network, source.batch_share))
    except ValueError as error:
        raise ModelFolderError(f"{source.folder}: {error}") from error


def _labels(config: Any) -> tuple[str, ...]:
    return tuple(config.id2label[index] for index in sorted(config.id2label))


def _scale(config: Any) -> Scale:
    """As transformers' text-classification pipeline has it: one label alone is a sigmoid's too."""
    if config.problem_type == "regression":
        return "number"
    if config.problem_type == "multi_label_classification" or config.num_labels == 1:
        return "any-of-many"
    return "one-of-many"


def _pooling(folder: Path) -> tuple[bool, bool]:
    """Whether states are averaged, and whether the vector is normalised."""
    path = folder / _MODULES
    if not path.is_file():
        return True, True
    modules = {module.type.rpartition(".")[2]: module for module in _decoded(path, list[_Module])}
    if not {*modules} <= {"Transformer", _POOLING, _NORMALIZE}:
        raise ModelFolderError(
            f"{path} asks for {', '.join(modules)}; only pooling and normalising are known"
        )
    told = folder / modules[_POOLING].path / "config.json" if _POOLING in modules else None
    pooling = _decoded(told, _Pooling) if told else _Pooling(pooling_mode_mean_tokens=True)
    if pooling.pooling_mode_cls_token == pooling.pooling_mode_mean_tokens:
        raise ModelFolderError(f"{told} asks for a pooling other than the mean or the first token")
    return pooling.pooling_mode_mean_tokens, _NORMALIZE in modules


def _told_length(folder: Path) -> int | None:
    """A limit that sentence-transformers sets below the network's own."""
    path = folder / "sentence_bert_config.json"
    length: int | None = _decoded(path, _Lengths).max_seq_length if path.is_file() else None
    return length


def _decoded(path: Path, kind: Any) -> Any:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (OSError, msgspec.MsgspecError) as error:
        raise ModelFolderError(f"{path} cannot be read: {error}") from error
