"""The front end that is multi-model-server: sagemaker-inference's own start, on our settings.

It is a child of the supervisor and owns the server: a Java process whose workers run the handler.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import logging
import os
import shutil
import sys
import threading
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from quire.engine.parent_death import die_with_parent
from quire.engine.watch import EngineWatch
from quire.frontend.mms_place import MmsOrders, MmsPlace
from quire.handlers.program import Program, find_program
from quire.process.child_programs import ChildProgram, child_environ
from quire.process.gpus import cuda_devices
from quire.process.mms_health import MmsHealth
from quire.process.mms_server import MmsServer, bury_descendants
from quire.process.mms_settings import mms_environ
from quire.process.mms_worker import SERVICE
from quire.process.run_directory import MAX_SOCKET_PATH_BYTES, RunDirectory
from quire.process.supervisor import adopt_orphans
from quire.words.errors import SettingsError
from quire.words.json_lines import configure_logging, log_line
from quire.words.settings import Settings

log = logging.getLogger("quire.mms")

EXIT_CANNOT_LOAD = 4
"""Starting again cannot help: the supervisor ends the container."""

EXIT_SERVER_DIED = 1

CLOSE_SECONDS = 1.5
"""For a call in hand where the engine has drained before: it has had its time."""

_LOG_CONFIG = Path(__file__).with_name("mms_log4j2.xml")
_LONGEST_SOCKET_NAME = ".mms.sock.99999"
_NO_METRICS = "metric_time_interval=86400\n"
_NEEDED = "pip install 'sagemaker-inference==1.10.*' multi-model-server==1.1.11 'setuptools<81'"


def mms_child(environ: Mapping[str, str], directory: RunDirectory) -> ChildProgram:
    """How the supervisor starts it. The server makes its own listening socket."""
    return ChildProgram(
        (
            *(sys.executable, "-m", "quire.process.mms_program"),
            *("--run-directory", str(directory.path)),
            *("--parent-pid", str(os.getpid())),
        ),
        child_environ(environ),
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--run-directory", type=Path, required=True)
    parser.add_argument("--parent-pid", type=int, required=True)
    given = parser.parse_args()
    die_with_parent(given.parent_pid)
    settings = Settings.from_environ(os.environ)
    configure_logging("mms", settings.log_level)
    try:
        sys.exit(MmsProgram(settings, RunDirectory(given.run_directory)).run())
    except SettingsError as error:
        log_line(log, logging.ERROR, "multi-model-server cannot serve", reason=str(error))
        sys.exit(EXIT_CANNOT_LOAD)


class MmsProgram:
    """One start of the server, to its end."""

    def __init__(self, settings: Settings, directory: RunDirectory) -> None:
        self._settings = settings
        self._program = find_program(settings)
        self._directory = directory
        self._place = MmsPlace(directory.path / "mms")
        self._gpus: tuple[str, ...] = ()
        if not self._program.needs_engine:
            self._gpus = tuple(cuda_devices(settings.device, os.environ))
        self._watch = _engine_watch(self._program, settings, directory)

    def run(self) -> int:
        """The exit code. Raises SettingsError."""
        self._prepare()
        toolkit = import_toolkit()
        adopt_orphans()
        self._await_engine()
        drain_seconds = CLOSE_SECONDS if self._program.is_built_in else self._settings.drain_seconds
        health = MmsHealth(self._place, self._watch, self._settings)
        server = MmsServer(self._place, health.trouble, drain_seconds)
        try:
            self._start(toolkit, server)
        finally:
            bury_descendants()
        return _exit_code(server)

    def _prepare(self) -> None:
        """The directory, made anew."""
        place = self._place
        shutil.rmtree(place.directory, ignore_errors=True)
        if len(os.fsencode(place.directory / _LONGEST_SOCKET_NAME)) > MAX_SOCKET_PATH_BYTES:
            raise SettingsError(f"{place.directory} is too long a path for multi-model-server's Unix sockets")
        place.no_model.mkdir(parents=True)
        address = self._directory.engine_address
        place.give(MmsOrders(settings=self._settings, engine_address=address, gpus=self._gpus))

    def _await_engine(self) -> None:
        """The server says 200 to /ping from its first moment: it must not come before the engine is ready."""
        if self._watch is None:
            return
        changed = threading.Event()
        self._watch.subscribe(lambda health: changed.set() if health.is_ready else None)
        self._watch.start()
        changed.wait()

    def _start(self, toolkit: Any, server: MmsServer) -> None:
        """Its constants are its settings. Returns when the server has ended."""
        environ = mms_environ(self._settings, self._program, self._place, len(self._gpus), os.environ)
        os.environ.clear()
        os.environ.update(environ)
        base = Path(toolkit.DEFAULT_MMS_CONFIG_FILE).read_text(encoding="utf-8")
        self._place.base_config.write_text(base + _NO_METRICS, encoding="utf-8")
        toolkit.DEFAULT_MMS_CONFIG_FILE = str(self._place.base_config)
        toolkit.MMS_CONFIG_FILE = str(self._place.config)
        toolkit.DEFAULT_MMS_LOG_FILE = str(_LOG_CONFIG)
        toolkit.REQUIREMENTS_PATH = ""
        toolkit.environment.model_dir = str(self._place.no_model)
        toolkit._retrieve_mms_server_process = server.find
        toolkit.start_model_server(SERVICE)


def _exit_code(server: MmsServer) -> int:
    if server.trouble is None:
        return 0 if server.was_told_to_stop else EXIT_SERVER_DIED
    log_line(log, logging.ERROR, server.trouble.event, reason=server.trouble.reason)
    return EXIT_CANNOT_LOAD if server.trouble.is_final else EXIT_SERVER_DIED


def import_toolkit() -> Any:
    """Raises SettingsError where it, or the server, is not installed."""
    os.environ.pop("SAGEMAKER_MULTI_MODEL", None)  # read when it is imported
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            toolkit = importlib.import_module("sagemaker_inference.model_server")
    except ImportError as error:
        raise SettingsError(f"QUIRE_MODEL_SERVER=mms: {error}; {_NEEDED}") from error
    if importlib.util.find_spec("mms") is None:
        raise SettingsError(f"QUIRE_MODEL_SERVER=mms: multi-model-server is not installed; {_NEEDED}")
    toolkit.logger.handlers.clear()
    toolkit.logger.setLevel(logging.WARNING)
    return toolkit


def _engine_watch(program: Program, settings: Settings, directory: RunDirectory) -> EngineWatch | None:
    return EngineWatch(directory.engine_address, settings.heal_seconds) if program.needs_engine else None


if __name__ == "__main__":
    main()
