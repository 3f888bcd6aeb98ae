"""The front end's composition, in the worker process: the app that gunicorn serves."""

from __future__ import annotations

import logging
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from flask import Flask

from quire.engine.watch import EngineWatch
from quire.frontend.app import create_app
from quire.handlers.context import ModelContext
from quire.handlers.loading import load_handler
from quire.handlers.program import find_program
from quire.process.child_programs import RUN_DIRECTORY_VARIABLE
from quire.process.run_directory import RunDirectory
from quire.words.errors import SettingsError
from quire.words.json_lines import log_line
from quire.words.settings import Settings

log = logging.getLogger("quire.frontend")

EXIT_CANNOT_LOAD = 4
"""gunicorn's APP_LOAD_ERROR: the supervisor does not try again."""


def compose(environ: Mapping[str, str]) -> Flask:
    """Raises SettingsError."""
    settings = Settings.from_environ(environ)
    directory = RunDirectory(Path(environ[RUN_DIRECTORY_VARIABLE]))
    _empty(directory.front_end_scratch)
    handler = load_handler(find_program(settings))
    context = ModelContext(settings, directory.engine_address, directory.front_end_scratch)
    model = handler.model_fn(str(settings.model_dir), context)
    watch = EngineWatch(directory.engine_address, settings.heal_seconds)
    app = create_app(settings, model, watch, handler, directory.front_end_scratch)
    watch.start()
    return app


def _empty(directory: Path) -> None:
    """What a front end that was killed left behind."""
    for left in directory.iterdir():
        shutil.rmtree(left, ignore_errors=True)


try:
    app = compose(os.environ)
except SettingsError as error:
    log_line(log, logging.ERROR, "the front end cannot start", reason=str(error))
    sys.exit(EXIT_CANNOT_LOAD)
