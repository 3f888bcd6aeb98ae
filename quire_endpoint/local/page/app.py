"""Which request beneath /_quire/ gets which answer?"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

from flask import Flask, Response, abort, jsonify, request
from werkzeug.exceptions import HTTPException

from quire_endpoint.local.page.asked_faults import NoSuchFault, asked_fault
from quire_endpoint.local.page.seen import Seen
from quire_endpoint.local.page.state import REQUESTS_SHOWN, state
from quire_endpoint.local.page.why import explain
from quire_endpoint.local.ports import NoSuchEndpoint
from quire_endpoint.local.switches import Fate

_MOST_REQUESTS = 1000


class PageApplication:
    """The page, and the API behind it and behind `quire local`; docs/local.md lists both. Of the pages that a
    browser shows, it takes orders from its own only."""

    def __init__(self, seen: Seen, stop: Callable[[], None] | None = None) -> None:
        """`stop` is called when the endpoint is told to go down; without it that is refused."""
        self._seen, self._stop = seen, stop
        self._flask = Flask(__name__, static_folder=None)
        self._flask.before_request(_refuse_strangers)
        self._flask.register_error_handler(HTTPException, _as_json)
        for method, path, answer in (
            ("GET", "/", _page),
            ("GET", "/state", self._state),
            ("GET", "/why", self._why),
            ("GET", "/faults", self._faults),
            ("POST", "/faults", self._add_fault),
            ("DELETE", "/faults", self._clear_faults),
            ("DELETE", "/faults/<int:number>", self._remove_fault),
            ("POST", "/endpoints/<name>/kill-instance", self._kill_instance),
            ("POST", "/stop", self._go_down),
        ):
            rule = f"/_quire{path}"
            self._flask.add_url_rule(rule, f"{method} {path}", answer, methods=[method])

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return self._flask(environ, start_response)

    def _state(self) -> Response:
        wanted = request.args.get("requests", REQUESTS_SHOWN, type=int)
        return jsonify(asdict(state(self._seen, max(0, min(wanted, _MOST_REQUESTS)))))

    def _why(self) -> Response:
        inference_id = request.args.get("inference_id") or abort(400, "name an inference_id")
        return jsonify(asdict(explain(self._seen, inference_id)))

    def _faults(self) -> Response:
        return jsonify(faults=[asdict(fault) for fault in self._seen.faults.all()])

    def _add_fault(self) -> Response:
        try:
            fault = asked_fault(request.get_json())
        except NoSuchFault as error:
            abort(400, str(error))
        return jsonify(asdict(self._seen.faults.add(fault)))

    def _clear_faults(self) -> Response:
        self._seen.faults.clear()
        return jsonify(faults=[])

    def _remove_fault(self, number: int) -> Response:
        if not self._seen.faults.remove(number):
            abort(404, f"no fault has the number {number}")
        return self._faults()

    def _kill_instance(self, name: str) -> Response:
        asked = _asked_kill()
        try:
            killed = self._seen.host.kill_instance(name, asked.instance_id, asked.fate)
        except NoSuchEndpoint:
            abort(404, f"no endpoint {name!r} runs here")
        if killed is None:
            abort(404, " ".join(filter(None, (f"{name} has no instance", asked.instance_id))))
        return jsonify(instance_id=killed)

    def _go_down(self) -> Response:
        if self._stop is None:
            abort(409, "this endpoint is stopped by what started it")
        self._stop()
        return jsonify(stopping=True)


@cache
def _html() -> str:
    return (Path(__file__).parent / "page.html").read_text(encoding="utf-8")


def _page() -> Response:
    return Response(_html(), mimetype="text/html", headers={"Cache-Control": "no-store"})


@dataclass(frozen=True)
class _Kill:
    """None where any instance will do, and where the switch is to say its work's fate."""

    instance_id: str | None
    fate: Fate | None


def _asked_kill() -> _Kill:
    """Of the JSON object that is the body, or of none."""
    given = request.get_json(force=True) if request.get_data() else {}
    if not isinstance(given, dict) or not isinstance(given.get("instance_id"), str | None):
        abort(
            400, 'the body is a JSON object, such as {"instance_id": "i-0123456789abcdef0", "fate": "lost"}'
        )
    fate = given.get("fate")
    if fate is not None and fate not in set(Fate):
        abort(400, f"fate is one of {', '.join(Fate)}, not {fate!r}")
    return _Kill(given.get("instance_id"), None if fate is None else Fate(fate))


def _refuse_strangers() -> None:
    """Other sites' pages do not come so far; another page of this machine does."""
    origin = request.headers.get("Origin")
    if request.method != "GET" and origin not in (None, f"http://{request.host}"):
        abort(403, f"{origin} may not")


def _as_json(error: HTTPException) -> tuple[dict[str, Any], int]:
    return {"error": error.description}, error.code or 500
