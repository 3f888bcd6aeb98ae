"""`quire pack` as it is called, on a laptop that has nothing but the command's own requirements."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from quire_endpoint.instances import G5
from tests.fakes.packable_folders import handler, hub_cache, hugging_face, pickled, write
from tests.fakes.tiny_token_models import tiny_lilt

_ABSENT = ("torch", "transformers", "safetensors", "numpy", "msgspec", "flask", "quire")

LAPTOP = (
    f"import sys; sys.modules.update(dict.fromkeys({_ABSENT}))\n"
    "from quire_endpoint.command import main\nmain()"
)
"""What is None in sys.modules cannot be imported."""


def quire_pack(
    repository: Path, folder: Path, *arguments: str | Path, home: str = "/nowhere"
) -> subprocess.CompletedProcess[str]:
    """`home` is where the container's programs are looked for."""
    environ = {"PYTHONPATH": str(repository), "QUIRE_HOME": home, "NO_COLOR": "1", "COLUMNS": "120"}
    return subprocess.run(
        [sys.executable, "-c", LAPTOP, "pack", folder, *arguments],
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_the_hubs_cache_is_packed_and_told_of(repository: Path, tmp_path: Path) -> None:
    out = tmp_path / "out" / "model.tar.gz"
    done = quire_pack(repository, hub_cache(tmp_path), "--out", out)
    assert done.returncode == 0, done.stderr
    assert done.stderr == "", "a bar is for terminals"
    with tarfile.open(out) as tar:
        assert tar.getnames() == ["config.json", "model.safetensors", "tokenizer.json"]
    first, *_ = done.stdout.splitlines()
    assert "Hugging Face model (LiltForTokenClassification)" in first
    assert "6.0 million parameters" in first
    assert "not checked here" in done.stdout, "the container's programs are not there"
    assert "estimate, not a measurement" in done.stdout
    for instance in G5:
        row = re.search(
            rf"^{re.escape(instance.name)} +([\d.]+) +(\d+) +(\d+) +([\d.]+) +(\d+)$", done.stdout, re.M
        )
        assert row, instance.name
        assert (int(row[2]), int(row[3])) == (instance.host_gib, instance.gpus)


def test_of_a_model_that_writes_the_slots_that_fit_are_told(repository: Path, tmp_path: Path) -> None:
    folder = hugging_face(tmp_path / "model")
    part = {"d_model": 1024, "decoder_layers": 64, "decoder_attention_heads": 16}
    config = {"architectures": ["VisionEncoderDecoderModel"], "model_type": "vision-encoder-decoder"}
    write(folder / "config.json", json.dumps({**config, "decoder": part}))
    done = quire_pack(repository, folder, "--out", tmp_path / "model.tar.gz")
    assert done.returncode == 0, done.stderr
    assert re.search(r"GPU GiB needed +slots +concurrency$", done.stdout, re.M), done.stdout
    # Half a GiB a slot, of which two more are kept; 3 GiB and 0.09 for the rest.
    assert re.search(r"^ml\.g5\.xlarge .* 4\.6 +31 +16$", done.stdout, re.M), done.stdout


def test_the_archive_goes_to_the_working_directory(repository: Path, tmp_path: Path) -> None:
    folder = handler(tmp_path / "model")
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-m", "quire_endpoint.command", "pack", "."],
            env={**os.environ, "PYTHONPATH": str(repository)},
            cwd=folder,
            capture_output=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
    with tarfile.open(folder / "model.tar.gz") as tar:
        assert "model.tar.gz" not in tar.getnames(), "a second run does not pack the first one's archive"


def test_a_refusal_is_one_line_and_1_and_leaves_nothing(repository: Path, tmp_path: Path) -> None:
    folder = handler(tmp_path / "model")
    pickled(folder / "labels.pkl")
    done = quire_pack(repository, folder, "--out", tmp_path / "model.tar.gz")
    assert done.returncode == 1
    assert done.stderr.startswith("quire: labels.pkl: pickles run code")
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "model.tar.gz").exists()


def test_an_allowed_pickle_comes_with_a_warning(repository: Path, tmp_path: Path) -> None:
    folder = handler(tmp_path / "model")
    pickled(folder / "labels.pkl")
    done = quire_pack(repository, folder, "--out", tmp_path / "model.tar.gz", "--allow-pickle")
    assert done.returncode == 0, done.stderr
    assert "WARNING: labels.pkl" in done.stdout


@pytest.mark.parametrize("prefix", ["models/a", "s3://my-bucket"])
def test_a_prefix_that_is_none_is_refused(repository: Path, tmp_path: Path, prefix: str) -> None:
    done = quire_pack(repository, hugging_face(tmp_path / "model"), "--s3-prefix", prefix)
    assert done.returncode == 1
    assert "s3://bucket/prefix/" in done.stderr


def test_beside_the_containers_programs_its_own_word_counts(repository: Path, tmp_path: Path) -> None:
    folder = hugging_face(tmp_path / "model", "T5ForSomethingElse")
    done = quire_pack(repository, folder, "--out", tmp_path / "model.tar.gz", home=str(repository))
    assert done.returncode == 1
    assert done.stderr.startswith(f"quire: {folder / 'config.json'}")
    assert "T5ForSomethingElse" in done.stderr
    assert not (tmp_path / "model.tar.gz").exists()


def test_a_folder_that_the_container_serves_is_packed(repository: Path, tmp_path: Path) -> None:
    folder = tiny_lilt(tmp_path / "model")
    done = quire_pack(repository, folder, "--out", tmp_path / "model.tar.gz", home=str(repository))
    assert done.returncode == 0, done.stderr
    assert "not checked" not in done.stdout


def test_programs_that_break_refuse_nothing(repository: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    write(home / "code" / "quire" / "process" / "read.py")
    write(home / "code" / "quire" / "models" / "check_folder.py", "import no_such_thing")
    out = tmp_path / "model.tar.gz"
    done = quire_pack(repository, hugging_face(tmp_path / "model"), "--out", out, home=str(home))
    assert done.returncode == 0, done.stderr
    assert "not checked here" in done.stdout
