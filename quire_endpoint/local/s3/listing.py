"""Which keys and common prefixes stand on one page of a bucket's listing?"""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from dataclasses import dataclass, field

MAX_KEYS = 1000
_LAST = "\U0010ffff"


@dataclass(frozen=True)
class ListQuery:
    """`after` is the key, or the common prefix, behind which the page begins."""

    prefix: str = ""
    delimiter: str = ""
    after: str = ""
    max_keys: int = MAX_KEYS


@dataclass
class Page:
    """In order. `last` is the last entry of either kind, where the next page goes on."""

    keys: list[str] = field(default_factory=list)
    prefixes: list[str] = field(default_factory=list)
    is_truncated: bool = False
    last: str = ""

    @property
    def count(self) -> int:
        return len(self.keys) + len(self.prefixes)


def page_of(keys: Sequence[str], query: ListQuery) -> Page:
    """`keys` are sorted: by code points, which is S3's order of UTF-8 bytes."""
    page = Page()
    if query.max_keys == 0:
        return page
    position = max(bisect.bisect_left(keys, query.prefix), bisect.bisect_right(keys, query.after))
    while position < len(keys) and keys[position].startswith(query.prefix):
        key = keys[position]
        group = _common_prefix(key, query)
        if group and group <= query.after:
            position = bisect.bisect_right(keys, group + _LAST, position)
            continue
        if page.count == query.max_keys:
            page.is_truncated = True
            return page
        page.last = group or key
        (page.prefixes if group else page.keys).append(page.last)
        position = bisect.bisect_right(keys, group + _LAST, position) if group else position + 1
    return page


def _common_prefix(key: str, query: ListQuery) -> str:
    """Empty where the key stands for itself."""
    if not query.delimiter:
        return ""
    end = key.find(query.delimiter, len(query.prefix))
    return "" if end < 0 else key[: end + len(query.delimiter)]
