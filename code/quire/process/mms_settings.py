"""What must multi-model-server be told? It is derived from our settings: MMS_* variables beat its file."""

from __future__ import annotations

import math
import os
import shutil
import socket
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from quire.frontend.mms_place import PLACE_VARIABLE, MmsPlace
from quire.handlers.program import Program
from quire.words.errors import SettingsError
from quire.words.request import MAX_DEADLINE_SECONDS
from quire.words.settings import Settings

LARGEST_BODY_BYTES = 2**31 - 1024
"""Java counts an array's bytes in 32 bits, and keeps a few for itself."""

LARGEST_PORT = 32766
"""It takes port numbers for signed numbers of 16 bits."""

RESPONSE_MARGIN_SECONDS = 30
"""From the end of a worker's own patience to the server's, which answers no more than "Worker died."."""

HOME = Path(__file__).with_name("mms_home")
"""Our own `java` and `python`, for multi-model-server to find."""

PYTHON_VARIABLE = "FRONT_END_PYTHON"
JAVA_VARIABLE = "FRONT_END_JAVA"
PROGRAM_PID_VARIABLE = "FRONT_END_MMS_PROGRAM_PID"

_VMARGS = "-XX:MaxRAMPercentage=50 -XX:+ExitOnOutOfMemoryError"
"""The toolkit's own default takes the host's memory for the container's."""

_READ_BY_THE_TOOLKIT = (
    "SAGEMAKER_MODEL_SERVER_TIMEOUT",
    "SAGEMAKER_MODEL_SERVER_TIMEOUT_SECONDS",
    "SAGEMAKER_MODEL_SERVER_WORKERS",
    "SAGEMAKER_MAX_PAYLOAD_IN_MB",
    "SAGEMAKER_MULTI_MODEL",
    "SAGEMAKER_HANDLER",
)
"""Our settings have taken them in; the toolkit would read the first in minutes, and fail on a fraction."""

_LOG_LEVELS = {"debug": "debug", "info": "warn", "warning": "warn", "error": "error"}

_MANAGEMENT_PORTS = range(8081, 8181)

_STARTUP_SECONDS = 60
"""The server has no model to load before it runs: its workers have."""


def mms_environ(
    settings: Settings, program: Program, place: MmsPlace, num_gpus: int, environ: Mapping[str, str]
) -> dict[str, str]:
    """The whole environment of the toolkit and of all below it. `num_gpus` are to be shared out among the
    workers. Raises SettingsError for an address that the server cannot take, and where Java is missing."""
    _check_address(settings)
    kept = {
        name: value
        for name, value in environ.items()
        if name not in _READ_BY_THE_TOOLKIT and not name.startswith("MMS_")
    }
    return {
        **kept,
        "PATH": os.pathsep.join((str(Path(sys.executable).parent), environ.get("PATH", os.defpath))),
        "TEMP": str(place.directory),
        "TMPDIR": str(place.directory),
        "JAVA_HOME": str(HOME),
        PYTHON_VARIABLE: sys.executable,
        JAVA_VARIABLE: _java(environ),
        PLACE_VARIABLE: str(place.directory),
        PROGRAM_PID_VARIABLE: str(os.getpid()),
        "MMS_LOG_LEVEL": _LOG_LEVELS[settings.log_level],
        "SAGEMAKER_STARTUP_TIMEOUT": str(_STARTUP_SECONDS),
        "SAGEMAKER_MODEL_SERVER_VMARGS": environ.get("SAGEMAKER_MODEL_SERVER_VMARGS", _VMARGS),
        "MMS_INFERENCE_ADDRESS": f"http://{settings.bind_host}:{settings.port}",
        "MMS_MANAGEMENT_ADDRESS": management_address(place),
        "MMS_DEFAULT_WORKERS_PER_MODEL": str(num_workers(settings, program, num_gpus)),
        "MMS_NUMBER_OF_GPU": str(num_gpus),
        "MMS_JOB_QUEUE_SIZE": str(settings.max_threads),
        "MMS_MAX_REQUEST_SIZE": str(min(settings.max_body_bytes, LARGEST_BODY_BYTES)),
        "MMS_MAX_RESPONSE_SIZE": str(LARGEST_BODY_BYTES),
        "MMS_DEFAULT_RESPONSE_TIMEOUT_SECONDS": str(response_timeout_seconds(settings)),
    }


def management_address(place: MmsPlace) -> str:
    """Nothing uses it, and nobody outside shall: it loads code. A Unix socket needs a library that the server
    unpacks into the place; where nothing there may be executed, a port of this machine alone must do."""
    if not os.statvfs(place.directory).f_flag & os.ST_NOEXEC:
        return f"unix:{place.management_address}"
    for port in _MANAGEMENT_PORTS:
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return f"http://127.0.0.1:{port}"
    raise SettingsError("QUIRE_MODEL_SERVER=mms: there is no free port for multi-model-server's management")


def num_workers(settings: Settings, program: Program, num_gpus: int) -> int:
    """A worker has one call in hand. One that only waits for the engine is cheap: there are as many as there
    may be documents in it. One with a model of its own has a GPU to itself, or a share of all."""
    if program.is_built_in:
        return settings.max_concurrent_invocations
    if program.needs_engine:
        return settings.handler_workers or settings.max_concurrent_invocations
    return settings.handler_workers or max(1, num_gpus)


def response_timeout_seconds(settings: Settings) -> int:
    """After which the server gives a worker up, be it loading its handler or answering: later than any of
    the deadlines that a request may name, since the worker itself ends what is late."""
    return math.ceil(max(MAX_DEADLINE_SECONDS, settings.startup_seconds)) + RESPONSE_MARGIN_SECONDS


def _check_address(settings: Settings) -> None:
    if ":" in settings.bind_host:
        raise SettingsError(
            f"QUIRE_BIND_HOST={settings.bind_host!r}: multi-model-server takes no IPv6 address"
        )
    if settings.port > LARGEST_PORT:
        raise SettingsError(
            f"SAGEMAKER_BIND_TO_PORT={settings.port}: multi-model-server takes no port above {LARGEST_PORT}"
        )


def _java(environ: Mapping[str, str]) -> str:
    home = environ.get("JAVA_HOME")
    found = shutil.which(f"{home}/bin/java" if home else "java")
    if found is None:
        raise SettingsError("QUIRE_MODEL_SERVER=mms: there is no Java; install openjdk-17-jre-headless")
    return found
