"""Which family is a model of, by its config.json, and which code serves it? Free of torch."""

from __future__ import annotations

import enum
from collections.abc import Sequence

import msgspec

from quire.models.decoding.families import decoder_family

TOKEN_CLASSIFIERS = {
    "layoutlmv3": "LayoutLMv3ForTokenClassification",
    "lilt": "LiltForTokenClassification",
}
"""model_type → architecture, as config.json names them, of the models that tag words with boxes."""

TEXT_MODEL_TYPES = (
    *("albert", "bert", "camembert", "deberta", "deberta-v2", "distilbert", "electra", "modernbert"),
    *("mpnet", "roberta", "xlm-roberta"),
)
"""Encoders that take a text's tokens and nothing else."""

_OLDER_NAMES = {
    "image-to-text": "image-text-to-text",
    "sentiment-analysis": "text-classification",
    "ner": "token-classification",
    "sentence-similarity": "feature-extraction",
}


class Family(enum.Enum):
    """Models that are served alike."""

    WORDS_AND_BOXES = "words-and-boxes"
    DECODING = "decoding"
    TEXT_CLASSES = "text-classes"
    TEXT_ENTITIES = "text-entities"
    TEXT_EMBEDDING = "text-embedding"

    @property
    def task(self) -> str:
        """By transformers' own name."""
        return _TASKS[self]

    @property
    def sees_pages(self) -> bool:
        """Whether it has an answer for every page's picture; others read the text, wherever it is from."""
        return self in (Family.WORDS_AND_BOXES, Family.DECODING)


_TASKS = {
    Family.WORDS_AND_BOXES: "token-classification",
    Family.DECODING: "image-text-to-text",
    Family.TEXT_CLASSES: "text-classification",
    Family.TEXT_ENTITIES: "token-classification",
    Family.TEXT_EMBEDDING: "feature-extraction",
}

_HEADS = {
    "ForSequenceClassification": Family.TEXT_CLASSES,
    "ForTokenClassification": Family.TEXT_ENTITIES,
    "Model": Family.TEXT_EMBEDDING,
}
"""What the architecture's name ends with."""

SERVED = (
    f"{', '.join(TOKEN_CLASSIFIERS.values())}; models that write what stands on a page: "
    "VisionEncoderDecoderModel and those for image-text-to-text, which have a vision_config; models of a "
    f"document's text: {', '.join(TEXT_MODEL_TYPES)}, for sequence or token classification or as an encoder"
)


class ModelConfig(msgspec.Struct, frozen=True):
    """What is looked at of config.json."""

    architectures: list[str] | None = None
    model_type: str = ""
    vision_config: dict[str, object] | None = None

    @property
    def described(self) -> str:
        return ", ".join(self.architectures or []) or self.model_type


def known_task(task: str | None) -> str | None:
    """A task's name today."""
    return task and _OLDER_NAMES.get(task, task)


def family_of(config: ModelConfig, task: str | None) -> Family | None:
    """None for a model that is not served. A config.json without architectures is believed to be for the
    task that is asked for; an encoder can always be asked for its embedding."""
    names = config.architectures or []
    for family in _candidates(config, names, task):
        if task is None or family.task == task:
            return family
    return next(iter(_candidates(config, names, task)), None)


def _candidates(config: ModelConfig, names: Sequence[str], task: str | None) -> list[Family]:
    """What the model can do, most likely first."""
    if any(name in TOKEN_CLASSIFIERS.values() for name in names):
        return [Family.WORDS_AND_BOXES]
    if decoder_family(msgspec.structs.asdict(config)):
        return [Family.DECODING]
    if not names and task is not None:
        return _by_task(config.model_type, task)
    if config.model_type not in TEXT_MODEL_TYPES:
        return []
    heads = [family for end, family in _HEADS.items() if any(name.endswith(end) for name in names)]
    return heads if task != Family.TEXT_EMBEDDING.task else [Family.TEXT_EMBEDDING]


def _by_task(model_type: str, task: str) -> list[Family]:
    if model_type in TOKEN_CLASSIFIERS:
        return [Family.WORDS_AND_BOXES] if task == Family.WORDS_AND_BOXES.task else []
    if model_type not in TEXT_MODEL_TYPES:
        return []
    return [family for family in _HEADS.values() if family.task == task]
