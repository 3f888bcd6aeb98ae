"""Packages of `quire compile` serve what eager networks would; a miss or a broken package serves eagerly."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from bench.in_process import read_pages
from quire.engine.port import Canvas, Pixels
from quire.models.compile_model import CannotCompile, find_compiler, main
from quire.models.compiled import (
    CompiledForward,
    CompiledManifest,
    Package,
    PackageKey,
    key_of,
    load_packages,
    packages_of,
)
from quire.models.model_folder import read_manifest
from quire.models.ppocr.lanes import CUDA_BATCH
from quire.models.ppocr.networks import Networks
from quire.models.ppocr.reader import PPOCRReader
from quire.models.ppocr.speed_ups import on_graphs, with_packages
from quire.models.precision import Precision
from quire.words.reading import ModelInfo

CPU = torch.device("cpu")
LINE, PAGE = Canvas(48, 64), Canvas(224, 224)


def seen(folder: Path) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in folder.rglob("*")}


@pytest.fixture(scope="module")
def compiled(default_model: Path, repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both networks on one small canvas each, in fp32, by the command itself: most of a minute."""
    try:
        find_compiler()
    except CannotCompile as error:
        pytest.skip(str(error))
    out = tmp_path_factory.mktemp("compiled")
    environ = {
        **os.environ,
        "PYTHONPATH": str(repository / "code"),
        "QUIRE_DEVICE": "cpu",
        "QUIRE_PRECISION": "fp32",
        "TORCHINDUCTOR_CACHE_DIR": str(out / "cache"),
        "AOT_INDUCTOR_COMPILE_WRAPPER_OPT_LEVEL": "O0",
    }
    canvases = ("--canvas", "48x64", "--canvas", "224x224")
    command = (sys.executable, "-m", "quire.models.compile_model", "--out", str(out), *canvases)
    before = seen(default_model)
    subprocess.run(command, env=environ, check=True)
    assert seen(default_model) == before
    return out


def the_key(default_model: Path) -> PackageKey:
    return key_of(CPU, Precision.FP32, read_manifest(default_model).digest)


def out_of_bounds(images: Tensor) -> tuple[Tensor, ...]:
    raise AssertionError(f"{list(images.shape)} is not compiled")


def random_images(num_items: int, canvas: Canvas) -> Tensor:
    shape = (num_items, canvas.height, canvas.width, 3)
    pixels = np.random.default_rng(num_items).integers(0, 256, shape, np.uint8)
    return torch.from_numpy(pixels).permute(0, 3, 1, 2)


def drawn_lines(num_items: int) -> Tensor:
    lines = np.full((num_items, LINE.height, LINE.width, 3), 255, np.uint8)
    for number, pixels in enumerate(lines):
        image = Image.fromarray(pixels)
        ImageDraw.Draw(image).text((6, 6), f"A{number}", "black", ImageFont.load_default(30))
        pixels[:] = np.asarray(image)
    return torch.from_numpy(lines).permute(0, 3, 1, 2)


def test_packages_answer_as_the_networks_do(compiled: Path, default_model: Path, networks: Networks) -> None:
    packages = load_packages(compiled, the_key(default_model), CPU)
    recognition = CompiledForward(out_of_bounds, packages["recognition"])
    detection = CompiledForward(out_of_bounds, packages["detection"])
    for num_items in (1, 2, 5):
        lines, pages = drawn_lines(num_items), random_images(num_items, PAGE)
        expected = networks.recognize(lines)
        assert (expected.classes != 0).any(1).all()
        classes, confidences, space_odds = recognition(lines)
        assert torch.equal(classes, expected.classes)
        assert torch.allclose(confidences, expected.confidences, atol=1e-4)
        assert torch.allclose(space_odds, expected.space_odds, atol=1e-4)
        assert torch.allclose(detection(pages)[0], networks.detect(pages), atol=1e-4)
    assert torch.equal(recognition(drawn_lines(2).contiguous())[0], recognition(drawn_lines(2))[0])


def small_picture() -> Pixels:
    image = Image.new("RGB", (100, 100), "white")
    ImageDraw.Draw(image).text((20, 30), "Ok7", "black", ImageFont.load_default(24))
    return np.asarray(image)


READ = """
import sys
import numpy as np
from pathlib import Path
from bench.in_process import read_pages
from quire.models.ppocr.reader import load_reader
from quire.words.json_lines import configure_logging
from quire.words.settings import Settings
import os

configure_logging("test", "info", sys.stderr)
reader = load_reader(Path(sys.argv[1]), Settings.from_environ(os.environ))
print(read_pages(reader, [np.load(sys.argv[2])])[0].text)
"""


