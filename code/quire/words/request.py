"""What was asked: a document on disk and the options for reading it."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from quire.words.errors import BadRequest
from quire.words.pages import PageSelection

MIN_DPI, MAX_DPI = 36, 1200
MAX_DEADLINE_SECONDS = 3600.0
MAX_REFERENCE_CHARACTERS = 256
MAX_PROMPT_CHARACTERS = 4000
MAX_TOKENS = 100_000


class TextMode(enum.Enum):
    """`auto` uses a page's text layer where it can be trusted, `ocr` never, `layer` only."""

    AUTO = "auto"
    OCR = "ocr"
    LAYER = "layer"


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What a model that writes is asked: words to it, and the most tokens of a page's answer. None is the
    model's own."""

    prompt: str | None = None
    max_tokens: int | None = None


class ReadOptions(msgspec.Struct, frozen=True, kw_only=True):
    """`dpi` None is the setting's; `deadline_seconds` counts from receipt, None is the setting's.
    `strict` turns any page's failure into the document's. `reference` is the caller's own name. `prompt`
    and `max_tokens` are for a model that writes."""

    pages: PageSelection = PageSelection()
    dpi: int | None = None
    text: TextMode = TextMode.AUTO
    strict: bool = False
    deadline_seconds: float | None = None
    reference: str | None = None
    prompt: str | None = None
    max_tokens: int | None = None

    def __post_init__(self) -> None:
        if self.dpi is not None and not MIN_DPI <= self.dpi <= MAX_DPI:
            raise BadRequest(f"dpi: {self.dpi} is outside {MIN_DPI} to {MAX_DPI}")
        deadline = self.deadline_seconds
        if deadline is not None and not 0 < deadline <= MAX_DEADLINE_SECONDS:
            raise BadRequest(f"deadline_seconds: {deadline} is outside 0 to {MAX_DEADLINE_SECONDS:.0f}")
        if self.reference is not None and len(self.reference) > MAX_REFERENCE_CHARACTERS:
            raise BadRequest(f"ref: longer than {MAX_REFERENCE_CHARACTERS} characters")
        if self.prompt is not None and not 0 < len(self.prompt.strip()) <= MAX_PROMPT_CHARACTERS:
            raise BadRequest(f"prompt: empty, or longer than {MAX_PROMPT_CHARACTERS} characters")
        if self.max_tokens is not None and not 0 < self.max_tokens <= MAX_TOKENS:
            raise BadRequest(f"max_tokens: {self.max_tokens} is outside 1 to {MAX_TOKENS}")

    @property
    def asked(self) -> Asked | None:
        """None where the request leaves all to the model."""
        if self.prompt is None and self.max_tokens is None:
            return None
        return Asked(prompt=self.prompt, max_tokens=self.max_tokens)

    @classmethod
    def parse_attributes(cls, text: str) -> ReadOptions:
        """Reads `pages=1-5;dpi=150;text=ocr;strict=true;deadline_seconds=600;ref=invoice-17`."""
        options: dict[str, str] = {}
        for part in filter(None, (part.strip() for part in text.split(";"))):
            name, separator, value = (piece.strip() for piece in part.partition("="))
            if not separator or name in options:
                raise BadRequest(f"custom attributes: {part[:80]!r} is not name=value, given once")
            options[name] = value
        return cls.from_mapping(options)

    @classmethod
    def from_mapping(cls, options: Mapping[str, object]) -> ReadOptions:
        """Options as a JSON object or as text; raises BadRequest naming the option at fault."""
        unknown = sorted(set(options) - set(_PARSERS))
        if unknown:
            raise BadRequest(f"unknown option {unknown[0][:80]!r}; known are {', '.join(_PARSERS)}")
        given = {name: value for name, value in options.items() if value is not None}
        return cls(**{_PARSERS[name][0]: _PARSERS[name][1](name, value) for name, value in given.items()})


def _text(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise BadRequest(f"{name}: {value!r:.80} is not a text")
    return value


def _pages(name: str, value: object) -> PageSelection:
    return PageSelection.parse(str(value) if isinstance(value, int) else _text(name, value))


def _whole_number(name: str, value: object) -> int:
    try:
        return msgspec.convert(value, int, strict=False)
    except msgspec.ValidationError as error:
        raise BadRequest(f"{name}: {value!r:.80} is not a whole number") from error


def _seconds(name: str, value: object) -> float:
    try:
        return msgspec.convert(value, float, strict=False)
    except msgspec.ValidationError as error:
        raise BadRequest(f"{name}: {value!r:.80} is not a number of seconds") from error


def _truth(name: str, value: object) -> bool:
    try:
        return msgspec.convert(value, bool, strict=False)
    except msgspec.ValidationError as error:
        raise BadRequest(f"{name}: {value!r:.80} is neither true nor false") from error


def _text_mode(name: str, value: object) -> TextMode:
    try:
        return TextMode(value)
    except ValueError as error:
        raise BadRequest(f"{name}: {value!r:.80} is none of auto, ocr, layer") from error


_PARSERS: dict[str, tuple[str, Callable[[str, object], Any]]] = {
    "pages": ("pages", _pages),
    "dpi": ("dpi", _whole_number),
    "text": ("text", _text_mode),
    "strict": ("strict", _truth),
    "deadline_seconds": ("deadline_seconds", _seconds),
    "ref": ("reference", _text),
    "prompt": ("prompt", _text),
    "max_tokens": ("max_tokens", _whole_number),
}


class DocumentRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A document that lies on this machine's disk, sniffed and hashed, and how to read it."""

    path: Path
    media_type: str
    num_bytes: int
    sha256: str
    options: ReadOptions
    password: str | None = None
    inference_id: str | None = None
