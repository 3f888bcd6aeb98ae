"""Which file of code/ is the handler, told as the container tells it."""

from __future__ import annotations

from pathlib import Path

import pytest

from quire.handlers.program import ARGUMENTS
from quire.models.page_model_code import PAGE_MODEL_FUNCTION
from quire.words.user_code import defined_names
from quire_endpoint import pack_program
from quire_endpoint.folder_kind import FolderKind, Kind
from quire_endpoint.pack_choice import choose_files
from quire_endpoint.pack_files import CannotPack, list_files
from tests.fakes.packable_folders import hugging_face, write

MODEL_FN = "def model_fn(model_dir): ...\n"
OUTPUT_FN = "def output_fn(prediction, accept): ...\n"


def kind_of(folder: Path, **modules: str) -> FolderKind:
    """`modules` by their names in code/, with __ for a dot."""
    for name, text in modules.items():
        write(folder / "code" / f"{name.replace('__', '/')}.py", text)
    return choose_files(folder).kind


def test_the_contracts_functions_are_the_containers() -> None:
    assert set(ARGUMENTS) == pack_program.HANDLER_FUNCTIONS
    assert pack_program.PAGE_MODEL_FUNCTION == PAGE_MODEL_FUNCTION


@pytest.mark.parametrize(
    "text",
    [
        MODEL_FN,
        "model_fn = load = lambda model_dir: None",
        "(model_fn, load) = 1, 2",
        "model_fn: object = print",
        "model_fn: object",
        "class model_fn: ...",
        "import model_fn.inner",
        "from pickle import loads as model_fn",
        "try:\n    import torch\nexcept ImportError:\n    a = 1\nelse:\n    def model_fn(d): ...",
        "try:\n    import torch\nexcept ImportError:\n    model_fn = 1\nfinally:\n    b = 2",
        "if True:\n    pass\nelse:\n    with open('x'):\n        def model_fn(d): ...",
        "for _ in ():\n    def model_fn(d): ...",
        "def model():\n    def model_fn(d): ...",
        "from functions import *",
        "from .functions import *",
        "from package.functions import *",
        "from package import *",
        "from package.round_and_round import *",
        "from math import *",
    ],
)
def test_names_are_those_that_the_container_finds(tmp_path: Path, text: str) -> None:
    write(tmp_path / "code" / "functions.py", "def model_fn(d): ...")
    write(tmp_path / "code" / "package" / "functions.py", "from ..functions import *")
    write(tmp_path / "code" / "package" / "__init__.py", "from .functions import *")
    write(tmp_path / "code" / "package" / "round_and_round.py", "from .round_and_round import *")
    path = write(tmp_path / "code" / "inference.py", text)
    by_name = {file.name: file for file in list_files(tmp_path)}
    program = pack_program.read_program("code/inference.py", by_name)
    contract = frozenset(ARGUMENTS)
    assert program.defined & contract == defined_names(path, tmp_path / "code") & contract
    assert not program.is_open


def test_a_star_is_followed_into_a_package(tmp_path: Path) -> None:
    found = kind_of(tmp_path, inference="from package.handler import *", package__handler=OUTPUT_FN)
    assert found.kinds == (Kind.HANDLER,)
    assert not found.notes


@pytest.mark.parametrize("text", ["from somewhere_else import *", "from ..above import *"])
@pytest.mark.parametrize("more", ["", OUTPUT_FN])
def test_a_star_that_leads_out_of_code_may_bring_a_model(tmp_path: Path, text: str, more: str) -> None:
    assert kind_of(tmp_path, inference=f"{text}\n{more}").kinds == (Kind.HANDLER_WITH_MODEL,)


@pytest.mark.parametrize("star", ["from math import *", "from os.path import *"])
def test_a_star_of_the_standard_library_brings_none(tmp_path: Path, star: str) -> None:
    assert kind_of(tmp_path, inference=f"{star}\n{OUTPUT_FN}").kinds == (Kind.HANDLER,)


def test_beside_a_page_model_a_star_brings_no_second_model(tmp_path: Path) -> None:
    source = "from numpy import *\ndef page_model_fn(model_dir): ..."
    assert kind_of(tmp_path, inference=source).kinds == (Kind.PAGE_MODEL,)
    write(tmp_path / "quire.json", '{"task": "page-model", "class": "inference:Model"}')
    assert kind_of(tmp_path, inference="from numpy import *").kinds == (Kind.PAGE_MODEL,)


def test_a_helpers_functions_are_not_the_handlers(tmp_path: Path) -> None:
    found = kind_of(hugging_face(tmp_path), inference=OUTPUT_FN, train=MODEL_FN)
    assert found.kinds == (Kind.HANDLER, Kind.HUGGING_FACE)


def test_a_helper_beside_a_page_model_is_no_handler(tmp_path: Path) -> None:
    write(tmp_path / "quire.json", '{"task": "page-model", "class": "mine:Model"}')
    found = kind_of(tmp_path, mine="class Model: ...", train=MODEL_FN)
    assert found.kinds == (Kind.PAGE_MODEL,)
    assert not found.notes


@pytest.mark.parametrize(
    ("module", "setting"),
    [("serve_it", "serve_it.py"), ("package__mine", "package.mine"), ("a__b__mine", "a.b.mine")],
)
def test_a_handler_of_another_name_is_told_of_the_setting(tmp_path: Path, module: str, setting: str) -> None:
    found = kind_of(tmp_path, **{module: MODEL_FN})
    assert found.kinds == (Kind.HANDLER_WITH_MODEL,)
    assert any(note.endswith(f"SAGEMAKER_PROGRAM={setting}") for note in found.notes)


def test_of_several_files_that_may_be_the_handler_each_is_told(tmp_path: Path) -> None:
    found = kind_of(tmp_path, one=MODEL_FN, two=OUTPUT_FN, package__three=OUTPUT_FN)
    assert any(note.endswith("SAGEMAKER_PROGRAM=one.py or two.py") for note in found.notes)


def test_other_peoples_modules_are_no_handler(tmp_path: Path) -> None:
    with pytest.raises(CannotPack, match="holds none of"):
        kind_of(tmp_path, lib__theirs__serving=MODEL_FN)


def test_what_is_no_python_is_passed_over_in_packages_alone(tmp_path: Path) -> None:
    assert kind_of(tmp_path, package__old="print 'x'", package__mine=OUTPUT_FN).kinds == (Kind.HANDLER,)
    with pytest.raises(CannotPack, match=r"functions\.py is no Python"):
        kind_of(tmp_path, inference="from functions import *", functions="def (")