def test_the_reader_serves_packages_without_a_compiler(
    compiled: Path, default_model: Path, repository: Path, networks: Networks, tmp_path: Path
) -> None:
    picture = small_picture()
    np.save(tmp_path / "picture.npy", picture)
    environ = {
        "PYTHONPATH": f"{repository / 'code'}:{repository}",
        "PATH": "",
        "QUIRE_DEVICE": "cpu",
        "QUIRE_PRECISION": "fp32",
        "QUIRE_COMPILED_DIR": str(compiled),
    }
    command = (sys.executable, "-c", READ, str(default_model), str(tmp_path / "picture.npy"))
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
    eager = PPOCRReader(networks, ModelInfo(name="eager", revision="0"))
    assert done.stdout.strip() == read_pages(eager, [picture])[0].text == "Ok7"
    assert '"event":"compiled packages loaded","loaded":2,"failed":0' in done.stderr
    assert "left out" not in done.stderr


def test_a_compiled_canvas_needs_no_graph(networks: Networks) -> None:
    graphs = on_graphs(networks, CUDA_BATCH, {"recognition": {LINE: out_of_bounds}})
    assert LINE not in {rung.canvas for rung in graphs.recognition.rungs}
    assert len(graphs.detection.rungs) == len(on_graphs(networks, CUDA_BATCH, {}).detection.rungs)


def manifest_at(directory: Path, key: PackageKey) -> Path:
    package = Package(network="recognition", canvas_height=48, canvas_width=64, file="line.pt2")
    place = directory / key.folder_name
    place.mkdir()
    (place / "manifest.json").write_bytes(msgspec.json.encode(CompiledManifest(key=key, packages=(package,))))
    return place


KEY = PackageKey(processor="cpu-0", torch="2.13.0", precision="fp32", model_digest="a" * 64)


@pytest.mark.parametrize(
    "change",
    [{"processor": "cuda-sm86"}, {"torch": "2.10.0"}, {"precision": "bf16"}, {"model_digest": "b" * 64}],
    ids=lambda change: next(iter(change)),
)
def test_another_machine_torch_precision_or_model_is_a_miss(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, change: dict[str, str]
) -> None:
    manifest_at(tmp_path, KEY)
    assert len(packages_of(tmp_path, KEY)) == 1
    assert load_packages(tmp_path, msgspec.structs.replace(KEY, **change), CPU) == {}
    assert [line.message for line in caplog.records] == ["no compiled packages for this model and machine"]


def test_a_digest_that_only_begins_alike_is_a_miss(tmp_path: Path) -> None:
    manifest_at(tmp_path, KEY)
    assert packages_of(tmp_path, msgspec.structs.replace(KEY, model_digest="a" * 63 + "b")) == ()


@pytest.mark.parametrize("content", [None, b"no package at all"], ids=["missing", "broken"])
def test_a_package_that_cannot_be_loaded_is_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, content: bytes | None
) -> None:
    place = manifest_at(tmp_path, KEY)
    if content is not None:
        (place / "line.pt2").write_bytes(content)
    assert load_packages(tmp_path, KEY, CPU) == {}
    ours = [line for line in caplog.records if line.name == "quire.device"]
    assert [(line.message, line.levelname) for line in ours] == [("compiled packages loaded", "WARNING")]


def test_a_package_that_fails_costs_no_batch_and_is_not_tried_again(
    networks: Networks, caplog: pytest.LogCaptureFixture
) -> None:
    calls = []

    def broken(images: Tensor) -> tuple[Tensor, ...]:
        calls.append(len(images))
        raise RuntimeError("run_func_ API call failed\nat some line")

    served = with_packages(networks, {"recognition": {LINE: broken}})
    for _ in range(2):
        found = served.recognize(random_images(1, LINE))
        assert torch.equal(found.classes, networks.recognize(random_images(1, LINE)).classes)
    assert calls == [1]
    assert [line.message for line in caplog.records] == ["a compiled package failed and is left out"]


def test_without_a_compiler_a_sentence_says_what_to_install(
    tmp_path: Path, default_model: Path, repository: Path
) -> None:
    command = (sys.executable, "-m", "quire.models.compile_model", "--out", str(tmp_path / "out"))
    environ = {"PYTHONPATH": str(repository / "code"), "PATH": "", "QUIRE_DEVICE": "cpu"}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1 and "install g++" in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("canvas", ["48x65", "48", "x64", "49x64"])
def test_a_canvas_that_the_model_has_not_is_refused(canvas: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--out", "nowhere", "--canvas", canvas])
    assert "is no canvas of the model" in capsys.readouterr().err
