"""The engine as a program: settings in, workers composed, one loop until it is told to stop."""

from __future__ import annotations

import argparse
import logging
import os
import resource
import sys
from collections.abc import MutableMapping
from pathlib import Path

from quire.engine.engine_loop import EngineFatal, EngineLoop, EngineParts
from quire.engine.parent_death import die_with_parent
from quire.handlers.requirements import install_requirements
from quire.models.model_choice import ModelChoice, PageModelChoice, choose_model, sees_every_page
from quire.models.model_folder import ModelFolderError
from quire.process.gpus import cuda_devices
from quire.words.errors import SettingsError
from quire.words.json_lines import configure_logging, log_line
from quire.words.settings import Settings

log = logging.getLogger("quire.engine")

EXIT_FATAL = 70
"""Starting again cannot help: the supervisor ends the container."""

_MAX_RENDER_WORKERS_BY_DEFAULT = 4

_MAX_CPU_WORKERS_BY_DEFAULT = 4
"""Each holds the model once more. Workers of one thread read more pages than threads of one worker."""


def compose(settings: Settings, choice: ModelChoice) -> EngineParts:
    """The workers' commands and limits."""
    cores = len(os.sched_getaffinity(0))
    return EngineParts(
        render_command=_render_command(settings, draws_every_page=sees_every_page(choice)),
        device_commands=_device_commands(settings, cores),
        num_render_workers=settings.render_workers or min(cores, _MAX_RENDER_WORKERS_BY_DEFAULT),
        arena_bytes=settings.arena_bytes,
        render_page_seconds=settings.render_page_seconds,
        device_stall_seconds=settings.device_stall_seconds,
        startup_seconds=settings.startup_seconds,
        drain_seconds=settings.drain_seconds,
        max_pages=settings.max_pages,
    )


def _render_command(settings: Settings, *, draws_every_page: bool) -> tuple[str, ...]:
    return (
        sys.executable,
        *("-m", "quire.engine.render_worker"),
        *("--dpi", str(settings.dpi)),
        *("--max-page-pixels", str(settings.max_page_pixels)),
        *("--max-source-pixels", str(settings.max_source_pixels)),
        *("--log-level", settings.log_level),
        *(("--draw-every-page",) if draws_every_page else ()),
    )


def _device_commands(settings: Settings, cores: int) -> tuple[tuple[str, ...], ...]:
    """One worker for each GPU; on the CPU as many as asked for, which share the cores."""
    program = (sys.executable, "-m", "quire.models.device_program")
    gpus = cuda_devices(settings.device, os.environ)
    if gpus:
        return tuple((*program, "--cuda-device", gpu) for gpu in gpus)
    workers = settings.device_workers or min(cores, _MAX_CPU_WORKERS_BY_DEFAULT)
    threads = settings.device_threads or max(1, cores // workers)
    return ((*program, "--threads", str(threads)),) * workers


def add_requirements(settings: Settings, directory: Path, environ: MutableMapping[str, str]) -> None:
    """What a page model's requirements.txt asks for, installed below `directory` and on the path of processes
    that start from now on, behind what is there. Raises SettingsError in one line."""
    installed = map(str, install_requirements(settings, directory))
    environ["PYTHONPATH"] = os.pathsep.join(filter(None, (environ.get("PYTHONPATH"), *installed)))


def raise_descriptor_limit() -> None:
    """Two descriptors a document in flight, and the soft limit is often 1024."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--address", type=Path, required=True)
    parser.add_argument("--scratch", type=Path, required=True)
    parser.add_argument("--parent-pid", type=int, required=True)
    given = parser.parse_args()
    die_with_parent(given.parent_pid)
    settings = Settings.from_environ(os.environ)
    configure_logging("engine", settings.log_level)
    raise_descriptor_limit()
    try:
        choice = choose_model(settings)
        if isinstance(choice, PageModelChoice):
            add_requirements(settings, given.address.parent, os.environ)
        EngineLoop(given.address, compose(settings, choice)).run()
    except (EngineFatal, ModelFolderError, SettingsError) as error:
        log_line(log, logging.ERROR, "the engine cannot serve", reason=str(error))
        sys.exit(EXIT_FATAL)


if __name__ == "__main__":
    main()
