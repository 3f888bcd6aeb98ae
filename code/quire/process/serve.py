"""The container's start: settings in, printed, checked; then the supervisor for as long as it lasts."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping, Sequence

import msgspec

from quire.handlers.program import find_program
from quire.process.child_programs import child_programs, listen
from quire.process.preflight import Unfit, preflight
from quire.process.run_directory import run_directory
from quire.process.supervision import Supervision
from quire.process.supervisor import Supervisor, block_signals
from quire.words.errors import SettingsError
from quire.words.json_lines import configure_logging, log_line
from quire.words.settings import Settings

log = logging.getLogger("quire.supervisor")

EXIT_SETTINGS = 2
EXIT_UNFIT = 3


def main(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """The exit code. `arguments` is empty, or the word that SageMaker passes: serve."""
    block_signals()  # first of all: PID 1 loses a SIGTERM that comes before
    try:
        if list(arguments) not in ([], ["serve"]):
            raise SettingsError(f"unknown argument {arguments[0]!r}: only serve is known")
        settings = Settings.from_environ(environ)
        find_program(settings)
        configure_logging("supervisor", settings.log_level)
        print_settings(settings)
        return _serve(settings, environ)
    except SettingsError as error:
        sys.stderr.write(f"quire: {error}\n")
        return EXIT_SETTINGS
    except Unfit as error:
        sys.stderr.write(f"quire: {error}\n")
        return EXIT_UNFIT


def print_settings(settings: Settings) -> None:
    """One line with every value and the variable it came from; one for each warning."""
    values = msgspec.structs.asdict(settings)
    sources, warnings = values.pop("sources"), values.pop("warnings")
    told = {name: {"value": value, "from": sources[name]} for name, value in values.items()}
    log_line(log, logging.INFO, "settings", settings=told)
    for warning in warnings:
        log_line(log, logging.WARNING, warning)


def _serve(settings: Settings, environ: Mapping[str, str]) -> int:
    try:
        listener = listen(settings.bind_host, settings.port)
    except OSError as error:
        asked = f"QUIRE_BIND_HOST={settings.bind_host!r}, SAGEMAKER_BIND_TO_PORT={settings.port}"
        raise SettingsError(f"{asked}: {error.strerror}") from error
    with listener, run_directory(settings.scratch) as directory:
        preflight(settings, environ)
        supervision = Supervision(settings.drain_seconds, settings.heal_seconds)
        return Supervisor(supervision, child_programs(environ, directory, listener)).run()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
