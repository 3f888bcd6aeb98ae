"""Does a request come from a page of the web, rather than from a program of this machine's user?

A browser carries any site's requests to 127.0.0.1, and signatures are not verified: a page could write one
itself. But a browser names the site, by headers that no page can change."""

from __future__ import annotations

import re
from urllib.parse import urlsplit
from wsgiref.types import WSGIEnvironment

_SITES = r"127\.0\.0\.1|\[?::1\]?|(.+\.)?localhost"
_OUR_SITES = re.compile(_SITES)
_OUR_NAMES = re.compile(rf"{_SITES}|(.+\.)?amazonaws\.com|host\.(docker|containers)\.internal")
"""Names that nobody else can lead here: one of his own could first be his site's and then 127.0.0.1's."""


def refusal(environ: WSGIEnvironment, *, is_reading: bool) -> str | None:
    """Why it is refused; None of one that may come. `is_reading` of a request that changes nothing: a page
    elsewhere may show what it gets, as it shows any picture, but not see it."""
    host = environ.get("HTTP_HOST", "")
    if host and not _OUR_NAMES.fullmatch(re.sub(r":\d*$", "", host.lower())):
        return f"This is 127.0.0.1, not {host}"
    origin = environ.get("HTTP_ORIGIN")
    if origin is not None and not _OUR_SITES.fullmatch(_host_of(origin)):
        return f"Pages of {origin} may not call this machine"
    if environ.get("HTTP_SEC_FETCH_SITE") == "cross-site" and origin is None and not is_reading:
        return "Pages of other sites may not call this machine"
    return None


def _host_of(origin: str) -> str:
    """Empty where it has none, such as `null`."""
    try:
        return urlsplit(origin).hostname or ""
    except ValueError:
        return ""
