"""Which handler does a worker of multi-model-server run: the user's, or the built-in one for documents?"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from quire.frontend.mms_invocations import LoadedHandler
from quire.frontend.mms_place import MmsOrders
from quire.handlers.context import ModelContext, RequestContext
from quire.handlers.gpu_shares import gpus_of_worker
from quire.handlers.loading import Handler, load_handler
from quire.handlers.program import find_program
from quire.handlers.spooling import SpooledBody
from quire.handlers.user_handler import HandlerAnswer, UserHandler
from quire.words.reading import DocumentReading
from quire.words.request import DocumentRequest


def load_on_mms(orders: MmsOrders, scratch: Path, gpu_id: int | None) -> LoadedHandler:
    """Raises SettingsError in one line. `gpu_id` is multi-model-server's for this worker: it counts workers
    round the orders' GPUs. From now on the process sees its own alone, one or a share of them, so that a
    handler that asks for `cuda` finds it."""
    program = find_program(orders.settings)
    if gpu_id is not None:
        workers = orders.settings.handler_workers or len(orders.gpus)
        os.environ["CUDA_VISIBLE_DEVICES"] = gpus_of_worker(gpu_id, workers, orders.gpus)
    context = ModelContext(
        orders.settings, orders.engine_address, scratch, gpu_id=None if gpu_id is None else 0
    )
    if program.is_built_in:
        return LoadedHandler(DocumentHandler(load_handler(program), context), needs_engine=True)
    return LoadedHandler(UserHandler.load(program, context), program.needs_engine)


class DocumentHandler:
    """The built-in handler's functions, one after the other."""

    def __init__(self, handler: Handler, context: ModelContext) -> None:
        self._handler = handler
        self._model: Any = handler.model_fn(str(context.settings.model_dir), context)

    def answer(self, body: SpooledBody, content_type: str | None, context: RequestContext) -> HandlerAnswer:
        asked = self._handler.input_fn(body, content_type, context)
        if isinstance(asked, DocumentRequest):
            context = context.with_options(asked.options)
        reading = self._handler.predict_fn(asked, self._model, context)
        if isinstance(reading, DocumentReading):
            context.notes.num_pages = len(reading.pages)
        written, media_type = self._handler.output_fn(reading, context.accept, context)
        return HandlerAnswer(written, media_type)
