"""The handler service that multi-model-server's workers load: what sagemaker-inference's own does, on our
engine and with our handlers. The loader wants exactly one class here."""

from __future__ import annotations

import faulthandler
import http
import os
from typing import Any

from quire.engine.parent_death import die_with_parent
from quire.frontend.mms_handlers import load_on_mms
from quire.frontend.mms_invocations import MmsInvocations
from quire.frontend.mms_place import MmsPlace
from quire.words.errors import SettingsError

EXIT_CANNOT_LOAD = 4

_STDERR = 2
_UNKNOWN = "Unknown Status"


class MmsService:
    """`context` is mms.context.Context, the same object for the worker's whole life. The worker is a fork of
    one process that has loaded no handler."""

    def __init__(self) -> None:
        self._invocations: MmsInvocations | None = None

    def initialize(self, context: Any) -> None:
        """Ends the process where the handler cannot be loaded, or not in time: multi-model-server would serve
        without it."""
        die_with_parent()
        place = MmsPlace.from_environ(os.environ)
        scratch = place.scratch_of(os.getpid())
        scratch.mkdir(exist_ok=True)
        orders = place.orders()
        faulthandler.dump_traceback_later(orders.settings.startup_seconds, exit=True, file=_STDERR)
        try:
            loaded = load_on_mms(orders, scratch, context.system_properties.get("gpu_id"))
        except SettingsError as error:
            place.refuse(str(error))
            os._exit(EXIT_CANNOT_LOAD)
        faulthandler.cancel_dump_traceback_later()
        self._invocations = MmsInvocations(orders.settings, loaded, scratch)
        place.say_loaded()

    def handle(self, data: list[dict[str, Any]], context: Any) -> list[bytes]:
        """One request, since batches are left to the engine."""
        if self._invocations is None:
            raise RuntimeError("the worker has not been initialized: this is a bug")
        given = {
            name: value for name, value in context.get_all_request_header(0).items() if isinstance(value, str)
        }
        answer = self._invocations.answer(data[0].get("body"), given)
        context.set_response_status(answer.status, _phrase(answer.status))
        context.set_response_content_type(0, answer.content_type)
        return [answer.body]


def _phrase(status: int) -> str:
    try:
        return http.HTTPStatus(status).phrase
    except ValueError:
        return _UNKNOWN
