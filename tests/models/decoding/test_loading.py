"""A folder is loaded as it is, or refused with a sentence: nothing is made up, and nothing of it is run."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from quire.engine.device_place import RESERVED_SEATS
from quire.engine.port import Canvas, Pixels
from quire.models.decoding.lanes import ENCODE
from quire.models.decoding.loading import decoding_precision, load_decoder
from quire.models.decoding.network import PageInputs, Prefilled
from quire.models.decoding.proof import RowsDoNotWork, prove_rows
from quire.models.decoding.rows import LayerState, SequenceState
from quire.models.decoding.slots import slots_that_fit
from quire.models.decoding.step_cache import StepPlace
from quire.models.decoding.writer import Writer
from quire.models.device_side.cpu import CpuSide
from quire.models.device_side.side import DeviceMemory
from quire.models.model_folder import ModelFolderError
from quire.models.precision import Precision
from tests.fakes.tiny_decoders import SETTINGS


@pytest.fixture
def folder(tmp_path: Path, folders: dict[str, Path]) -> Path:
    """A Donut of one's own to spoil."""
    return Path(shutil.copytree(folders["donut"], tmp_path / "donut"))


def refused(folder: Path, **options: Any) -> str:
    with pytest.raises(ModelFolderError) as caught:
        load_decoder(folder, options, SETTINGS)
    sentence = str(caught.value)
    assert "\n" not in sentence
    return sentence


def edit(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_bytes()), **changes}))


def test_what_the_engine_is_told(folders: dict[str, Path]) -> None:
    loaded = load_decoder(folders["donut"], {"slots": 5, "name": "receipts"}, SETTINGS)
    assert (loaded.precision, loaded.pages_wanted) == ("fp32", 5)
    assert loaded.model.info.name == "receipts"
    assert len(loaded.model.info.revision) == 12
    assert load_decoder(folders["trocr"], {}, SETTINGS).model.info.name == "vision-encoder-decoder"


def test_pickles_are_refused(folder: Path) -> None:
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    assert "pytorch_model.bin" in refused(folder)


def test_weights_that_are_missing_are_not_made_up(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    del weights["decoder.model.decoder.layers.1.fc1.weight"]
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    assert "decoder.model.decoder.layers.1.fc1.weight" in refused(folder)


def test_code_of_the_folders_own_is_not_run(folder: Path) -> None:
    (folder / "modeling_own.py").write_text("raise SystemExit('it was run')")
    edit(
        folder / "config.json",
        model_type="own_kind",
        auto_map={"AutoConfig": "modeling_own.Own", "AutoModelForImageTextToText": "modeling_own.Own"},
        architectures=["OwnForConditionalGeneration"],
        vision_config={},
    )
    assert "cannot be loaded" in refused(folder)


def test_other_models_are_refused(folder: Path) -> None:
    edit(folder / "config.json", model_type="bert", architectures=["BertModel"])
    assert "not of a model that writes text" in refused(folder)


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["processor_config.json"], "its image processor cannot be loaded"),
        (["tokenizer.json", "tokenizer_config.json"], "its tokenizer cannot be loaded"),
    ],
)
def test_missing_parts_are_named(names: list[str], said: str, folder: Path) -> None:
    for name in names:
        (folder / name).unlink()
    assert said in refused(folder)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"max_token": 5}, "max_token"),
        ({"max_tokens": 0}, "max_tokens: 0 is less than 1"),
        ({"deadline_seconds": 0.0}, "deadline_seconds"),
        ({"prompt": ""}, "no tokens"),
        ({"answer": "xml"}, "answer"),
    ],
)
def test_options_are_checked(options: dict[str, Any], said: str, folder: Path) -> None:
    assert said in refused(folder, **options)


def test_sliding_windows_are_refused(tmp_path: Path, folders: dict[str, Path]) -> None:
    """Their layers forget: rows would remember, and answers would differ."""
    folder = Path(shutil.copytree(folders["got_ocr2"], tmp_path / "got"))
    config = json.loads((folder / "config.json").read_bytes())
    text = {
        **config["text_config"],
        "use_sliding_window": True,
        "sliding_window": 16,
        "layer_types": ["full_attention", "sliding_attention"],
    }
    edit(folder / "config.json", text_config=text)
    assert "rows cannot hold" in refused(folder)


