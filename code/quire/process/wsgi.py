"""The front end's composition, in the worker process: the app that gunicorn serves."""

from __future__ import annotations

import logging
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from flask import Flask

from quire.engine.watch import EngineWatch, HealthSource
from quire.frontend.answering import Answering, BuiltInAnswering, WorkersAnswering
from quire.frontend.app import create_app
from quire.handlers.context import ModelContext
from quire.handlers.handler_client import HandlerClient
from quire.handlers.handler_signs import HandlerSigns
from quire.handlers.handler_watch import HandlerWatch, JointHealth
from quire.handlers.loading import load_handler
from quire.handlers.program import Program, find_program
from quire.process.child_programs import RUN_DIRECTORY_VARIABLE
from quire.process.handler_plan import HandlerPlan, plan_handlers
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
    program = find_program(settings)
    watches: list[EngineWatch | HandlerWatch] = []
    if program.needs_engine:
        watches.append(EngineWatch(directory.engine_address, settings.heal_seconds))
    if program.runs_in_workers:
        watches.append(HandlerWatch(HandlerSigns(directory.path), settings.heal_seconds))
    health = JointHealth(*watches)
    if program.runs_in_workers:
        answering: Answering = _workers(directory, plan_handlers(program, settings, environ), health)
    else:
        answering = _built_in(settings, directory, program)
    app = create_app(settings, answering, health, directory.front_end_scratch)
    for watch in watches:
        watch.start()
    return app


def _workers(directory: RunDirectory, plan: HandlerPlan, health: HealthSource) -> WorkersAnswering:
    client = HandlerClient(directory.handler_address, plan.grace_seconds, lambda: health.health().is_draining)
    return WorkersAnswering(client, plan.max_at_once)


def _built_in(settings: Settings, directory: RunDirectory, program: Program) -> BuiltInAnswering:
    handler = load_handler(program)
    context = ModelContext(settings, directory.engine_address, directory.front_end_scratch)
    model = handler.model_fn(str(settings.model_dir), context)
    return BuiltInAnswering(handler, model, settings.max_concurrent_invocations)


def _empty(directory: Path) -> None:
    """What a front end that was killed left behind."""
    for left in directory.iterdir():
        shutil.rmtree(left, ignore_errors=True)


try:
    app = compose(os.environ)
except SettingsError as error:
    log_line(log, logging.ERROR, "the front end cannot start", reason=str(error))
    sys.exit(EXIT_CANNOT_LOAD)
