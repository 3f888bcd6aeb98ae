"""Which of SageMaker's two services is a request for?"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from quire_endpoint.local.clock import Clock
from quire_endpoint.local.control.call import Call
from quire_endpoint.local.control.control_plane import ControlPlane
from quire_endpoint.local.control.runtime import Runtime
from quire_endpoint.local.faults import Faults
from quire_endpoint.local.ports import EndpointHost, Objects

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment


class SageMakerApplication:
    """WSGI. Signatures are not checked, but for what no signature covers: headers that are not ASCII."""

    def __init__(
        self, host: EndpointHost, objects: Objects, clock: Clock, faults: Faults, folder: Path
    ) -> None:
        self._control_plane = ControlPlane(host, objects, clock)
        self._runtime = Runtime(host, clock, faults, folder)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        call = Call(environ)
        service = self._control_plane if "x-amz-target" in call.headers else self._runtime
        return service.answer(call).send(start_response)
