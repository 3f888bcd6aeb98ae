"""Which of the offered media types does the caller accept?"""

from __future__ import annotations

from collections.abc import Sequence

from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_accept_header

from quire.words.errors import BadRequest


def chosen_media_type(accept: str | None, offered: Sequence[str]) -> str:
    """The offered media type that an Accept header likes best; the first one for no header or `*/*`.
    Parameters other than `q` are ignored. Raises BadRequest where nothing offered is acceptable."""
    if accept is None or not accept.strip():
        return offered[0]
    asked = [(media_type.partition(";")[0].strip(), q) for media_type, q in parse_accept_header(accept)]
    best = MIMEAccept(asked).best_match(offered)
    if best is None:
        raise BadRequest(f"Accept: {accept[:80]!r} is not offered; offered are {', '.join(offered)}")
    return best
