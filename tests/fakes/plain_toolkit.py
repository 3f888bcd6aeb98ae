"""sagemaker-inference and multi-model-server as they come: what Quire's handlers are compared with."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from bench.served import low_port
from tests.fakes.handlers_that_users_write import UsersHandler, UsersRequest
from tests.fakes.running_front_end import Answer, eventually, http_request

_START = """
import sys
from sagemaker_inference import model_server

model_server.MMS_CONFIG_FILE = sys.argv[1]
model_server.start_model_server()
"""
"""The file's own place is in /etc."""

_SERVICE = "sagemaker_inference.default_handler_service"


@dataclass(frozen=True)
class PlainToolkit:
    """Running, each kind of handler a model by that name."""

    port: int

    def ask(self, kind: str, asked: UsersRequest) -> Answer:
        return http_request(self.port, "POST", f"/models/{kind}/invoke", asked.body, asked.all_headers)


@contextmanager
def plain_toolkit(folder: Path, handlers: Mapping[str, UsersHandler]) -> Iterator[PlainToolkit]:
    """In a session of its own: it leaves processes behind when it is told to stop."""
    models = {kind: _model_folder(folder / kind, handler) for kind, handler in handlers.items()}
    (folder / "model").mkdir()  # without a handler, which the others would find before their own
    port = low_port()
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            (sys.executable, "-W", "ignore", "-c", _START, str(folder / "mms.properties")),
            env=_environ(folder, port),
            cwd=folder,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        eventually(lambda: _pings(port))
        for kind, model in models.items():
            _register(port, kind, model)
        yield PlainToolkit(port)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _model_folder(folder: Path, handler: UsersHandler) -> Path:
    """With the program at its top: the toolkit looks for code/ in the first model only."""
    model = handler.write(folder) / "model"
    (model / "inference.py").write_text(handler.program, encoding="utf-8")
    return model


def _register(port: int, kind: str, model: Path) -> None:
    """sagemaker-inference opens the management API on the same port."""
    asked = f"/models?url={model}&model_name={kind}&handler={_SERVICE}&initial_workers=1&synchronous=true"
    answer = http_request(port, "POST", asked)
    assert answer.status == 200, answer.body


def _environ(folder: Path, port: int) -> dict[str, str]:
    return {
        **os.environ,
        "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])),
        "SAGEMAKER_BASE_DIR": str(folder),
        "SAGEMAKER_BIND_TO_PORT": str(port),
        "SAGEMAKER_MODEL_SERVER_WORKERS": "1",
        "TEMP": str(folder),
        "TMPDIR": str(folder),
    }


def _pings(port: int) -> bool:
    with suppress(OSError):
        return http_request(port, "GET", "/ping").status == 200
    return False
