"""What lies in the image, and what of its build does not."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.image.running_image import Running, engine, run_once

MEGABYTE = 1_000_000
UNITS = {"B": 1, "kB": 1_000, "MB": MEGABYTE, "GB": 1000 * MEGABYTE}

LEFT_OVER = """
import pathlib, shutil
programs = "gcc g++ cc c++ clang tcc ld as make cmake git nvcc javac".split()
print(*(found for found in map(shutil.which, programs) if found), sep="\\n")
places = "/build /layers ~/.cache /opt/program/tests /opt/program/.git /opt/program/model/.cache".split()
print(*(place for place in places if pathlib.Path(place).expanduser().exists()), sep="\\n")
for pattern in ("var/lib/apt/lists/*_Packages*", "var/cache/apt/*.bin", "tmp/*"):
    print(*pathlib.Path("/").glob(pattern), sep="\\n")
packages = next(pathlib.Path("/opt/venv/lib").glob("python3*")) / "site-packages"
for name in ("pip", "triton", "pytest", "onnx", "torch/include"):
    print(*packages.glob(name), sep="\\n")
for pattern in ("*.a", "tests", "*.whl"):
    print(*packages.rglob(pattern), sep="\\n")
"""

UNCOMPILED = """
import importlib.util, pathlib
for path in pathlib.Path("/opt/program/code").rglob("*.py"):
    if not pathlib.Path(importlib.util.cache_from_source(str(path))).is_file():
        print(path)
"""

IMPORTS = """
import inference, pkg_resources, sagemaker_inference.transformer, mms.model_server, torch, transformers
print(*sorted(name for name in dir(inference) if name.endswith("_fn")))
"""


@pytest.fixture(scope="module")
def described(image: str) -> dict[str, Any]:
    (told,) = json.loads(engine("image", "inspect", image).stdout)
    found: dict[str, Any] = told
    return found


def test_serve_is_what_it_runs(described: dict[str, Any]) -> None:
    assert described["Config"]["Entrypoint"] == ["/opt/venv/bin/python", "/opt/program/serve"]
    assert described["Config"]["Cmd"] == ["serve"]
    assert described["Config"].get("User", "") in ("", "root", "0")


def test_its_environment_is_what_the_nvidia_toolkit_reads(described: dict[str, Any]) -> None:
    environ = dict(pair.split("=", 1) for pair in described["Config"]["Env"])
    assert environ["NVIDIA_VISIBLE_DEVICES"] == "all"
    assert environ["NVIDIA_DRIVER_CAPABILITIES"] == "compute,utility"
    assert environ["NVIDIA_REQUIRE_CUDA"] == ""
    assert environ["PREFLIGHT"] == "strict"


def test_its_labels_say_what_it_is(described: dict[str, Any], repository: Any) -> None:
    labels = described["Config"]["Labels"]
    assert f'__version__ = "{labels["org.opencontainers.image.version"]}"' in (
        repository / "quire_endpoint" / "__init__.py"
    ).read_text(encoding="utf-8")
    assert labels["com.amazonaws.sagemaker.capabilities.accept-bind-to-port"] == "true"


def test_nothing_of_the_build_is_left_inside(image: str) -> None:
    found = engine(
        "run", "--rm", "--network=none", "--read-only", "--entrypoint=python", image, "-c", LEFT_OVER
    )
    assert (found.returncode, found.stdout.split()) == (0, []), found.stderr


def test_what_serves_is_compiled_ahead(container: Running) -> None:
    assert container.python(UNCOMPILED) == ""


def test_handler_toolkit_and_model_server_can_be_imported(container: Running) -> None:
    assert container.python(IMPORTS).split() == ["input_fn", "model_fn", "output_fn", "predict_fn"]


def test_java_is_17_and_headless(image: str) -> None:
    told = run_once(image, "--entrypoint=java", command=["-version"])
    assert re.search(r'version "17\.', told.stderr), told.stderr


def test_bill_of_materials_names_what_is_inside(image: str) -> None:
    told = run_once(image, "--entrypoint=python", command=["-m", "quire.process.bill_of_materials"])
    named = {component["name"] for component in json.loads(told.stdout)["components"]}
    assert {"torch", "transformers", "multi-model-server", "openjdk-17-jre-headless", "libc6"} <= named
    assert "pp-ocrv6-small/detection/model.safetensors" in named


def test_preflight_tells_of_the_machine(container: Running) -> None:
    lines = (json.loads(line) for line in container.log().splitlines() if '"preflight"' in line)
    (line,) = lines
    assert line["machine"]["torch"]["cuda"] is None
    assert line["machine"]["memory_bytes"] > line["machine"]["free_memory_bytes"] > 0


def layer_bytes(image: str) -> list[int]:
    """Of every layer but the nearly empty, the last made first."""
    told = engine("history", "--format", "{{.Size}}", image)
    assert told.returncode == 0, told.stderr
    found = (re.fullmatch(r"([\d.]+) ?(B|kB|MB|GB)", line) for line in told.stdout.splitlines())
    sizes = [round(float(size[1]) * UNITS[size[2]]) for size in found if size]
    return [size for size in sizes if size > MEGABYTE // 10]


def test_layers_are_as_small_as_they_were_made(image: str) -> None:
    """For the CPU, where the layer of CUDA's libraries is empty."""
    program, model, rest, torch, java = layer_bytes(image)[:5]
    assert program < 5 * MEGABYTE
    assert 20 * MEGABYTE < model < 50 * MEGABYTE
    assert rest < 800 * MEGABYTE
    assert 100 * MEGABYTE < torch < 800 * MEGABYTE
    assert 100 * MEGABYTE < java < 300 * MEGABYTE
