"""How does a check hurt the local endpoint? By its own API: AWS offers none."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from quire_endpoint.conformance.row import NotCheckable

_ANSWER_SECONDS = 30.0


class Mischief:
    """Of the local endpoint at `url`. None, which is AWS, raises NotCheckable."""

    def __init__(self, url: str | None) -> None:
        if url is None:
            raise NotCheckable("AWS fails when it does, and not when asked to")
        self._url = url

    @contextmanager
    def fault(self, kind: str, endpoint_name: str | None, **more: float) -> Iterator[None]:
        """On while the context lasts; `more` are share, times and seconds."""
        told = self._ask("POST", "/faults", {"kind": kind, "endpoint_name": endpoint_name, **more})
        try:
            yield
        finally:
            if told["number"] in {one["number"] for one in self._ask("GET", "/faults")["faults"]}:
                self._ask("DELETE", f"/faults/{told['number']}")

    def kill_instance(self, endpoint_name: str) -> None:
        """As a machine dies: one with work in flight."""
        self._ask("POST", f"/endpoints/{endpoint_name}/kill-instance", {})

    def _ask(self, method: str, path: str, body: Mapping[str, object] | None = None) -> dict[str, Any]:
        request = urllib.request.Request(
            f"{self._url}/_quire{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={} if body is None else {"Content-Type": "application/json"},
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=_ANSWER_SECONDS) as response:
            return dict(json.load(response))
