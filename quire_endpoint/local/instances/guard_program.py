"""What does the guard do, in a process of its own? It reads which containers run until its input ends with
the process that writes it; then it ends those that are left. Imports nothing that would take time."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

_ENGINE_SECONDS = 60.0


def main() -> None:
    """Lines of `+` or `-` and a ward, whose words have tabs between them."""
    wards: dict[str, None] = {}
    for line in sys.stdin:
        sign, ward = line[0], line[1:].rstrip("\n")
        if sign == "+":
            wards[ward] = None
        else:
            wards.pop(ward, None)
    for ward in wards:
        try:
            _end(ward.split("\t"))
        except (OSError, subprocess.SubprocessError) as error:  # the others are to end all the same
            sys.stderr.write(f"quire: {ward!r} may be left: {error}\n")


def _end(ward: list[str]) -> None:
    match ward:
        case ["process", mark, scratch]:
            # By its place: the package beside it imports far more than this program may wait for.
            sys.path.insert(0, str(Path(__file__).parent))
            family = __import__("process_family")
            family.kill_marked(mark)
            shutil.rmtree(scratch, ignore_errors=True)
        case ["container", engine, name]:
            subprocess.run([engine, "rm", "--force", name], capture_output=True, timeout=_ENGINE_SECONDS)


if __name__ == "__main__":
    main()
