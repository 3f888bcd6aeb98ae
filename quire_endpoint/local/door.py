"""Who answers a URL that is known before what is behind it?"""

from __future__ import annotations

from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment


class Door:
    """503 until it is opened: the rooms talk to one another over the URL that this application serves, so it
    must be told to them before they can be made."""

    def __init__(self) -> None:
        self._application: WSGIApplication | None = None

    def open(self, application: WSGIApplication) -> None:
        self._application = application

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if self._application is None:
            start_response("503 Service Unavailable", [("Content-Length", "0"), ("Retry-After", "1")])
            return []
        return self._application(environ, start_response)
