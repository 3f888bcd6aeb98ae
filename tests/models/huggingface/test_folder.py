"""Which folders are recognised, and what is said of those that are not served."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from quire.models.huggingface.families import Family
from quire.models.huggingface.folder import HuggingFaceChoice, recognise, refuse_untrusted_code
from quire.models.huggingface.folder_files import revision_of, weight_files
from quire.models.model_folder import ModelFolderError
from quire.words.settings import Settings

Make = Callable[..., Path]

DONUT = {"architectures": ["VisionEncoderDecoderModel"], "model_type": "vision-encoder-decoder"}
LILT = {"architectures": ["LiltForTokenClassification"], "model_type": "lilt"}


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """A folder with a config.json, weights and a tokenizer, which need hold nothing; a file that is given
    as None is left out."""

    def made(config: Any = LILT, **files: Any) -> Path:
        named = {name.replace("__", "."): content for name, content in files.items()}
        content = {"config.json": config, "model.safetensors": "", "tokenizer.json": {}, **named}
        for name, value in content.items():
            if value is not None:
                text = value if isinstance(value, str) else json.dumps(value)
                (tmp_path / name).write_text(text)
        return tmp_path

    return made


def test_a_folder_is_recognised_by_its_architecture(make: Make) -> None:
    folder = make()
    assert recognise(folder) == HuggingFaceChoice(
        folder=str(folder),
        family=Family.WORDS_AND_BOXES,
        architecture="LiltForTokenClassification",
        name="lilt",
        asks_for_code=False,
        options={},
    )


def test_quire_json_gives_options(make: Make) -> None:
    asked = {"task": "token-classification", "options": {"stride": 64, "boxes": "line", "name": "mine"}}
    choice = recognise(make(quire__json=asked))
    assert choice is not None
    assert choice.options == {"stride": 64, "boxes": "line"}
    assert choice.name == "mine"


def test_a_config_without_architectures_is_served_where_the_task_is_named(make: Make) -> None:
    choice = recognise(make({"model_type": "layoutlmv3"}, quire__json={"task": "token-classification"}))
    assert choice is not None and choice.family is Family.WORDS_AND_BOXES


@pytest.mark.parametrize("task", [None, "image-to-text", "image-text-to-text"])
def test_a_decoding_model_is_recognised_under_both_names_of_its_task(make: Make, task: str | None) -> None:
    choice = recognise(make(DONUT, quire__json={"task": task, "options": {"max_tokens": 9}}))
    assert choice is not None
    assert (choice.family, choice.options) == (Family.DECODING, {"max_tokens": 9})


def bert(*architectures: str) -> dict[str, Any]:
    return {"architectures": list(architectures), "model_type": "bert"}


@pytest.mark.parametrize(
    ("config", "task", "family"),
    [
        (bert("BertForSequenceClassification"), None, Family.TEXT_CLASSES),
        (bert("BertForSequenceClassification"), "sentiment-analysis", Family.TEXT_CLASSES),
        (bert("BertForTokenClassification"), None, Family.TEXT_ENTITIES),
        (bert("BertForTokenClassification"), "ner", Family.TEXT_ENTITIES),
        (bert("BertModel"), None, Family.TEXT_EMBEDDING),
        (bert("BertForMaskedLM"), "feature-extraction", Family.TEXT_EMBEDDING),
        (bert("BertForTokenClassification"), "feature-extraction", Family.TEXT_EMBEDDING),
        ({"model_type": "roberta"}, "text-classification", Family.TEXT_CLASSES),
    ],
)
def test_models_of_texts_are_recognised_by_their_heads(
    make: Make, config: Any, task: str | None, family: Family
) -> None:
    choice = recognise(make(config, quire__json={"task": task, "options": {"stride": 9}}))
    assert choice is not None and choice.family is family
    assert not choice.family.sees_pages


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (bert("BertForMaskedLM"), "BertForMaskedLM, which is not served"),
        ({"architectures": ["LayoutLMv2ForTokenClassification"], "model_type": "layoutlmv2"}, "not served"),
        ({"architectures": ["LiltForSequenceClassification"], "model_type": "lilt"}, "not served"),
    ],
)
def test_models_of_other_kinds_are_not_taken_for_models_of_texts(make: Make, config: Any, said: str) -> None:
    with pytest.raises(ModelFolderError, match=said):
        recognise(make(config))


@pytest.mark.parametrize("config", [None, {}, {"something": "else"}])
def test_other_folders_are_left_to_others(make: Make, config: Any) -> None:
    assert recognise(make(config)) is None


def test_a_model_is_named_by_its_kind_where_quire_json_gives_no_name(make: Make) -> None:
    """What config.json may call `_name_or_path` is the model from which this one was trained."""
    choice = recognise(make({**LILT, "_name_or_path": "/home/ada/lilt-base"}))
    assert choice is not None and choice.name == "lilt"


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (
            {"config": {"architectures": ["BertForMaskedLM"]}},
            "BertForMaskedLM, which is not served; served are LayoutLMv3",
        ),
        ({"config": {"model_type": "lilt"}}, "is of lilt, which is not served"),
        ({"config": "no json"}, r"config\.json cannot be read"),
        ({"config": {"architectures": 3}}, r"config\.json cannot be read"),
        ({"quire__json": {"task": "sorting"}}, r"quire\.json asks for the task 'sorting'"),
        (
            {"quire__json": {"options": {"strides": 3}}},
            r"quire\.json, options: .*strides",
        ),
        ({"quire__json": {"options": {"name": 3}}}, r"quire\.json, options: .*name"),
        ({"quire__json": {"option": {}}}, r"quire\.json cannot be read.*option"),
        ({"config": DONUT, "quire__json": {"options": {"max_token": 3}}}, "max_token"),
        ({"config": DONUT, "quire__json": {"task": "token-classification"}}, "is for 'image-text-to-text'"),
        ({"model__safetensors": None}, r"model\.safetensors is missing"),
        (
            {"model__safetensors": None, "pytorch_model__bin": "x"},
            r"as pytorch_model\.bin, and only safetensors",
        ),
        ({"tokenizer__json": None}, "holds no tokenizer"),
        ({"tokenizer__json": None, "vocab__json": "{}"}, "holds no tokenizer"),
        (
            {
                "model__safetensors": None,
                "model__safetensors__index__json": {"weight_map": {"a": "model-1.safetensors"}},
            },
            r"model-1\.safetensors is named in .* and missing",
        ),
        (
            {
                "model__safetensors": None,
                "model-1__bin": "x",
                "model__safetensors__index__json": {"weight_map": {"a": "model-1.bin"}},
            },
            r"model-1\.bin is named in .*, and only safetensors are served",
        ),
        ({"config": {**LILT, "transformers_weights": "other.bin"}}, r"transformers_weights \(other\.bin\)"),
    ],
    ids=str,
)
def test_what_is_wrong_with_a_folder_is_said(make: Make, files: dict[str, Any], said: str) -> None:
    with pytest.raises(ModelFolderError, match=said):
        recognise(make(**files))


def test_a_pickle_beside_safetensors_is_passed_over(make: Make) -> None:
    assert recognise(make(pytorch_model__bin="x")) is not None


@pytest.mark.parametrize(
    "files",
    [
        {"config": {**LILT, "auto_map": {"AutoModel": "modeling.Mine"}}},
        {"tokenizer_config__json": {"auto_map": {"AutoTokenizer": ["tokens.Mine", None]}}},
        {"quire__json": {"options": {"trust_remote_code": True}}},
    ],
    ids=str,
)
def test_code_of_the_folders_own_is_run_only_where_the_settings_say_so(
    make: Make, files: dict[str, Any]
) -> None:
    choice = recognise(make(**files))
    assert choice is not None
    with pytest.raises(ModelFolderError, match="QUIRE_TRUST_REMOTE_CODE is off"):
        refuse_untrusted_code(choice, Settings.from_environ({}))
    refuse_untrusted_code(choice, Settings.from_environ({"QUIRE_TRUST_REMOTE_CODE": "on"}))


def test_a_folder_without_code_needs_no_trust(make: Make) -> None:
    choice = recognise(make(tokenizer_config__json={"auto_map": None}))
    assert choice is not None
    refuse_untrusted_code(choice, Settings.from_environ({}))


def test_the_revision_changes_with_the_weights_and_the_configuration(make: Make) -> None:
    def revision(**files: Any) -> str:
        folder = make(**files)
        return revision_of(folder, weight_files(folder))

    first = revision(model__safetensors="one")
    assert len(first) == 12 and first == revision(model__safetensors="one")
    others = [revision(model__safetensors="two"), revision(config={**LILT, "id2label": {"0": "O"}})]
    assert len({first, *others}) == 3


def test_recognising_imports_no_torch() -> None:
    program = "import sys; import quire.models.huggingface.folder; print('torch' in sys.modules)"
    path = str(Path(__file__).parents[3] / "code")
    done = subprocess.run(
        [sys.executable, "-c", program], env={"PYTHONPATH": path}, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"
