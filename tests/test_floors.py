"""Imports go down only: the floors of the house, and which outside packages may stand where."""

from __future__ import annotations

import importlib.metadata
import re
import sys

import pytest

from tests.sources import ROOT, SourceFile, source_files

FLOORS = (
    ("quire.words",),
    ("quire.layout", "quire.rendering", "quire.formats"),
    ("quire.engine",),
    ("quire.models",),
    ("quire.handlers",),
    ("inference", "quire.frontend"),
    ("quire.process",),
)
"""From the ground up. Rooms of one floor do not know each other."""

FLOOR_OF = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
OURS = ("quire", "quire_endpoint", "inference", "tests", "bench", "docs")
TORCH = ("torch", "transformers", "safetensors.torch", "torchvision")

CODE = source_files("code")


def room_of(module: str) -> str | None:
    return next((room for room in FLOOR_OF if module == room or module.startswith(room + ".")), None)


def is_forbidden(importer: str, imported: str) -> bool:
    """Whether `imported` lies on the floor of `importer` in another room, or above it."""
    return importer != imported and FLOOR_OF[imported] >= FLOOR_OF[importer]


@pytest.mark.parametrize("file", CODE, ids=lambda file: file.name)
def test_imports_go_down_only(file: SourceFile) -> None:
    room = room_of(file.module)
    if file.module == "quire":
        assert not list(file.imports()), "the package itself imports nothing"
        return
    assert room, f"{file.name} stands in no room: give it its floor in FLOORS"
    above = {name for name in file.imports() if (other := room_of(name)) and is_forbidden(room, other)}
    assert not above, f"{file.name} imports {sorted(above)}"


def test_floors_tell_down_from_up_and_sideways() -> None:
    assert is_forbidden("quire.words", "quire.engine")
    assert is_forbidden("quire.rendering", "quire.formats")
    assert not is_forbidden("quire.engine", "quire.rendering")
    assert not is_forbidden("quire.engine", "quire.engine")


def test_every_room_of_the_list_exists() -> None:
    assert {room_of(file.module) for file in CODE} >= {room for room in FLOOR_OF if room != "inference"}


def test_modules_import_each_other_in_no_circle() -> None:
    modules = {file.module: set(file.imports()) for file in CODE}
    edges = {
        name: {used for used in uses if used in modules and used != name} for name, uses in modules.items()
    }
    while leaves := {name for name, uses in edges.items() if not uses}:
        edges = {name: uses - leaves for name, uses in edges.items() if name not in leaves}
    assert not edges, f"a circle of imports: {sorted(edges)}"


def test_torch_stands_in_the_models_room_only() -> None:
    users = {file.module for file in CODE if any(_is_of(name, TORCH) for name in file.imports())}
    assert users, "no module imports torch: this test sees nothing"
    assert all(user.startswith("quire.models.") for user in users), sorted(users)


def test_laptop_and_container_share_no_code() -> None:
    for file in source_files("quire_endpoint"):
        assert not [name for name in file.imports() if _is_of(name, ("quire", "inference"))], file.name
    for file in CODE:
        assert not [name for name in file.imports() if _is_of(name, ("quire_endpoint", "tests", "bench"))]


def test_every_outside_package_is_a_declared_requirement() -> None:
    distributions = importlib.metadata.packages_distributions()
    declared = _declared("requirements.in") | {"torch"}
    for file in [*CODE, *source_files("quire_endpoint")]:
        for package in (
            {name.partition(".")[0] for name in file.imports()} - sys.stdlib_module_names - {*OURS}
        ):
            providers = {_normal(name) for name in distributions.get(package, [])}
            assert providers & declared, f"{file.name} imports {package}, which requirements.in does not name"


def _declared(file_name: str) -> set[str]:
    lines = (ROOT / file_name).read_text(encoding="utf-8").splitlines()
    return {_normal(re.split(r"[<>=\[ ]", line)[0]) for line in lines if line and line[0] not in "#-"}


def _normal(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()


def _is_of(name: str, packages: tuple[str, ...]) -> bool:
    return any(name == package or name.startswith(package + ".") for package in packages)
