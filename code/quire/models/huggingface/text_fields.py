"""How does an answer show what was found in a document's text? As values that JSON has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from quire.models.huggingface.text_answers import Floats, LabelScore, TextClasses, TextEntity
from quire.models.huggingface.text_inputs import TextSpan

_SCORE_DIGITS = 4
_VECTOR_DIGITS = 7


def fields_of(found: TextClasses | tuple[TextEntity, ...] | Floats) -> dict[str, Any]:
    """`labels` and `windows` of a text that was classified, `entities` of one that was tagged, `embedding`
    of one that was embedded. `start` and `end` count characters from 0, the end excluded."""
    if isinstance(found, TextClasses):
        return {
            "labels": _labels(found.scores),
            "windows": [
                {**_place(window.span), "labels": _labels(window.scores)} for window in found.windows
            ],
        }
    if isinstance(found, tuple):
        return {"entities": [_entity(entity) for entity in found]}
    return {"embedding": [round(value, _VECTOR_DIGITS) for value in found.tolist()]}


def _entity(entity: TextEntity) -> dict[str, Any]:
    score = round(entity.score, _SCORE_DIGITS)
    return {"label": entity.label, "text": entity.text, "score": score, **_place(entity.span)}


def _labels(scores: Sequence[LabelScore]) -> list[dict[str, Any]]:
    """Highest first."""
    ordered = sorted(scores, key=lambda each: -each.score)
    return [{"label": each.label, "score": round(each.score, _SCORE_DIGITS)} for each in ordered]


def _place(span: TextSpan) -> dict[str, int]:
    return {"start": span.start, "end": span.stop}
