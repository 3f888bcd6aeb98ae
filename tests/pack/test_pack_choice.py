"""What is recognised, what is left out, what is refused."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from quire_endpoint.folder_kind import Kind
from quire_endpoint.pack_choice import Packing, choose_files
from quire_endpoint.pack_files import CannotPack
from tests.fakes.packable_folders import (
    ARCHITECTURE,
    handler,
    hugging_face,
    pickled,
    sharded,
    weights,
    write,
)


def names(packing: Packing) -> list[str]:
    return [file.name for file in packing.files]


def zipped(member: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr(member, b"x")
    return content.getvalue()


def test_a_hugging_face_folder(tmp_path: Path) -> None:
    packing = choose_files(hugging_face(tmp_path))
    assert packing.kind.kinds == (Kind.HUGGING_FACE,)
    assert ARCHITECTURE in packing.kind.described
    assert packing.weights.num_floats == 6_000_000
    assert names(packing) == ["config.json", "model.safetensors", "tokenizer.json"]


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("def model_fn(model_dir): ...", Kind.HANDLER_WITH_MODEL),
        ("async def other(): ...\ndef output_fn(prediction, accept): ...", Kind.HANDLER),
        ("from mine import transform_fn", Kind.HANDLER),
        ("try:\n    predict_fn = print\nexcept ImportError:\n    pass", Kind.HANDLER),
        ("def page_model_fn(model_dir): ...", Kind.PAGE_MODEL),
    ],
)
def test_code_is_told_by_what_it_defines(tmp_path: Path, source: str, kind: Kind) -> None:
    assert choose_files(handler(tmp_path, source)).kind.kinds == (kind,)


def test_a_page_model_that_quire_json_names(tmp_path: Path) -> None:
    write(tmp_path / "quire.json", '{"task": "page-model", "class": "mine:Model"}')
    write(tmp_path / "code" / "mine.py", "class Model: ...")
    assert choose_files(tmp_path).kind.kinds == (Kind.PAGE_MODEL,)


def test_a_handler_beside_a_hugging_face_model_is_both(tmp_path: Path) -> None:
    packing = choose_files(handler(hugging_face(tmp_path), "def output_fn(reading, accept): ..."))
    assert packing.kind.kinds == (Kind.HANDLER, Kind.HUGGING_FACE)


def test_a_page_models_weights_may_lie_anywhere(tmp_path: Path) -> None:
    write(hugging_face(tmp_path) / "quire.json", '{"task": "page-model", "class": "mine:Model"}')
    write(tmp_path / "code" / "mine.py", "class Model: ...")
    (tmp_path / "model.safetensors").rename(tmp_path / "net.safetensors")
    assert "net.safetensors" in names(choose_files(tmp_path))


def test_the_readers_weights(tmp_path: Path) -> None:
    write(tmp_path / "manifest.json", "{}")
    weights(tmp_path / "detection" / "model.safetensors", 2, 2)
    write(tmp_path / "detection" / "config.json", "{}")
    assert choose_files(tmp_path).kind.kinds == (Kind.READER,)


def test_a_bare_handler_is_moved_to_code(tmp_path: Path) -> None:
    write(tmp_path / "inference.py", "def model_fn(model_dir): ...")
    write(tmp_path / "lib" / "mine.py")
    write(tmp_path / "requirements.txt", "einops")
    packing = choose_files(tmp_path)
    assert names(packing) == ["code/inference.py", "code/lib/mine.py", "code/requirements.txt"]
    assert any("needs a network" in note for note in packing.notes)


def test_a_bare_handler_beside_weights_is_not_guessed_at(tmp_path: Path) -> None:
    write(tmp_path / "inference.py", "def model_fn(model_dir): ...")
    weights(tmp_path / "net.safetensors", 2, 2)
    with pytest.raises(CannotPack, match=r"move it.*code"):
        choose_files(tmp_path)


@pytest.mark.parametrize("protocol", range(6))
def test_pickles_beside_no_safetensors_are_refused(tmp_path: Path, protocol: int) -> None:
    hugging_face(tmp_path)
    pickled(tmp_path / "extra" / "pytorch_model.bin", protocol)
    with pytest.raises(CannotPack, match=r"extra/pytorch_model\.bin.*save_pretrained"):
        choose_files(tmp_path, allow_pickle=True)


@pytest.mark.parametrize(
    "name", ["a.pt", "a.pth", "a.ckpt", "a.pkl", "a.PKL", "a.joblib", "a.pkl.gz", "a.pkl.bz2", "a.Pickle.XZ"]
)
def test_pickles_are_refused_by_name(tmp_path: Path, name: str) -> None:
    hugging_face(tmp_path)
    write(tmp_path / "extra" / name, b"anything")
    with pytest.raises(CannotPack, match="pickles"):
        choose_files(tmp_path)


def test_torchs_own_files_are_refused_by_content(tmp_path: Path) -> None:
    hugging_face(tmp_path)
    (tmp_path / "extra").mkdir()
    torch.save({"weight": torch.zeros(3)}, tmp_path / "extra" / "weights.data")
    with pytest.raises(CannotPack, match=r"weights\.data"):
        choose_files(tmp_path)


def test_torchs_oldest_files_are_refused_by_content(tmp_path: Path) -> None:
    hugging_face(tmp_path)
    (tmp_path / "extra").mkdir()
    torch.save(
        {"weight": torch.zeros(3)}, tmp_path / "extra" / "weights", _use_new_zipfile_serialization=False
    )
    with pytest.raises(CannotPack, match="extra/weights"):
        choose_files(tmp_path)


@pytest.mark.parametrize("name", ["save", "savez", "savez_compressed"])
def test_numpys_arrays_are_refused_where_they_hold_objects(tmp_path: Path, name: str) -> None:
    hugging_face(tmp_path)
    (tmp_path / "extra").mkdir()
    path = tmp_path / "extra" / f"labels.{'npy' if name == 'save' else 'npz'}"
    getattr(np, name)(path, np.array([[1.5, 2.0]]))
    assert f"extra/{path.name}" in names(choose_files(tmp_path))
    getattr(np, name)(path, np.array([{"a": 1}], dtype=object))
    with pytest.raises(CannotPack, match=rf"extra/{path.name}"):
        choose_files(tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        b"K\x01K\x02K\x03K\x04" + bytes(9),
        b"cone line\nanother, of words\n",
        b"",
        b"I am text",
        bytes(1000),
        b"\xba\x16\x4f\x2f" * 50,
        b"\x80\x02",
        zipped("word/document.xml"),
    ],
)
def test_other_binary_files_are_no_pickles(tmp_path: Path, content: bytes) -> None:
    hugging_face(tmp_path)
    write(tmp_path / "extra" / "vocabulary.bin", content)
    assert "extra/vocabulary.bin" in names(choose_files(tmp_path))


def test_pickles_beside_safetensors_and_other_frameworks_are_left_out(tmp_path: Path) -> None:
    hugging_face(tmp_path)
    pickled(tmp_path / "pytorch_model.bin")
    pickled(tmp_path / "training_args.bin")
    write(tmp_path / "tf_model.h5", b"x")
    write(tmp_path / "onnx" / "model.onnx", b"x")
    packing = choose_files(tmp_path)
    assert names(packing) == ["config.json", "model.safetensors", "tokenizer.json"]
    assert any("pytorch_model.bin" in note and "left out" in note for note in packing.notes)


def test_a_handlers_pickles_need_a_word_and_come_with_a_warning(tmp_path: Path) -> None:
    pickled(handler(tmp_path) / "labels.pkl")
    with pytest.raises(CannotPack, match="--allow-pickle"):
        choose_files(tmp_path)
    packing = choose_files(tmp_path, allow_pickle=True)
    assert "labels.pkl" in names(packing)
    assert any(note.startswith("WARNING: labels.pkl") for note in packing.notes)


def test_a_handler_keeps_all_but_what_transformers_wrote_twice(tmp_path: Path) -> None:
    handler(hugging_face(tmp_path))
    pickled(tmp_path / "pytorch_model.bin")
    pickled(tmp_path / "labels.pkl")
    write(tmp_path / "model.onnx", b"x")
    packed = names(choose_files(tmp_path, allow_pickle=True))
    assert "labels.pkl" in packed
    assert "model.onnx" in packed
    assert "pytorch_model.bin" not in packed


def test_a_hugging_face_folder_without_weights_is_refused(tmp_path: Path) -> None:
    (hugging_face(tmp_path) / "model.safetensors").unlink()
    with pytest.raises(CannotPack, match="no safetensors"):
        choose_files(tmp_path)


def test_a_missing_shard_is_named(tmp_path: Path) -> None:
    sharded(tmp_path)
    (tmp_path / "model-2.safetensors").unlink()
    with pytest.raises(CannotPack, match=r"index\.json names model-2\.safetensors"):
        choose_files(tmp_path)


@pytest.mark.parametrize("content", ["no json", "{}", '{"weight_map": []}'])
def test_a_broken_index_is_named(tmp_path: Path, content: str) -> None:
    write(sharded(tmp_path) / "model.safetensors.index.json", content)
    with pytest.raises(CannotPack, match=r"model\.safetensors\.index\.json"):
        choose_files(tmp_path)


def test_checkpoints_of_a_training_are_left_out_and_not_weighed(tmp_path: Path) -> None:
    hugging_face(tmp_path)
    for step in (500, 1000, 1500):
        hugging_face(tmp_path / f"checkpoint-{step}")
        pickled(tmp_path / f"checkpoint-{step}" / "optimizer.pt")
    packing = choose_files(tmp_path)
    kept = [name for name in names(packing) if name.endswith(("safetensors", ".pt"))]
    assert kept == ["model.safetensors"]
    assert packing.weights.num_floats == 6_000_000
    assert any("left out" in note and "checkpoint-500/model.safetensors" in note for note in packing.notes)


def test_of_shards_those_that_the_index_names_are_kept(tmp_path: Path) -> None:
    sharded(tmp_path)
    weights(tmp_path / "model.fp16.safetensors", 5, 5)
    sharded(tmp_path / "checkpoint-500")
    packing = choose_files(tmp_path)
    kept = [name for name in names(packing) if name.endswith(".safetensors")]
    assert kept == ["model-1.safetensors", "model-2.safetensors"]
    assert packing.weights.num_floats == 200


def test_shards_beside_the_whole_are_left_out(tmp_path: Path) -> None:
    hugging_face(sharded(tmp_path))
    kept = [name for name in names(choose_files(tmp_path)) if name.endswith(".safetensors")]
    assert kept == ["model.safetensors"]


def test_weights_where_the_container_reads_none_are_refused(tmp_path: Path) -> None:
    (hugging_face(tmp_path) / "model.safetensors").rename(tmp_path / "net.safetensors")
    with pytest.raises(CannotPack, match=r"net\.safetensors and no model\.safetensors"):
        choose_files(tmp_path)


@pytest.mark.parametrize("function", ["model_fn", "output_fn", "page_model_fn"])
def test_code_may_load_any_weights(tmp_path: Path, function: str) -> None:
    handler(hugging_face(tmp_path), f"def {function}(*arguments): ...")
    weights(tmp_path / "second" / "net.safetensors", 2, 2)
    packing = choose_files(tmp_path)
    assert "second/net.safetensors" in names(packing)
    assert packing.weights.num_floats == 6_000_004


def test_weights_that_are_cut_short_are_refused(tmp_path: Path) -> None:
    whole = (hugging_face(tmp_path) / "model.safetensors").read_bytes()
    write(tmp_path / "model.safetensors", whole[:-1])
    with pytest.raises(CannotPack, match="cut short"):
        choose_files(tmp_path)


@pytest.mark.parametrize(
    "content", [b"", b"12345678", b"\x02" + bytes(7) + b"[]", b"\x03" + bytes(7) + b"{1}"]
)
def test_weights_that_are_none_are_refused(tmp_path: Path, content: bytes) -> None:
    write(hugging_face(tmp_path) / "model.safetensors", content)
    with pytest.raises(CannotPack, match="no safetensors file"):
        choose_files(tmp_path)


@pytest.mark.parametrize("content", ["no json", "[]"])
def test_a_broken_config_is_named(tmp_path: Path, content: str) -> None:
    write(hugging_face(tmp_path) / "config.json", content)
    with pytest.raises(CannotPack, match=r"config\.json"):
        choose_files(tmp_path)


def test_a_handler_that_is_no_python_is_named(tmp_path: Path) -> None:
    with pytest.raises(CannotPack, match=r"inference\.py is no Python"):
        choose_files(handler(tmp_path, "def model_fn(:"))


def test_a_folder_around_a_model_folder_says_which_to_pack(tmp_path: Path) -> None:
    hugging_face(tmp_path / "inner")
    with pytest.raises(CannotPack, match=r"inner looks like one"):
        choose_files(tmp_path)


@pytest.mark.parametrize("content", [{}, {"notes.txt": "x"}, {"code/util.py": "x = 1"}])
def test_a_folder_of_no_known_kind_is_refused(tmp_path: Path, content: dict[str, str]) -> None:
    for name, text in content.items():
        write(tmp_path / name, text)
    with pytest.raises(CannotPack, match=r"config\.json \(Hugging Face\)"):
        choose_files(tmp_path)


def test_a_page_model_without_code_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "quire.json", '{"task": "page-model", "class": "mine:Model"}')
    with pytest.raises(CannotPack, match="there is no code/"):
        choose_files(tmp_path)


def test_numbers_of_other_formats_are_counted_as_they_are_stored(tmp_path: Path) -> None:
    weights(hugging_face(tmp_path) / "model.safetensors", 10, 10, dtype=np.int8)
    found = choose_files(tmp_path).weights
    assert (found.num_floats, found.other_bytes) == (0, 100)


@pytest.mark.parametrize(
    ("part", "bytes_a_page"),
    [
        (
            {"decoder": {"d_model": 64, "decoder_layers": 2, "decoder_attention_heads": 4}},
            2 * 2 * 2 * 64 * 2048,
        ),
        (
            {
                "text_config": {
                    "hidden_size": 64,
                    "num_hidden_layers": 2,
                    "num_attention_heads": 4,
                    "num_key_value_heads": 1,
                }
            },
            2 * 2 * 2 * 16 * 2048,
        ),
        ({}, 0),
    ],
)
def test_a_model_that_generates_has_a_cache(
    tmp_path: Path, part: dict[str, object], bytes_a_page: int
) -> None:
    hugging_face(tmp_path)
    write(tmp_path / "config.json", json.dumps({"architectures": ["VisionEncoderDecoderModel"], **part}))
    assert choose_files(tmp_path).kind.cache_bytes == bytes_a_page


@pytest.mark.parametrize(("options", "slots"), [({"slots": 4}, 4), ({}, None), ({"slots": "x"}, None)])
def test_quire_json_may_ask_for_slots(tmp_path: Path, options: dict[str, object], slots: int | None) -> None:
    hugging_face(tmp_path)
    write(tmp_path / "quire.json", json.dumps({"options": options}))
    assert choose_files(tmp_path).kind.slots == slots
