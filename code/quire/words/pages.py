"""Which pages of a document were asked for: `1-5,8,12-`, counted from 1 as people do."""

from __future__ import annotations

import re

import msgspec

from quire.words.errors import BadRequest, PagesOutsideDocument, TooManyPages

_SPAN = re.compile(r"(?P<first>[0-9]{1,9})?\s*(?:(?P<dash>-)\s*(?P<last>[0-9]{1,9})?)?")
_MAX_SPANS = 1000


class PageSpan(msgspec.Struct, frozen=True):
    """Pages `first` to `last`, both included and counted from 1; `last` None is the document's end."""

    first: int
    last: int | None

    def __post_init__(self) -> None:
        if self.first < 1 or (self.last is not None and self.last < self.first):
            raise BadRequest(f"pages: {self.first}-{self.last or ''} is not a range; pages count from 1")


class PageSelection(msgspec.Struct, frozen=True):
    """Spans of pages; none at all means every page."""

    spans: tuple[PageSpan, ...] = ()

    @classmethod
    def parse(cls, text: str) -> PageSelection:
        """Reads `1-5,8,12-`. Raises BadRequest for anything else."""
        parts = [part.strip() for part in text.split(",")]
        if len(parts) > _MAX_SPANS:
            raise BadRequest(f"pages: more than {_MAX_SPANS} ranges")
        return cls(tuple(_span(part, text) for part in parts))

    def page_indices(self, num_pages: int, max_pages: int) -> list[int]:
        """The pages asked for, from 0, ascending, each once. Raises PagesOutsideDocument for none, and
        TooManyPages for more than `max_pages`; then, whatever was claimed or asked, at once."""
        ranges = self._ranges(num_pages)
        num_chosen = sum(len(each) for each in ranges)
        if num_pages and not num_chosen:
            raise PagesOutsideDocument(f"the document has {num_pages} pages, and none of those asked for")
        if num_chosen > max_pages:
            raise TooManyPages(f"{num_chosen} pages are asked for, at most {max_pages} are read at once")
        return [index for each in ranges for index in each]

    def _ranges(self, num_pages: int) -> list[range]:
        """Ascending, none touching another's pages."""
        if not self.spans:
            return [range(num_pages)]
        ranges: list[range] = []
        end = 0
        for span in sorted(self.spans, key=lambda span: span.first):
            part = range(max(span.first - 1, end), min(span.last or num_pages, num_pages))
            if part:
                ranges.append(part)
                end = part.stop
        return ranges


def _span(part: str, whole: str) -> PageSpan:
    match = _SPAN.fullmatch(part)
    if match is None or not (match["first"] or match["last"]):
        raise BadRequest(f"pages: {whole[:80]!r} is not a list of pages such as 1-5,8,12-")
    first = int(match["first"] or 1)
    last = int(match["last"]) if match["last"] else (None if match["dash"] else first)
    return PageSpan(first, last)
