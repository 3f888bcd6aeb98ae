"""A WSGI app for gunicorn: the real front end and handler, an engine that obeys the reference, and a
watch whose health is the name that stands in `<run directory>/health`."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import Any

from quire.engine.watch import Health
from quire.frontend.answering import BuiltInAnswering
from quire.frontend.app import create_app
from quire.handlers.loading import load_handler
from quire.handlers.program import find_program
from quire.process.child_programs import RUN_DIRECTORY_VARIABLE
from quire.process.run_directory import RunDirectory
from quire.words.settings import Settings
from tests.fakes import engine_that_obeys_the_reference as fakes


def _compose() -> Any:
    settings = Settings.from_environ(os.environ)
    directory = RunDirectory(Path(os.environ[RUN_DIRECTORY_VARIABLE]))
    watch = fakes.WatchThatIsTold(_health(directory.path))
    engine = fakes.EngineThatObeysTheReference(directory.path)
    handler = load_handler(find_program(settings))
    answering = BuiltInAnswering(handler, engine, settings.max_concurrent_invocations)
    app = create_app(settings, answering, watch, directory.front_end_scratch)
    threading.Thread(target=_tell, args=(watch, directory.path), daemon=True).start()
    return app


def _health(directory: Path) -> Health:
    health: Health = getattr(fakes, (directory / fakes.HEALTH_FILE).read_text() or "READY")
    return health


def _tell(watch: fakes.WatchThatIsTold, directory: Path) -> None:
    while True:
        time.sleep(fakes.TICK_SECONDS)
        if (health := _health(directory)) != watch.health():
            watch.tell(health)


app = _compose()
