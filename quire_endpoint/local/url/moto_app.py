"""What answers for SNS, SQS, CloudWatch, Application Auto Scaling, IAM, STS and what else moto does well?"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

from moto.moto_api._internal.models import moto_api_backend
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

from quire_endpoint.local.url.moto_queues import use_steady_queues


class MotoApplication:
    """moto's server as a WSGI application, in this process. Its state is the process's, whoever makes another
    one. It tells services apart by the signature's scope, as our router does."""

    def __init__(self) -> None:
        self._app = DomainDispatcherApplication(create_backend_app)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        # Moto reads the path as it was sent from where gunicorn and werkzeug put it.
        environ.setdefault("RAW_URI", environ.get("REQUEST_URI", ""))
        answer: Iterable[bytes] = self._app(environ, _without_cors(start_response))
        return answer

    def forget(self) -> None:
        """All that it was told, in whichever application."""
        moto_api_backend.reset()


def moto_application() -> MotoApplication:
    """With queues that lose nothing under load."""
    use_steady_queues()
    return MotoApplication()


def _without_cors(start_response: StartResponse) -> StartResponse:
    """Moto lets the page of any site read its answers."""

    def start(
        status: str,
        headers: list[tuple[str, str]],
        error: Any = None,
        /,
    ) -> Callable[[bytes], Any]:
        kept = [(name, value) for name, value in headers if not name.lower().startswith("access-control-")]
        return start_response(status, kept, error)

    return start
