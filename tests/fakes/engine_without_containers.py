#!/usr/bin/env python3
"""Speaks as much of docker's language as the engine launcher does, and runs the stub container as a plain
process. In $ENGINE_FOLDER it writes each command it is given to `told`, and knows the images in `images`."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

FOLDER = Path(os.environ["ENGINE_FOLDER"])
ENDLESS_SECONDS = 25
"""Longer than any test waits for its end."""
STUB = Path(__file__).resolve().with_name("stub_container.py")


def fail(why: str) -> None:
    print(f"Error: {why}", file=sys.stderr)
    sys.exit(125)


def run(arguments: list[str]) -> int:
    options = dict(itertools.pairwise(arguments))
    environment = dict(word[6:].split("=", 1) for word in arguments if word.startswith("--env="))
    published = options.get("--publish", "").split(":")
    port = {"SAGEMAKER_BIND_TO_PORT": published[1]} if len(published) == 3 else {}
    program = subprocess.Popen(
        [sys.executable, str(STUB), arguments[-1]],
        env={"PATH": os.environ["PATH"], "QUIRE_BIND_HOST": "127.0.0.1", **environment, **port},
    )
    place = FOLDER / options["--name"]
    place.write_text(str(program.pid))
    status = program.wait()
    place.unlink(missing_ok=True)
    return status if status >= 0 else 128 - status


def kill(name: str, signal_name: str) -> None:
    place = FOLDER / name
    if not place.exists():
        fail(f"no such container: {name}")
    os.kill(int(place.read_text()), signal.Signals[signal_name])


def is_known(kind: str, name: str) -> bool:
    place = FOLDER / kind
    return place.exists() and name in place.read_text().split()


def know(kind: str, name: str) -> None:
    with (FOLDER / kind).open("a") as names:
        names.write(f"{name}\n")


def main(arguments: list[str]) -> int:
    with (FOLDER / "told").open("a") as told:
        told.write(json.dumps(arguments) + "\n")
    match arguments:
        case ["run", *rest]:
            return run(rest)
        case ["image" | "network" as kind, "inspect", name] if not is_known(f"{kind}s", name):
            fail(f"no such {kind}: {name}")
        case ["pull", name] if "nowhere" in name:
            fail(f"{name}: repository does not exist")
        case ["pull", name] if "endless" in name:
            (FOLDER / "pulls").write_text(str(os.getpid()))
            time.sleep(ENDLESS_SECONDS)
        case ["pull", name]:
            know("images", name)
        case ["network", "create", *_, name]:
            know("networks", name)
        case ["kill", "--signal", "TERM", name]:
            kill(name, "SIGTERM")
        case ["kill", name]:
            kill(name, "SIGKILL")
        case ["rm", "--force", name] if (FOLDER / name).exists():
            kill(name, "SIGKILL")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