@pytest.mark.parametrize(
    ("kind", "pages"),
    [
        ("donut", {(2000, 1400): Canvas(64, 48), (10, 10): Canvas(64, 48)}),
        ("trocr", {(48, 400): Canvas(32, 32)}),
        ("got_ocr2", {(900, 700): Canvas(128, 128)}),
        ("idefics3", {(640, 640): Canvas(5 * 32, 32), (640, 300): Canvas(3 * 32, 32)}),
    ],
)
def test_a_pages_canvas_is_what_the_processor_makes_of_it(
    kind: str, pages: dict[tuple[int, int], Canvas], folders: dict[str, Path]
) -> None:
    model = load_decoder(folders[kind], {}, SETTINGS).model
    for (height, width), canvas in pages.items():
        reading = model.read(np.zeros((height, width, 3), np.uint8))
        (item,) = next(reading)
        reading.close()
        assert (item.lane, item.canvas) == (ENCODE, canvas)


def test_precision_is_16_bits_on_cuda_alone() -> None:
    cpu = torch.device("cpu")
    assert decoding_precision("auto", cpu, {"dtype": "bfloat16"}) is Precision.FP32
    assert decoding_precision("bf16", cpu, {}) is Precision.BF16


class ForgetfulNetwork:
    """Its steps look at the newest token alone, as a cache of the wrong kind would have it."""

    max_positions = 100

    def prefill(self, inputs: Any) -> Prefilled:
        tokens = inputs["input_ids"]
        state = torch.zeros(len(tokens), 1, tokens.shape[1], 1)
        return Prefilled(self._logits(tokens.sum(dim=1)), SequenceState((LayerState(state, state),)))

    def step(self, tokens: torch.Tensor, place: StepPlace, state: SequenceState) -> torch.Tensor:
        return self._logits(tokens)

    def plain_logits(self, inputs: Any, tokens: torch.Tensor) -> torch.Tensor:
        sums = inputs["input_ids"].sum(dim=1, keepdim=True) + tokens.cumsum(dim=1) - tokens
        return torch.stack([self._logits(each) for each in sums.unbind(dim=1)], dim=1)

    def _logits(self, sums: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.one_hot((sums * 7 + 3) % 31, 31).float()


class UnwillingNetwork(ForgetfulNetwork):
    """It takes no step."""

    def step(self, tokens: torch.Tensor, place: StepPlace, state: SequenceState) -> torch.Tensor:
        raise TypeError("forward() got an unexpected keyword argument\nand more")


def three_tokens(pixels: Pixels, prompt: str | None = None) -> PageInputs:
    return {"input_ids": np.array([[1, 2, int(pixels[0, 0, 0])]])}


@pytest.mark.parametrize("network", [ForgetfulNetwork(), UnwillingNetwork()])
def test_a_network_whose_rows_do_not_work_is_refused(network: ForgetfulNetwork) -> None:
    writer = Writer(network, CpuSide())
    with pytest.raises(RowsDoNotWork, match=r"^[^\n]*cannot be (served|written in rows)[^\n]*$"):
        prove_rows(writer, three_tokens)


class SummingNetwork(ForgetfulNetwork):
    """It writes by the sum of all tokens before, which it keeps in its rows. With `mixes` pages that are
    read together all get what was read of the first."""

    def __init__(self, mixes: bool) -> None:
        self.mixes = mixes

    def prefill(self, inputs: Any) -> Prefilled:
        tokens = inputs["input_ids"]
        if self.mixes:
            tokens = tokens[:1].expand_as(tokens)
        state = tokens[:, None, :, None].float()
        return Prefilled(self._logits(tokens.sum(dim=1)), SequenceState((LayerState(state, state),)))

    def step(self, tokens: torch.Tensor, place: StepPlace, state: SequenceState) -> torch.Tensor:
        keys = state.own[0].keys
        keys[place.rows, 0, place.positions, 0] = tokens.float()
        here = torch.arange(keys.shape[2]) <= place.positions[:, None]
        return self._logits((keys[:, 0, :, 0] * here).sum(dim=1).long())


def test_pages_that_are_read_together_are_proved_too() -> None:
    assert prove_rows(Writer(SummingNetwork(mixes=False), CpuSide()), three_tokens) == 3
    with pytest.raises(RowsDoNotWork, match="not what it writes alone"):
        prove_rows(Writer(SummingNetwork(mixes=True), CpuSide()), three_tokens)


ROW_BYTES = 2 * 4 * 256
"""Of SummingNetwork: a key and a value of float32, with room for 256 tokens."""


@pytest.mark.parametrize(
    ("free_bytes", "slots"), [(100 * ROW_BYTES, 32), (16 * ROW_BYTES, 12 - RESERVED_SEATS), (0, 1)]
)
def test_there_are_no_more_slots_than_the_device_has_memory_for(free_bytes: int, slots: int) -> None:
    writer = Writer(SummingNetwork(mixes=False), CpuSide())
    prove_rows(writer, three_tokens)
    assert writer.rows.row_bytes(90) == ROW_BYTES
    assert slots_that_fit(32, ROW_BYTES, DeviceMemory(0, 0, free_bytes)) == slots
    assert slots_that_fit(32, ROW_BYTES, None) == 32
