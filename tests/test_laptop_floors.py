"""The floors of `quire_endpoint`: the rooms of the local endpoint meet in its ports and nowhere else."""

from __future__ import annotations

import pytest

from tests.sources import SourceFile, source_files

LOCAL = "quire_endpoint.local"
GROUND = tuple(
    f"{LOCAL}.{name}"
    for name in (
        *("clock", "specs", "invocation", "journal", "switches", "faults"),
        *("refusals", "ports", "own_clients"),
    )
)
ROOMS = tuple(f"{LOCAL}.{name}" for name in ("s3", "url", "control", "instances", "queue", "scaling"))
ABOVE = tuple(
    f"{LOCAL}.{name}"
    for name in (
        *("host", "obituaries", "page", "door", "own_folder", "up"),
        *("admin", "up_options", "first_endpoint", "ends", "running", "commands"),
    )
)
"""From the ground up; each may know those before it."""

FILES = [file for file in source_files("quire_endpoint") if file.module.startswith(f"{LOCAL}.")]


def place_of(module: str) -> str | None:
    return next((name for name in (*GROUND, *ROOMS, *ABOVE) if _is_of(module, name)), None)


def may_know(importer: str, imported: str) -> bool:
    """Whether a module in place `importer` may import one in place `imported`."""
    if importer == imported or imported in GROUND:
        return True
    if imported in ROOMS:
        return importer in ABOVE
    return importer in ABOVE and ABOVE.index(imported) < ABOVE.index(importer)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_rooms_know_the_ports_and_not_one_another(file: SourceFile) -> None:
    place = place_of(file.module)
    assert place, f"{file.name} stands in no room: give it its floor here"
    strangers = {name for name in file.imports() if (other := place_of(name)) and not may_know(place, other)}
    assert not strangers, f"{file.name} imports {sorted(strangers)}"


def test_floors_tell_down_from_up_and_sideways() -> None:
    assert may_know(f"{LOCAL}.queue", f"{LOCAL}.ports")
    assert may_know(f"{LOCAL}.host", f"{LOCAL}.queue")
    assert may_know(f"{LOCAL}.up", f"{LOCAL}.page")
    assert not may_know(f"{LOCAL}.ports", f"{LOCAL}.queue")
    assert not may_know(f"{LOCAL}.queue", f"{LOCAL}.instances")
    assert not may_know(f"{LOCAL}.host", f"{LOCAL}.up")


@pytest.mark.parametrize("room", ["client", "conformance"])
def test_what_runs_against_aws_knows_nothing_of_the_local_endpoint(room: str) -> None:
    files = [file for file in source_files("quire_endpoint") if _is_of(file.module, f"quire_endpoint.{room}")]
    assert files, f"quire_endpoint/{room} is gone"
    for file in files:
        assert not [name for name in file.imports() if _is_of(name, LOCAL)], file.name


def _is_of(module: str, place: str) -> bool:
    return module == place or module.startswith(place + ".")
