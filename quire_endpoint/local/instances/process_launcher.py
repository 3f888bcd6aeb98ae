"""How does a program on this machine stand for a container?"""

from __future__ import annotations

import logging
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from quire_endpoint.container_home import HomeNotFound, container_home, container_python
from quire_endpoint.local.instances.container import CannotLaunch, LaunchOrder
from quire_endpoint.local.instances.free_port import PORTS
from quire_endpoint.local.instances.guard import GUARD
from quire_endpoint.local.instances.printed_lines import PrintedLines
from quire_endpoint.local.instances.process_family import MARK, ProcessFamily

_LOG = logging.getLogger(__name__)

_INHERITED = frozenset(
    (
        *("PATH", "HOME", "USER", "LANG", "LANGUAGE", "TZ", "LD_LIBRARY_PATH"),
        *("VIRTUAL_ENV", "CONDA_PREFIX", "JAVA_HOME", "CUDA_VISIBLE_DEVICES"),
    )
)
_INHERITED_BEGINNING = "LC_"

_NO_CREDENTIALS = {
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}
"""The user's own account is none of the container's."""

_LOCAL_CREDENTIALS = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}


class NotOnThisSystem(OSError):
    """Where os.waitid is missing, as on macOS before Python 3.13."""

    def __init__(self) -> None:
        super().__init__(
            f"a program can stand for a container on Linux alone (os.waitid is missing on {sys.platform}): "
            "have images run by --image-engine docker or --image-engine podman"
        )


class ProcessLauncher:
    """Runs `serve` with the argument `serve`, as SageMaker does; a .py file with this Python, the checkout's
    own `serve` with the Python that `make setup` made. The program gets SAGEMAKER_BASE_DIR, a folder laid out
    like /opt/ml, SAGEMAKER_BIND_TO_PORT, its own TMPDIR, the model's environment, and of ours only what
    finding programs and speaking a language takes. `environ` is what it gets besides unless its network is
    isolated: the local endpoint's URL.

    What a process cannot be denied: the network, the disk, this user's files and GPUs. So isolation takes
    only the credentials and the local endpoint's URL away, and a model's folder is read-only by its mode,
    which root does not heed. A program that looks into /opt/ml or binds 8080 whatever it is told needs a
    container engine. A program that does not handle SIGTERM ends at once, which it would not do as PID 1.
    Raises NotOnThisSystem."""

    def __init__(self, serve: Sequence[str], environ: Mapping[str, str]) -> None:
        if not serve:
            raise ValueError("a command is wanted that stands for the image")
        if not hasattr(os, "waitid"):
            raise NotOnThisSystem
        self._command = _command(serve)
        self._environ = dict(environ)

    def launch(self, order: LaunchOrder) -> ProcessContainer:
        port = PORTS.lend()
        # Beneath the system's own: Unix sockets are made in it, whose paths have an end at 108 bytes.
        scratch = Path(tempfile.mkdtemp(prefix="quire-"))
        try:
            GUARD.watch("process", order.instance_id, str(scratch))
            process = subprocess.Popen(
                [*self._command, "serve"],
                cwd=_working_folder(self._command, order.folder),
                env=self._environment(order, port, scratch),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                bufsize=0,
            )
        except (OSError, ValueError) as error:
            GUARD.forget("process", order.instance_id, str(scratch))
            PORTS.give_back(port)
            shutil.rmtree(scratch, ignore_errors=True)
            raise CannotLaunch(str(error)) from error
        return ProcessContainer(process, port, scratch, order)

    def _environment(self, order: LaunchOrder, port: int, scratch: Path) -> dict[str, str]:
        region = {"AWS_REGION": order.region, "AWS_DEFAULT_REGION": order.region}
        reachable = {**_LOCAL_CREDENTIALS, **self._environ}
        return {
            **{name: value for name, value in os.environ.items() if _is_inherited(name)},
            **_NO_CREDENTIALS,
            **region,
            **({} if order.is_network_isolated else reachable),
            **order.environment,
            "TMPDIR": str(scratch),
            "SAGEMAKER_BASE_DIR": str(_lay_out(order)),
            "SAGEMAKER_BIND_TO_PORT": str(port),
            "QUIRE_BIND_HOST": "127.0.0.1",
            MARK: order.instance_id,
        }


class ProcessContainer:
    """A started program. When it ends, what it has started ends too, as with a container's PID 1."""

    def __init__(
        self, process: subprocess.Popen[bytes], port: int, scratch: Path, order: LaunchOrder
    ) -> None:
        self.port, self._instance_id = port, order.instance_id
        self._process, self._scratch = process, scratch
        self._family = ProcessFamily(process.pid, order.instance_id)
        if process.stdout is None:
            raise AssertionError("its output is a pipe")
        self._is_reaped, self._reaping = False, threading.Lock()
        self._printed = PrintedLines(process.stdout.fileno(), order.on_line, f"{order.instance_id} output")

    @property
    def pid(self) -> int | None:
        return self._process.pid

    def terminate(self) -> None:
        with self._reaping:
            if not self._is_reaped:
                os.kill(self._process.pid, signal.SIGTERM)

    def kill(self) -> None:
        with self._reaping:
            if not self._is_reaped:
                self._family.kill()

    def wait(self) -> str:
        # Seen, but not reaped: until that its number, and its session's, can be nobody else's.
        os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOWAIT)
        if left := self._family.extinguish():
            _LOG.warning("%s has ended, but no signal ends its processes %s", self._instance_id, left)
        self._printed.finish()
        with self._reaping, self._process:
            self._is_reaped = True
            status = self._process.wait()
        shutil.rmtree(self._scratch, ignore_errors=True)
        GUARD.forget("process", self._instance_id, str(self._scratch))
        PORTS.give_back(self.port)
        return cause_of(status)


def cause_of(status: int) -> str:
    """Of subprocess's return code, negative for a signal."""
    if status >= 0:
        return f"ended with exit status {status}"
    try:
        return f"ended by {signal.Signals(-status).name}"
    except ValueError:
        return f"ended by signal {-status}"


def _command(serve: Sequence[str]) -> list[str]:
    program, *rest = serve
    path = Path(program)
    if _is_own(path):
        return [str(container_python(container_home())), str(path.absolute()), *rest]
    if path.suffix == ".py":
        return [sys.executable, str(path.absolute()), *rest]
    is_path = os.sep in program
    return [str(path.absolute()) if is_path else program, *rest]


def _is_own(program: Path) -> bool:
    try:
        return program.resolve() == container_home() / "serve"
    except HomeNotFound:
        return False


def _working_folder(command: Sequence[str], otherwise: Path) -> Path:
    """Where the program lies, as an image's WORKDIR mostly is."""
    files = [Path(word) for word in reversed(command) if Path(word).is_absolute() and Path(word).is_file()]
    return files[0].parent if files else otherwise


def _is_inherited(name: str) -> bool:
    return name in _INHERITED or name.startswith(_INHERITED_BEGINNING)


def _lay_out(order: LaunchOrder) -> Path:
    base = order.folder / "opt" / "ml"
    base.mkdir(parents=True)
    (base / "model").symlink_to(order.model.resolve(), target_is_directory=True)
    return base
