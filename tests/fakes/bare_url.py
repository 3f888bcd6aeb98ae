"""A local URL without SageMaker: S3, its events, moto. Prints its address, ends with its input."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from wsgiref.types import StartResponse, WSGIEnvironment

from quire_endpoint.local.clock import Clock
from quire_endpoint.local.faults import Faults
from quire_endpoint.local.s3.app import S3Application
from quire_endpoint.local.s3.events import S3Events
from quire_endpoint.local.s3.store import ObjectStore
from quire_endpoint.local.url.moto_app import moto_application
from quire_endpoint.local.url.router import Router
from quire_endpoint.local.url.server import Server


class Named:
    """An application that answers with its name, whatever it is asked."""

    def __init__(self, name: str) -> None:
        self._body = name.encode()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Length", str(len(self._body)))])
        return [self._body]


class BareUrl:
    """A context manager. `threads` as of Server."""

    def __init__(self, folder: Path, threads: int = 16) -> None:
        self.faults = Faults(1)
        self.store = ObjectStore(folder, Clock())
        app = S3Application(self.store, self.faults)
        router = Router(app, Named("sagemaker"), moto_application(), Named("pages"))
        self.server = Server(router, 0, threads)
        self.events = S3Events(self.store, self.server.url)

    @property
    def url(self) -> str:
        return self.server.url

    def __enter__(self) -> BareUrl:
        self.server.start()
        self.events.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.events.close()
        self.server.close()


def main() -> None:
    with ExitStack() as stack:
        folder = stack.enter_context(TemporaryDirectory())
        bare = stack.enter_context(BareUrl(Path(folder)))
        print(bare.url, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
