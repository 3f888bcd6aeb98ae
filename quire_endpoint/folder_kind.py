"""What is a folder to the container: a Hugging Face model, a handler, a page model, the reader's weights?
Nothing of it is imported."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from quire_endpoint.pack_files import CannotPack, PackedFile, json_object
from quire_endpoint.pack_program import (
    CODE,
    DEFAULT_PROGRAM,
    HANDLER_FUNCTIONS,
    PAGE_MODEL_FUNCTION,
    Program,
    find_programs,
)

_CACHE_TOKENS = 2048
"""Of a page: what its generation cache is reckoned for."""


class Kind(enum.Enum):
    """Who brings the model."""

    HANDLER_WITH_MODEL = "a handler with a model of its own"
    HANDLER = "a handler over the model that is served"
    PAGE_MODEL = "a page model"
    HUGGING_FACE = "a Hugging Face model"
    READER = "the reader's weights"
    STUB = "the stub"


@dataclass(frozen=True)
class FolderKind:
    """`kinds` is never empty. `cache_bytes` is what one page's generation cache takes, 0 without one; `slots`
    is how many quire.json asks for, None where it does not say."""

    kinds: tuple[Kind, ...]
    described: str
    notes: tuple[str, ...] = ()
    cache_bytes: int = 0
    slots: int | None = None

    @property
    def has_code(self) -> bool:
        return any(kind in self.kinds for kind in (Kind.HANDLER, Kind.HANDLER_WITH_MODEL, Kind.PAGE_MODEL))

    @property
    def is_read_by_transformers(self) -> bool:
        """The weights are those of the Hugging Face model, and loaded as its folder says."""
        others = (Kind.HANDLER_WITH_MODEL, Kind.PAGE_MODEL, Kind.STUB)
        return Kind.HUGGING_FACE in self.kinds and not any(kind in self.kinds for kind in others)

    @property
    def keeps_own_precision(self) -> bool:
        """Weights are loaded as the user's code sees fit."""
        return Kind.PAGE_MODEL in self.kinds or Kind.HANDLER_WITH_MODEL in self.kinds


def find_kind(folder: Path, files: Sequence[PackedFile]) -> FolderKind:
    """Raises CannotPack, with a sentence that says what to do, where the container would serve none of it."""
    by_name = {file.name: file for file in files}
    of_model, programs = _model_kinds(by_name), find_programs(by_name)
    if Kind.PAGE_MODEL in of_model:
        programs = [program for program in programs if program.is_default]
    kinds = [*_code_kinds(programs, of_model), *of_model]
    if not kinds:
        raise CannotPack(_unknown(folder, files))
    config = json_object(by_name["config.json"]) if "config.json" in by_name else {}
    return FolderKind(
        kinds=tuple(dict.fromkeys(kinds)),
        described=_described(kinds, config),
        notes=tuple(_notes(programs, by_name)),
        cache_bytes=_cache_bytes(config) if Kind.HUGGING_FACE in kinds else 0,
        slots=_asked_slots(by_name),
    )


def _code_kinds(programs: Sequence[Program], of_model: Sequence[Kind]) -> list[Kind]:
    kinds = []
    for program in programs:
        is_page_model = PAGE_MODEL_FUNCTION in program.defined
        may_bring_model = program.is_open and not is_page_model and Kind.PAGE_MODEL not in of_model
        if "model_fn" in program.defined or may_bring_model:
            kinds.append(Kind.HANDLER_WITH_MODEL)
        elif program.defined & HANDLER_FUNCTIONS:
            kinds.append(Kind.HANDLER)
        if is_page_model:
            kinds.append(Kind.PAGE_MODEL)
    return kinds


def _model_kinds(by_name: Mapping[str, PackedFile]) -> list[Kind]:
    kinds = []
    asked = json_object(by_name["quire.json"]).get("task") if "quire.json" in by_name else None
    if asked == "page-model":
        if not any(name.startswith(f"{CODE}/") for name in by_name):
            raise CannotPack(f"quire.json names a page model, and there is no {CODE}/")
        kinds.append(Kind.PAGE_MODEL)
    elif asked == "stub":
        kinds.append(Kind.STUB)
    if "manifest.json" in by_name:
        kinds.append(Kind.READER)
    elif "config.json" in by_name:
        kinds.append(Kind.HUGGING_FACE)
    return kinds


def _described(kinds: Sequence[Kind], config: Mapping[str, Any]) -> str:
    said = " and ".join(dict.fromkeys(kind.value for kind in kinds))
    named = config.get("architectures") or [config.get("model_type", "of no named type")]
    return f"{said} ({', '.join(map(str, named))})" if Kind.HUGGING_FACE in kinds else said


def _notes(programs: Sequence[Program], by_name: Mapping[str, PackedFile]) -> list[str]:
    """What is no error and should be known."""
    notes = []
    named = [program for program in programs if not program.is_default]
    if len(named) == 1:
        notes.append(f"{named[0].name} is the handler: set SAGEMAKER_PROGRAM={named[0].setting}")
    elif named:
        settings = " or ".join(program.setting for program in named)
        notes.append(f"each of several files may be the handler: set SAGEMAKER_PROGRAM={settings}")
    if f"{CODE}/requirements.txt" in by_name:
        notes.append(f"{CODE}/requirements.txt is installed when the container starts, which needs a network")
    return notes


def _unknown(folder: Path, files: Sequence[PackedFile]) -> str:
    inner = {file.name.partition("/")[0] for file in files if "/" in file.name}
    for name in sorted(inner):
        if any(
            (folder / name / known).exists() for known in ("config.json", "quire.json", "manifest.json", CODE)
        ):
            return f"{folder} is no model folder, but {folder / name} looks like one: pack that"
    return (
        f"{folder} holds none of config.json (Hugging Face), {DEFAULT_PROGRAM} (a handler), quire.json (a "
        "page model) and manifest.json (`quire build-model --archive`)"
    )


def _cache_bytes(config: Mapping[str, Any]) -> int:
    """Keys and values of every layer of the part that generates, in 16 bits; 0 for a model that does not."""
    if not any(_generates(str(name)) for name in config.get("architectures") or ()):
        return 0
    part = next(
        (config[name] for name in ("decoder", "text_config") if isinstance(config.get(name), dict)), config
    )
    layers = _first(part, "decoder_layers", "num_hidden_layers", "n_layer")
    width = _first(part, "d_model", "hidden_size", "n_embd")
    heads = _first(part, "decoder_attention_heads", "num_attention_heads", "n_head")
    of_keys = _first(part, "num_key_value_heads") or heads
    share = of_keys / heads if heads else 1
    return int(2 * 2 * layers * width * share * _CACHE_TOKENS)


def _asked_slots(by_name: Mapping[str, PackedFile]) -> int | None:
    options = json_object(by_name["quire.json"]).get("options") if "quire.json" in by_name else None
    slots = options.get("slots") if isinstance(options, dict) else None
    return slots if isinstance(slots, int) and slots > 0 else None


def _generates(architecture: str) -> bool:
    return architecture.endswith(
        ("ForConditionalGeneration", "ForCausalLM", "EncoderDecoderModel", "ForVision2Seq")
    )


def _first(part: Mapping[str, Any], *names: str) -> int:
    return next((part[name] for name in names if isinstance(part.get(name), int)), 0)
