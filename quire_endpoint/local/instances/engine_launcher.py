"""How does docker, or podman, run an image as SageMaker would?"""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path

from quire_endpoint.local.instances.container import CannotLaunch, LaunchOrder
from quire_endpoint.local.instances.free_port import PORTS
from quire_endpoint.local.instances.guard import GUARD
from quire_endpoint.local.instances.printed_lines import PrintedLines
from quire_endpoint.local.instances.process_launcher import cause_of

CONTAINER_PORT = 8080

_ISOLATED_NETWORK = "quire-local-isolated"

_NO_WAY_OUT = {
    "docker": "com.docker.network.bridge.enable_ip_masquerade=false",
    "podman": "no_default_route=1",
}
"""Options of a network from which nothing outside answers, while published ports work; an `--internal` one
would publish none."""

_COMMAND_SECONDS = 60.0

_PULL_LOOK_SECONDS = 0.25
"""How often it is seen, while an image is pulled, whether anyone still waits for it."""

_GPU_DEVICE = Path("/dev/nvidiactl")

LABEL = "quire.local"


class EngineLauncher:
    """Runs the model's image by `program`, docker or podman: port 8080 published at 127.0.0.1, the model's
    folder mounted read-only at /opt/ml/model, with all GPUs where there are any, as `IMAGE serve`. The
    container gets the model's environment and no credentials: the local endpoint listens on this machine's
    loopback, which a container cannot reach. An image that is not here is pulled first, which the startup
    window does not count. `options` are more of the engine's, for `run`."""

    def __init__(self, program: str, options: Sequence[str] = ()) -> None:
        self._program, self._options = program, tuple(options)

    def launch(self, order: LaunchOrder) -> EngineContainer:
        self._have_image(order)
        if order.is_network_isolated:
            self._have_isolated_network()
        port = PORTS.lend()
        name = f"quire-{order.instance_id}"
        try:
            GUARD.watch("container", self._program, name)
            client = subprocess.Popen(
                [self._program, *self._run_arguments(order, name, port)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                bufsize=0,
            )
        except OSError as error:
            GUARD.forget("container", self._program, name)
            PORTS.give_back(port)
            raise CannotLaunch(str(error)) from error
        return EngineContainer(self._program, name, client, port, order)

    def _run_arguments(self, order: LaunchOrder, name: str, port: int) -> list[str]:
        # By name: an engine may have been told to give containers this machine's network otherwise.
        network = _ISOLATED_NETWORK if order.is_network_isolated else "bridge"
        return [
            *("run", "--rm", "--name", name, "--label", LABEL),
            *("--network", network, "--publish", f"127.0.0.1:{port}:{CONTAINER_PORT}"),
            *("--volume", f"{order.model.resolve()}:/opt/ml/model:ro"),
            *(f"--env={key}={value}" for key, value in order.environment.items()),
            *self._gpu_options(),
            *self._options,
            order.image,
            "serve",
        ]

    def _gpu_options(self) -> list[str]:
        if not _GPU_DEVICE.exists():
            return []
        return ["--device", "nvidia.com/gpu=all"] if self._is_podman else ["--gpus", "all"]

    @property
    def _is_podman(self) -> bool:
        return Path(self._program).name.startswith("podman")

    def _have_image(self, order: LaunchOrder) -> None:
        if _failure_of(self._program, "image", "inspect", order.image) is None:
            return
        why = self._failure_to_pull(order)
        if why is not None:
            raise CannotLaunch(f"the image {order.image} is not here and cannot be pulled: {why}")

    def _failure_to_pull(self, order: LaunchOrder) -> str | None:
        """However long it takes, unless the order is cancelled."""
        try:
            pull = subprocess.Popen(
                [self._program, "pull", order.image],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                start_new_session=True,
            )
        except OSError as error:
            return str(error)
        with pull:
            while True:
                try:
                    _, said = pull.communicate(timeout=_PULL_LOOK_SECONDS)
                    break
                except subprocess.TimeoutExpired:
                    if order.cancelled.is_set():
                        pull.kill()
        return None if pull.returncode == 0 else said.strip() or cause_of(pull.returncode)

    def _have_isolated_network(self) -> None:
        if _failure_of(self._program, "network", "inspect", _ISOLATED_NETWORK) is None:
            return
        option = _NO_WAY_OUT["podman" if self._is_podman else "docker"]
        why = _failure_of(self._program, "network", "create", "--opt", option, _ISOLATED_NETWORK)
        # Another instance may have made it in the meantime.
        if (
            why is not None
            and _failure_of(self._program, "network", "inspect", _ISOLATED_NETWORK) is not None
        ):
            raise CannotLaunch(f"no network can be made for EnableNetworkIsolation: {why}")


class EngineContainer:
    """A container by its name, and the engine's client that follows its log and ends with it."""

    def __init__(
        self, program: str, name: str, client: subprocess.Popen[bytes], port: int, order: LaunchOrder
    ) -> None:
        self.port, self.pid = port, None
        self._program, self._name, self._client = program, name, client
        self._is_over = threading.Event()
        if client.stdout is None:
            raise AssertionError("its output is a pipe")
        self._printed = PrintedLines(client.stdout.fileno(), order.on_line, f"{order.instance_id} output")

    def terminate(self) -> None:
        # Not `stop --time 30`: that sends an image's STOPSIGNAL, and SageMaker SIGTERM. The fleet counts.
        self._on_a_thread("kill", "--signal", "TERM", self._name)

    def kill(self) -> None:
        self._on_a_thread("kill", self._name)

    def wait(self) -> str:
        status = self._client.wait()
        self._is_over.set()
        _failure_of(self._program, "rm", "--force", self._name)  # where the client ended before its container
        self._printed.finish()
        GUARD.forget("container", self._program, self._name)
        with self._client:
            PORTS.give_back(self.port)
        return cause_of(status)

    def _on_a_thread(self, *arguments: str) -> None:
        """An engine takes its time to answer; one that does not know the container yet is asked again."""
        threading.Thread(target=self._insist, args=arguments, name=f"{self._name} {arguments[0]}").start()

    def _insist(self, *arguments: str) -> None:
        while _failure_of(self._program, *arguments) is not None:
            if self._is_over.wait(0.2):
                return


def _failure_of(program: str, *arguments: str) -> str | None:
    """Why it did not; None where the engine's command did what it was told."""
    try:
        done = subprocess.run(
            [program, *arguments], capture_output=True, text=True, timeout=_COMMAND_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return None if done.returncode == 0 else done.stderr.strip() or f"exit status {done.returncode}"
