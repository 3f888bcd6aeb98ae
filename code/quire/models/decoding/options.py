"""What quire.json may say of a decoding model. Free of torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from quire.models.model_folder import ModelFolderError


class DecodingOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`prompt`: a decoder's task tokens, or what a chat model is asked; None is the model's own.
    `max_tokens`: most tokens of a page's answer, None for DEFAULT_MAX_TOKENS or what the folder says.
    `deadline_seconds`: so long after a page's reading began it ends with what is written.
    `answer`: `json` looks for JSON in the text; `auto` does for Donut, by its tags, and else not.
    `stop`: texts of tokens that end an answer beside the model's own.
    `max_repeats`: an answer whose end is one phrase more often than this is ended; None never.
    `slots`: pages that are decoded at once on a device; None is the device's default.
    `name`: the model's in answers; empty is config.json's."""

    prompt: str | None = None
    max_tokens: int | None = None
    deadline_seconds: float | None = None
    answer: Literal["auto", "text", "json"] = "auto"
    stop: tuple[str, ...] = ()
    max_repeats: int | None = None
    slots: int | None = None
    name: str = ""

    def __post_init__(self) -> None:
        for name, least in (("max_tokens", 1), ("max_repeats", 2), ("slots", 1)):
            value = getattr(self, name)
            if value is not None and value < least:
                raise ValueError(f"{name}: {value} is less than {least}")
        if self.deadline_seconds is not None and self.deadline_seconds <= 0:
            raise ValueError(f"deadline_seconds: {self.deadline_seconds} is not above 0")

    @classmethod
    def parse(cls, options: Mapping[str, object]) -> DecodingOptions:
        """Raises ModelFolderError that names the option at fault."""
        try:
            return msgspec.convert(options, cls)
        except (msgspec.ValidationError, ValueError) as error:
            raise ModelFolderError(f"quire.json, options of a decoding model: {error}") from error
