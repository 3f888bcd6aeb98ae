"""What a user's page model found on a page, as the page's text and fields. Free of torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import is_dataclass
from typing import Any

import msgspec

from quire.words.reading import PageText, TextSource


def page_text_of(result: object) -> PageText:
    """A PageText; a text; or a mapping, a dataclass or a struct, which become fields. Arrays and tensors in
    fields become lists. Raises TypeError for anything else, a PageText too whose parts are not what they are
    declared to be: the engine could not decode it."""
    if isinstance(result, PageText):
        return _checked(result)
    if isinstance(result, str):
        return PageText(text=result)
    if isinstance(result, Mapping | msgspec.Struct) or (
        is_dataclass(result) and not isinstance(result, type)
    ):
        given: Any = dict(result) if isinstance(result, Mapping) else result
        return _checked(PageText(text="", source=TextSource.NONE, fields=given))
    raise TypeError(f"a page's result is a {type(result).__name__}, not a text, a mapping or a PageText")


def _checked(text: PageText) -> PageText:
    plain = msgspec.to_builtins(text, str_keys=True, enc_hook=_listed)
    try:
        return msgspec.convert(plain, PageText)
    except msgspec.ValidationError as error:
        raise TypeError(f"a page's result is malformed: {error}") from error


def _listed(value: Any) -> Any:
    """Scalars, arrays and tensors, of numpy, torch and their kin."""
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"a page's result holds a {type(value).__name__}, which JSON has not")
