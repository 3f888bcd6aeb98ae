"""With which words is a document submitted: times, formats, options?"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

MAX_TTL_SECONDS, MIN_TTL_SECONDS = 21600, 60
MAX_TIMEOUT_SECONDS = 3600
MAX_HEADER_CHARACTERS = 1024
"""All of them: InvokeEndpointAsync in botocore's service model."""

MAX_REFERENCE_CHARACTERS = 256
"""As the container takes it."""

_CLEAN = re.compile(r"[!-:<-~]+(?: [!-:<-~]+)*")
"""Visible ASCII without a semicolon, single spaces within: what a header carries unchanged."""


@dataclass(frozen=True)
class Request:
    """Of one document or of many. `options` become the custom attributes that Quire's container reads, with
    the container's deadline and the document's reference beside them; `custom_attributes` are sent as they
    are in their stead, for a container that reads something else."""

    ttl_seconds: int = MAX_TTL_SECONDS
    timeout_seconds: int = 900
    accept: str | None = None
    options: Mapping[str, str | int | float | bool] = field(default_factory=dict)
    custom_attributes: str | None = None

    def __post_init__(self) -> None:
        _within("ttl_seconds", self.ttl_seconds, MIN_TTL_SECONDS, MAX_TTL_SECONDS)
        _within("timeout_seconds", self.timeout_seconds, 1, MAX_TIMEOUT_SECONDS)
        if self.options and self.custom_attributes is not None:
            raise ValueError("options are written as custom attributes: give one of the two")
        for name, value in self.options.items():
            if not _CLEAN.fullmatch(name) or not _CLEAN.fullmatch(_shown(value)):
                raise ValueError(f"option {name}={value} cannot stand in a header: ASCII without semicolons")
        if len(self.attributes("x" * MAX_REFERENCE_CHARACTERS)) > MAX_HEADER_CHARACTERS:
            raise ValueError(f"custom attributes are longer than {MAX_HEADER_CHARACTERS} characters")
        for text in (self.accept, self.custom_attributes):
            if text is not None and not (text.isascii() and text.isprintable()):
                raise ValueError(f"a header takes visible ASCII, not {text!r}")

    @property
    def container_deadline_seconds(self) -> float:
        """The timeout less what the answer's way back takes: at most 30 s, as the container's own default has
        it, and a tenth of a short one."""
        return self.timeout_seconds - min(30.0, self.timeout_seconds / 10)

    def attributes(self, reference: str) -> str:
        """The custom attributes. A reference that no header could carry is left out: the ledger knows it."""
        if self.custom_attributes is not None:
            return self.custom_attributes
        members = {"deadline_seconds": f"{self.container_deadline_seconds:g}"}
        members |= {name: _shown(value) for name, value in self.options.items()}
        if len(reference) <= MAX_REFERENCE_CHARACTERS and _CLEAN.fullmatch(reference):
            members.setdefault("ref", reference)
        return ";".join(f"{name}={value}" for name, value in members.items())

    def as_json(self) -> str:
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Request:
        return cls(**json.loads(text))


def _shown(value: str | int | float | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _within(name: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise ValueError(f"{name} is {least} to {most}, not {value}")
