"""A user's handler, loaded once and asked for one invocation after another."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from quire.engine.client import EngineClient
from quire.handlers.context import ModelContext, RequestContext
from quire.handlers.default_steps import DefaultSteps, DocumentSteps, ToolkitSteps
from quire.handlers.handler_faults import faults_named
from quire.handlers.invocation import HandlerAnswer, Invocation
from quire.handlers.loading import load_functions, one_line
from quire.handlers.program import Program
from quire.handlers.reading_model import ReadingModel
from quire.handlers.requirements import install_requirements
from quire.handlers.spooling import SpooledBody
from quire.handlers.toolkit_context import HandlerContext
from quire.handlers.user_place import enter_users_place
from quire.words.errors import SettingsError

__all__ = ["HandlerAnswer", "UserHandler"]

UserFunctions = dict[str, Callable[..., Any]]
"""By name; each takes the context last."""


class UserHandler:
    """Safe in many threads as far as the user's functions are."""

    def __init__(self, functions: UserFunctions, context: ModelContext, steps: DefaultSteps) -> None:
        self._functions = functions
        self._context = context
        self._steps = steps

    @classmethod
    def load(cls, program: Program, context: ModelContext) -> UserHandler:
        """Installs code/requirements.txt, imports the program and runs pre_model_fn, model_fn and
        model_warmup_fn. Raises SettingsError, in one line, for whatever keeps it from serving."""
        if program.is_built_in:
            return cls({}, context, _document_steps({}, context))
        installed = install_requirements(context.settings, context.scratch.parent)
        enter_users_place(program, context.settings, installed)
        functions = load_functions(program)
        _check(functions, program)
        return cls(functions, context, _loaded(functions, program.path, context))

    def answer(self, body: SpooledBody, content_type: str | None, request: RequestContext) -> HandlerAnswer:
        """Raises QuireError, whose `status` may be the handler's own, and CallerGone."""
        invocation = Invocation.begin(body, content_type, request, self._context)
        result = (
            self._transformed(invocation) if "transform_fn" in self._functions else self._read(invocation)
        )
        with faults_named("transform_fn" if "transform_fn" in self._functions else "output_fn"):
            return invocation.answer(result)

    def close(self) -> None:
        """There will be no other engine: whoever waits for one is told to send the document again."""
        if isinstance(self._steps, DocumentSteps):
            self._steps.client.close()

    def _transformed(self, invocation: Invocation) -> Any:
        arguments = (invocation.payload(), invocation.content_type, invocation.accept)
        return self._call("transform_fn", invocation, self._steps.model(invocation), *arguments)

    def _read(self, invocation: Invocation) -> Any:
        if "input_fn" in self._functions:
            data = self._call("input_fn", invocation, invocation.payload(), invocation.content_type)
        else:
            data = self._steps.input(invocation)
        prediction = self._predicted(data, invocation)
        if "output_fn" in self._functions:
            return self._call("output_fn", invocation, prediction, invocation.accept)
        with faults_named("output_fn"):
            return self._steps.output(prediction, invocation)

    def _predicted(self, data: Any, invocation: Invocation) -> Any:
        model = self._steps.model(invocation)
        if "predict_fn" in self._functions:
            return self._call("predict_fn", invocation, data, model)
        with faults_named("predict_fn"):
            return self._steps.predict(data, model)

    def _call(self, name: str, invocation: Invocation, *arguments: Any) -> Any:
        with faults_named(name):
            return self._functions[name](*arguments, invocation.context)


def _check(functions: UserFunctions, program: Program) -> None:
    """Raises SettingsError for functions that do not go together."""
    beside = sorted(functions.keys() & {"input_fn", "predict_fn", "output_fn"})
    if "transform_fn" in functions and beside:
        raise SettingsError(
            f"{program.path} defines transform_fn, which does the work of {', '.join(beside)} too"
        )
    if ("model_fn" in functions) != ("model_fn" in program.functions):
        raise SettingsError(
            f"{program.path}: model_fn comes and goes while the file runs; define or import it by its name"
        )
    if "model_fn" in functions and not functions.keys() & {"predict_fn", "transform_fn"}:
        raise SettingsError(
            f"{program.path} defines model_fn, and neither predict_fn nor transform_fn for its model"
        )


def _loaded(functions: UserFunctions, path: Path, context: ModelContext) -> DefaultSteps:
    """Runs what runs once. The context that these functions take knows of no request."""
    model_dir, without_request = str(context.settings.model_dir), HandlerContext(context, None, {})
    call = functools.partial(_at_start, functions, path)
    call("pre_model_fn", model_dir, without_request)
    if "model_fn" in functions:
        model = call("model_fn", model_dir, without_request)
        call("model_warmup_fn", model_dir, model, without_request)
        return ToolkitSteps(model)
    steps = _document_steps(functions, context)
    if "model_warmup_fn" in functions:
        call("model_warmup_fn", model_dir, _starting_model(steps.client, context), without_request)
    return steps


def _document_steps(functions: UserFunctions, context: ModelContext) -> DocumentSteps:
    client = EngineClient(context.engine_address, context.scratch)
    return DocumentSteps(client, checks_accept=not functions.keys() & {"predict_fn", "output_fn"})


def _starting_model(client: EngineClient, context: ModelContext) -> ReadingModel:
    now, settings = time.monotonic(), context.settings
    return ReadingModel(
        client, RequestContext(settings, context.scratch, now, now + settings.startup_seconds)
    )


def _at_start(functions: UserFunctions, path: Path, name: str, *arguments: Any) -> Any:
    if name not in functions:
        return None
    try:
        return functions[name](*arguments)
    except (Exception, SystemExit) as error:
        raise SettingsError(f"{path}: {name} failed: {one_line(error)}") from error
