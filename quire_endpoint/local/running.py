"""How does `quire local up` run, from its first line to its last?"""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from quire_endpoint.local.ends import HANG_UP, Ends, Note
from quire_endpoint.local.up_options import UpOptions

if TYPE_CHECKING:
    from quire_endpoint.local.up import LocalEndpoint

_KILLED_STATUS = 130
_CLOSED = "closed"
_LOOK_SECONDS = 0.2
_KILL_SECONDS = 5.0


def run(options: UpOptions) -> int:
    """Until Ctrl-C, SIGTERM, the terminal is closed, `quire local down` or a thread dies; a second signal
    kills what is still there. Returns the exit status."""
    begun = time.monotonic()
    ends = Ends()
    ends.hear()
    with _folder(options.data) as folder:
        local = _started(options, folder, ends)
        if local is not None:
            try:
                _shout_warnings(local, ends)
                _greet(options, local, time.monotonic() - begun)
                _make_first(options, local, ends)
                _serve(options, local, ends)
            finally:
                _close(options, local, ends)
    for failure in ends.failures:
        _say(f"quire: {failure}", err=True)
    return 1 if ends.failures else 0


def _started(options: UpOptions, folder: Path, ends: Ends) -> LocalEndpoint | None:
    from quire_endpoint.container_home import HomeNotFound
    from quire_endpoint.local.own_folder import FolderRefused
    from quire_endpoint.local.up import CannotListen, LocalEndpoint, LocalSettings

    settings = LocalSettings(
        folder=folder,
        port=options.port,
        serve=options.serve,
        engine=options.engine,
        speed=options.speed,
        provision_seconds=options.provision_seconds,
        switches=options.switches,
    )
    try:
        local = LocalEndpoint(settings, stop=lambda: ends.put("told to go down: stopping"))
        local.start()
    except HomeNotFound as error:
        ends.fail(f"{error}; or name what stands for an image with --serve")
    except FolderRefused as error:
        ends.fail(str(error))
    except CannotListen as error:
        ends.fail(f"cannot listen on port {options.port}: {error}")
    except OSError as error:
        ends.fail(f"cannot start: {error}")
    else:
        return local
    return None


def _say(text: str, *, err: bool = False) -> None:
    """To whom may have gone: a terminal that is closed must not keep containers from being stopped."""
    with suppress(OSError):
        typer.echo(text, err=err)


def _shout_warnings(local: LocalEndpoint, ends: Ends) -> None:
    """Once of each endpoint."""
    from quire_endpoint.local.page.evidence import OURS

    seen: set[tuple[str, str]] = set()

    def heard(endpoint_name: str, stream: str, line: str) -> None:
        warning = line.removeprefix(f"{OURS} ")
        if warning != line and warning.startswith("WARNING") and (endpoint_name, warning) not in seen:
            seen.add((endpoint_name, warning))
            ends.put(Note(f"quire: {endpoint_name}: {warning}"))

    local.logs.listen(heard)


def _greet(options: UpOptions, local: LocalEndpoint, seconds: float) -> None:
    from quire_endpoint.local.first_endpoint import exports

    place = f"in {local.settings.folder}" + ("" if options.data else ", gone at the end")
    instances = f"images run by {options.engine}" if options.engine else " ".join(local.serve)
    lines = [
        f"Ready after {seconds:.1f} s at {local.url}. For AWS's own clients to come here:",
        *(f"  {line}" for line in exports(local.url, options.region)),
        f"Page: {local.url}/_quire/",
        f"Each instance: {instances}. Bodies and logs: {place}."
        + (f" Speed: {options.speed:g}." if options.speed != 1 else ""),
        "Assumed where AWS does not say (--assume NAME=VALUE):",
        *(f"  {line}" for line in options.switches.lines()),
    ]
    _say("\n".join(lines))


def _make_first(options: UpOptions, local: LocalEndpoint, ends: Ends) -> None:
    if options.endpoint is None:
        return
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError

    from quire_endpoint.local.first_endpoint import make

    try:
        made = make(options.endpoint, local.url, options.region)
    except (Boto3Error, BotoCoreError, ClientError, OSError, ValueError) as error:
        ends.fail(f"the endpoint {options.endpoint.name} was not made: {error}")
        return
    _say(
        f"Endpoint {made.endpoint_name} is being made. Put what it is to read to {made.input}, and find its "
        f"answers at {made.output} and {made.failure}"
    )


def _serve(options: UpOptions, local: LocalEndpoint, ends: Ends) -> None:
    """Until a reason to end comes; meanwhile says what became of the first endpoint, and what is wrong."""
    awaited = options.endpoint.name if options.endpoint and not ends.failures else None
    begun = time.monotonic()
    while not isinstance(heard := ends.wait(_LOOK_SECONDS if awaited else None), str):
        if heard is not None:
            _say(heard.text, err=True)
        if awaited and (became := _became(local, awaited)):
            _say(f"{became} after {time.monotonic() - begun:.1f} s.")
            awaited = None
    _say(f"{heard}.")


def _became(local: LocalEndpoint, name: str) -> str | None:
    """None while it is being made."""
    from quire_endpoint.local.ports import NoSuchEndpoint
    from quire_endpoint.local.specs import EndpointStatus

    try:
        state = local.host.state(name)
    except NoSuchEndpoint:
        return f"Endpoint {name} was deleted"
    if state.status is EndpointStatus.CREATING:
        return None
    return f"Endpoint {name} is {state.status}" + (
        f": {state.failure_reason}" if state.failure_reason else ""
    )


def _close(options: UpOptions, local: LocalEndpoint, ends: Ends) -> None:
    """Returns when all has gone; at a further signal all is killed. A terminal that is closed may say so
    twice, and means it once."""

    def close() -> None:
        try:
            local.close()
        finally:
            ends.put(_CLOSED)

    threading.Thread(target=close, name="closing", daemon=True).start()
    while (heard := ends.wait()) != _CLOSED:
        if isinstance(heard, str) and heard.startswith("SIG") and heard != HANG_UP:
            _say("Killing what is left.", err=True)
            _kill(local)
            if options.data is None:
                shutil.rmtree(local.settings.folder, ignore_errors=True)
            os._exit(_KILLED_STATUS)
    _say("Stopped.")


def _kill(local: LocalEndpoint) -> None:
    """The containers' processes first: they have sessions of their own and would be left."""

    def kill() -> None:
        for name in local.host.names():
            for view in local.host.instances(name):
                with suppress(Exception):
                    local.host.kill_instance(name, view.instance_id)

    killer = threading.Thread(target=kill, name="killing", daemon=True)
    killer.start()
    killer.join(_KILL_SECONDS)


@contextmanager
def _folder(data: Path | None) -> Iterator[Path]:
    if data is not None:
        yield data
        return
    with tempfile.TemporaryDirectory(prefix="quire-local-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)
