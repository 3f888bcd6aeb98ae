"""How does a command ask a running local endpoint something?"""

from __future__ import annotations

import http.client
import json
import os
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from typing import Any

DEFAULT_PORT = 4599

_ANSWER_SECONDS = 10.0


class AdminFailed(Exception):
    """There is no local endpoint at the URL, or it refused; the message says which."""


class Admin:
    """What lies beneath /_quire/ of the endpoint at `url`. Every call raises AdminFailed."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")

    @classmethod
    def of_environment(cls, environ: Mapping[str, str] = os.environ) -> Admin:
        """AWS_ENDPOINT_URL where it is set, else the port that `quire local up` takes by default."""
        return cls(environ.get("AWS_ENDPOINT_URL") or f"http://127.0.0.1:{DEFAULT_PORT}")

    def get(self, path: str, **query: str | int) -> dict[str, Any]:
        return self._ask("GET", f"{path}?{urllib.parse.urlencode(query)}" if query else path)

    def post(self, path: str, body: Mapping[str, object] | None = None) -> dict[str, Any]:
        return self._ask("POST", path, body or {})

    def delete(self, path: str) -> dict[str, Any]:
        return self._ask("DELETE", path)

    def _ask(self, method: str, path: str, body: Mapping[str, object] | None = None) -> dict[str, Any]:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            request = urllib.request.Request(
                f"{self.url}/_quire{path}",
                method=method,
                data=None if body is None else json.dumps(body).encode(),
                headers={} if body is None else {"Content-Type": "application/json"},
            )
            with opener.open(request, timeout=_ANSWER_SECONDS) as response:
                return dict(json.load(response))
        except urllib.error.HTTPError as error:
            with error:
                raise AdminFailed(_refusal(error, self.url)) from error
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise AdminFailed(
                f"no local endpoint answers at {self.url} ({error}): start one with `quire local up`, or set "
                "AWS_ENDPOINT_URL to the address that it printed"
            ) from error


def _refusal(error: urllib.error.HTTPError, url: str) -> str:
    try:
        return str(json.load(error)["error"])
    except (ValueError, KeyError, TypeError):
        return f"{url} answered {error.code}: it is no local endpoint of Quire's"
