"""The device worker as a program: chooses the device before torch is imported, loads the model, serves."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Callable, MutableMapping, Sequence
from dataclasses import asdict

from quire.engine.device_worker import (
    EXIT_DEVICE_LOST,
    EXIT_MODEL_BROKEN,
    Inheritance,
    LoadedModel,
    run_device_worker,
)
from quire.engine.port import DeviceLost, DeviceOutOfMemory
from quire.models.cpu_process import prepare_cpu_process
from quire.models.host_memory import keep_freed_memory
from quire.models.huggingface.folder import HuggingFaceChoice
from quire.models.model_choice import (
    ModelChoice,
    PageModelChoice,
    ReaderChoice,
    StubChoice,
    choose_model,
)
from quire.models.model_folder import ModelFolderError
from quire.models.page_model_code import PageModelBroken
from quire.models.pages_wanted import pages_wanted
from quire.models.stub import StubModel
from quire.words.json_lines import configure_logging, log_line
from quire.words.settings import Settings

log = logging.getLogger("quire.device")


class CannotLoad(Exception):
    """Starting again cannot help: the model or the device that was asked for is not there."""


def load(settings: Settings) -> LoadedModel:
    """The chosen model, warm. Raises CannotLoad and DeviceLost."""
    try:
        return _load(choose_model(settings), settings)
    except (ModelFolderError, FileNotFoundError, ValueError) as error:
        raise CannotLoad(str(error)) from error


def _load(choice: ModelChoice, settings: Settings) -> LoadedModel:
    if isinstance(choice, StubChoice):
        options = choice.options.with_batch_share(settings.batch_share)
        return LoadedModel(StubModel(options), "stub", "none", pages_wanted=2 * options.max_items)
    _check_device()
    keep_freed_memory(os.environ)
    return fitting(lambda: _load_onto_device(choice, settings))


def fitting(loading: Callable[[], LoadedModel]) -> LoadedModel:
    """What `loading` gives. Raises CannotLoad where the device has too little memory for it, and DeviceLost
    for what torch says of a broken one."""
    from quire.models.device_faults import translated_device_faults

    try:
        with translated_device_faults():
            return loading()
    except DeviceOutOfMemory as error:
        raise CannotLoad(f"the model does not fit into the device's memory: {error}") from error


def _load_onto_device(
    choice: ReaderChoice | PageModelChoice | HuggingFaceChoice, settings: Settings
) -> LoadedModel:
    if isinstance(choice, ReaderChoice):
        return _load_reader(choice, settings)
    if isinstance(choice, PageModelChoice):
        from quire.models.page_model import load_page_model

        return load_page_model(choice, settings)
    from quire.models.huggingface.loading import load_huggingface

    return load_huggingface(choice, settings)


def _check_device() -> None:
    import torch

    if os.environ.get("CUDA_VISIBLE_DEVICES") and torch.version.cuda and not torch.cuda.is_available():
        raise DeviceLost("torch finds no CUDA device where there is one; QUIRE_DEVICE=cpu serves without")


def _load_reader(choice: ReaderChoice, settings: Settings) -> LoadedModel:
    from pathlib import Path

    from quire.models.ppocr.reader import load_reader

    reader = load_reader(Path(choice.folder), settings)
    reader.warm_up()
    memory = reader.side.memory()
    if memory is not None:
        log_line(log, logging.INFO, "memory of the warm device", **asdict(memory))
    wanted = pages_wanted(on_cuda=memory is not None, batch_share=settings.batch_share)
    return LoadedModel(reader, reader.device_class, reader.precision.value, wanted)


def _users(error: CannotLoad) -> BaseException | None:
    """What the user's own code raised, for its author: our own sentences need no traceback."""
    broken = error.__cause__
    return broken.__cause__ if isinstance(broken, PageModelBroken) else None


def obey_command_line(argv: Sequence[str], environ: MutableMapping[str, str]) -> None:
    """Sets the variables that must stand before torch is imported. The number of threads goes to OpenMP,
    for threads that are made later, and over QUIRE_DEVICE_THREADS, which `load_reader` obeys."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--cuda-device", default="", help="what CUDA_VISIBLE_DEVICES is set to")
    parser.add_argument("--threads", default="", help="of the model on the CPU; over QUIRE_DEVICE_THREADS")
    given, _ = parser.parse_known_args(argv)
    if given.cuda_device:
        environ["CUDA_VISIBLE_DEVICES"] = given.cuda_device
    if given.threads:
        environ["OMP_NUM_THREADS"] = environ["QUIRE_DEVICE_THREADS"] = given.threads


def main() -> None:
    obey_command_line(sys.argv[1:], os.environ)
    prepare_cpu_process(os.environ)
    settings = Settings.from_environ(os.environ)
    configure_logging("device worker", settings.log_level)
    try:
        run_device_worker(Inheritance.from_argv(sys.argv[1:]), lambda: load(settings))
    except CannotLoad as error:
        log_line(log, logging.ERROR, "the model cannot be loaded", reason=str(error), exc_info=_users(error))
        sys.exit(EXIT_MODEL_BROKEN)
    except DeviceLost as error:
        log_line(log, logging.ERROR, "the device is lost", reason=str(error))
        sys.exit(EXIT_DEVICE_LOST)


if __name__ == "__main__":
    main()
