"""What was asked of `quire local up`?"""

from __future__ import annotations

import argparse
import shlex
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from quire_endpoint.local.admin import DEFAULT_PORT
from quire_endpoint.local.switches import Switches

ENGINES = ("docker", "podman")

_DAY_SECONDS = 86400.0
"""The longest that one may ask for, since no thread waits for ever; and, in a second, the highest speed."""

_LEAST_SPEED = 0.001


@dataclass(frozen=True)
class FirstEndpoint:
    """An endpoint that is made at start, with its bucket, role, model and configuration. `model` is a
    .tar.gz or a directory."""

    name: str
    concurrency: int | None
    instances: int
    environment: dict[str, str]
    model: Path | None
    instance_type: str
    image: str


@dataclass(frozen=True)
class UpOptions:
    """`data` None is a directory that is removed at the end."""

    port: int
    serve: tuple[str, ...]
    engine: str | None
    data: Path | None
    speed: float
    provision_seconds: float
    switches: Switches
    endpoint: FirstEndpoint | None = None
    region: str = field(default="us-east-1")


def parse(arguments: Sequence[str]) -> UpOptions:
    """Explains itself, and ends the program, for --help and for what it cannot understand."""
    parser = _parser()
    given = parser.parse_args(arguments)
    if given.speed != 1 and not given.scaled_containers:
        parser.error(
            "--speed is for containers whose service time is scaled by it as well: say --scaled-containers "
            "if yours is; a real one takes its real time and runs at speed 1 only"
        )
    return UpOptions(
        port=given.port,
        serve=_serve(given.serve),
        engine=_engine(parser, given.image_engine),
        data=given.data.resolve() if given.data else None,
        speed=given.speed,
        provision_seconds=given.provision_seconds,
        switches=_switches(parser, given.assume),
        endpoint=_endpoint(parser, given),
        region=given.region,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="quire local up",
        description="SageMaker Asynchronous Inference on this machine, behind one URL, until Ctrl-C.",
    )
    add = parser.add_argument
    add("--port", type=_port, default=DEFAULT_PORT, metavar="N", help="default: %(default)s; 0: a free one")
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--serve",
        metavar="COMMAND",
        help="a program, or a .py file, that stands for any image; default: the checkout's ./serve",
    )
    what.add_argument("--image-engine", choices=(*ENGINES, "auto"), help="run the model's own image")
    add("--data", type=Path, metavar="DIR", help="bodies here, and logs that stay; default: gone at the end")
    add("--speed", type=_speed, default=1.0, metavar="N", help="an hour of the endpoint's in 3600/N seconds")
    add("--scaled-containers", action="store_true", help="the container's service time is divided by --speed")
    add("--provision-seconds", type=_seconds, default=0.0, metavar="S", help="until an instance is there")
    add("--assume", action="append", default=[], metavar="NAME=VALUE", help="a switch, as printed at start")
    add("--region", default="us-east-1", help="of the printed exports and the first endpoint (%(default)s)")
    _add_endpoint(parser.add_argument_group("the first endpoint, made at start"))
    return parser


def _add_endpoint(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--endpoint", metavar="NAME", help="make this one; the options below are its")
    add("--concurrency", type=int, metavar="N", help="MaxConcurrentInvocationsPerInstance")
    add("--instances", type=int, default=1, metavar="N", help="InitialInstanceCount (%(default)s)")
    add("--env", action="append", default=[], metavar="K=V", help="of the container")
    add("--model", type=Path, metavar="DIR|TAR", help="model data: a directory, or a .tar.gz")
    add("--instance-type", default="ml.g5.xlarge", metavar="TYPE", help="%(default)s")
    add("--image", default="quire", metavar="IMAGE", help="with --image-engine (%(default)s)")


def _endpoint(parser: argparse.ArgumentParser, given: argparse.Namespace) -> FirstEndpoint | None:
    if given.endpoint is None:
        return None
    if given.model is not None and not given.model.exists():
        parser.error(f"--model {given.model}: there is no such file or directory")
    return FirstEndpoint(
        name=given.endpoint,
        concurrency=given.concurrency,
        instances=given.instances,
        environment=_environment(parser, given.env),
        model=given.model,
        instance_type=given.instance_type,
        image=given.image,
    )


def _serve(command: str | None) -> tuple[str, ...]:
    """A file of this name wins over a command of several words."""
    if command is None:
        return ()
    return (command,) if Path(command).is_file() else tuple(shlex.split(command))


def _engine(parser: argparse.ArgumentParser, wanted: str | None) -> str | None:
    candidates = ENGINES if wanted == "auto" else (wanted,) if wanted else ()
    found = next((name for name in candidates if shutil.which(name)), None)
    if candidates and found is None:
        parser.error(f"--image-engine {wanted}: there is no {' and no '.join(candidates)} on PATH")
    return found


def _environment(parser: argparse.ArgumentParser, given: list[str]) -> dict[str, str]:
    for text in given:
        if not text.partition("=")[1]:
            parser.error(f"--env {text}: write NAME=VALUE")
    return {text.partition("=")[0]: text.partition("=")[2] for text in given}


def _switches(parser: argparse.ArgumentParser, given: list[str]) -> Switches:
    try:
        return Switches.assume(given)
    except ValueError as error:
        parser.error(f"--assume: {error}")


def _port(text: str) -> int:
    number = int(text)
    if not 0 <= number <= 65535:
        raise argparse.ArgumentTypeError(f"{text} is no port")
    return number


def _speed(text: str) -> float:
    return _number(text, _LEAST_SPEED)


def _seconds(text: str) -> float:
    return _number(text, 0)


def _number(text: str, least: float) -> float:
    try:
        number = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is no number") from None
    if not least <= number <= _DAY_SECONDS:
        raise argparse.ArgumentTypeError(f"{text} is not from {least:g} to {_DAY_SECONDS:g}")
    return number
