"""Whole texts: classified, tagged and embedded in windows, alone and among others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModel, AutoModelForSequenceClassification, AutoTokenizer, pipeline

from bench.in_process import read_pages
from quire.engine.port import Lane
from quire.models.device_side.cpu import CpuSide
from quire.models.huggingface.text_loading import (
    TextSource,
    load_text_classifier,
    load_text_embedder,
    load_text_tagger,
)
from quire.models.huggingface.text_models import TextClassifier, TextEmbedder, TextTagger
from quire.models.model_folder import ModelFolderError
from tests.fakes.tiny_text_models import (
    KINDS,
    tiny_bert,
    tiny_bert_classifier,
    tiny_bert_tagger,
    tiny_roberta_classifier,
)

DATA = Path(__file__).parents[2] / "data"
INVOICE, LETTERS, REPORT = ((DATA / f"{name}.txt").read_text() for name in ("invoice", "letters", "report"))
SHORT = "Tidewater Fittings Ltd owes 148.50 to Harbour Libraries."
TEXTS = [SHORT, INVOICE, "", LETTERS, REPORT[:200], REPORT]

TextModel = TextClassifier | TextTagger | TextEmbedder


@dataclass(frozen=True)
class Texts:
    """A model of texts as `read_pages` takes a model of pages."""

    model: TextModel

    @property
    def lanes(self) -> Mapping[str, Lane]:
        return {"text": self.model.reading.lane}

    def read(self, text: Any) -> Any:
        return self.model.read(text)


def source(folder: Path) -> TextSource:
    return TextSource(folder, CpuSide())


def answers(model: TextModel, texts: Sequence[str]) -> list[Any]:
    adapted: Any = Texts(model)
    given: Any = texts
    found: list[Any] = list(read_pages(adapted, given))
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("text")


@pytest.fixture(scope="module")
def classifier(folder: Path) -> TextClassifier:
    return load_text_classifier(source(tiny_bert_classifier(folder / "classifier")))


@pytest.fixture(scope="module")
def tagger(folder: Path) -> TextTagger:
    return load_text_tagger(source(tiny_bert_tagger(folder / "tagger")))


@pytest.fixture(scope="module")
def embedder(folder: Path) -> TextEmbedder:
    return load_text_embedder(source(tiny_bert(folder / "embedder")))


def test_a_text_is_classified_the_same_alone_and_among_others(classifier: TextClassifier) -> None:
    together = answers(classifier, TEXTS)
    for text, among_others in zip(TEXTS, together, strict=True):
        (alone,) = answers(classifier, [text])
        assert [each.label for each in alone.scores] == [each.label for each in among_others.scores]
        assert [each.score for each in alone.scores] == pytest.approx(
            [each.score for each in among_others.scores], abs=1e-5
        )
        assert [each.span for each in alone.windows] == [each.span for each in among_others.windows]
    named = [("invoice", 1), ("letters", 3), ("report", 5)]
    assert [together[index].scores[0].label for _, index in named] == [name for name, _ in named]


def test_a_short_text_is_classified_as_by_transformers_own_pipeline(
    classifier: TextClassifier, folder: Path
) -> None:
    make: Any = pipeline
    classify = make("text-classification", str(folder / "classifier"), top_k=None, device="cpu")
    (expected,) = classify([SHORT])
    (found,) = answers(classifier, [SHORT])
    assert [each.label for each in found.scores] == [each["label"] for each in expected]
    assert [each.score for each in found.scores] == pytest.approx(
        [each["score"] for each in expected], abs=1e-5
    )


def test_windows_say_which_part_of_the_text_they_are_of(classifier: TextClassifier) -> None:
    (found,) = answers(classifier, [LETTERS])
    spans = [each.span for each in found.windows]
    assert len(spans) > 5
    assert spans[0].start == 0 and spans[-1].stop == len(LETTERS.rstrip())
    assert all(one.stop > other.start > one.start for one, other in pairwise(spans))
    for window in found.windows:
        assert [each.label for each in window.scores] == list(KINDS)
        assert sum(each.score for each in window.scores) == pytest.approx(1.0)


def test_an_empty_text_has_an_answer_of_no_part(classifier: TextClassifier) -> None:
    (found,) = answers(classifier, [""])
    assert [(window.span.start, window.span.stop) for window in found.windows] == [(0, 0)]


@pytest.mark.parametrize(
    ("problem", "total"), [("multi_label_classification", None), ("single_label_classification", 1.0)]
)
def test_scores_are_of_one_label_or_of_any(tmp_path: Path, problem: str, total: float | None) -> None:
    model = load_text_classifier(source(tiny_bert_classifier(tmp_path, problem_type=problem)))
    (found,) = answers(model, [SHORT])
    scores = [each.score for each in found.scores]
    assert scores == sorted(scores, reverse=True) and all(0 < score < 1 for score in scores)
    assert (sum(scores) == pytest.approx(1.0)) is (total is not None)


@pytest.mark.parametrize("problem", [None, "multi_label_classification", "regression"])
def test_one_label_alone_is_scored_as_by_transformers_own_pipeline(
    tmp_path: Path, folder: Path, classifier: TextClassifier, problem: str | None
) -> None:
    with_one_label(folder / "classifier", tmp_path, problem)
    make: Any = pipeline
    (expected,) = make("text-classification", str(tmp_path), top_k=None, device="cpu")([SHORT])
    (found,) = answers(load_text_classifier(source(tmp_path)), [SHORT])
    assert [(each.label, each.score) for each in found.scores] == [
        (each["label"], pytest.approx(each["score"], abs=1e-5)) for each in expected
    ]
    assert (found.scores[0].score > 1) is (problem == "regression")


def with_one_label(classifier: Path, folder: Path, problem: str | None) -> None:
    """Whose output is far above 1."""
    load_network: Any = AutoModelForSequenceClassification.from_pretrained
    network = load_network(classifier, num_labels=1, ignore_mismatched_sizes=True, problem_type=problem)
    torch.nn.init.constant_(network.classifier.bias, 3.0)
    network.save_pretrained(folder)
    AutoTokenizer.from_pretrained(classifier).save_pretrained(folder)


def test_positions_that_begin_behind_the_paddings_are_left_out(tmp_path: Path) -> None:
    folder = tiny_roberta_classifier(tmp_path)
    model = load_text_classifier(source(folder))
    assert model.reading.limits.most_tokens == 64 - 2 - 2
    (found,) = answers(model, [LETTERS])
    assert len(found.windows) > 5
    inputs = AutoTokenizer.from_pretrained(folder)(SHORT[:20], return_tensors="pt")
    network: Any = AutoModelForSequenceClassification.from_pretrained(folder)
    with torch.inference_mode():
        expected = network.eval()(**inputs).logits.softmax(-1)[0].max()
    assert answers(model, [SHORT[:20]])[0].scores[0].score == pytest.approx(float(expected), abs=1e-5)


def test_entities_are_the_same_alone_and_among_others(tagger: TextTagger) -> None:
    together = answers(tagger, TEXTS)
    for text, among_others in zip(TEXTS, together, strict=True):
        (alone,) = answers(tagger, [text])
        assert [(each.label, each.span) for each in alone] == [
            (each.label, each.span) for each in among_others
        ]
        assert all(text[each.span.start : each.span.stop] == each.text for each in alone)
    assert together[2] == ()
    assert max(each.span.start for each in together[3]) > 0.8 * len(LETTERS)


def test_entities_of_a_short_text_are_those_of_transformers_own_pipeline(
    tagger: TextTagger, folder: Path
) -> None:
    make: Any = pipeline
    tag = make("token-classification", str(folder / "tagger"), aggregation_strategy="first", device="cpu")
    expected = [(each["entity_group"], each["start"], each["end"]) for each in tag(SHORT)]
    (found,) = answers(tagger, [SHORT])
    assert [(each.label, each.span.start, each.span.stop) for each in found] == expected
    assert expected


def test_an_embedding_is_the_same_alone_and_among_others(embedder: TextEmbedder) -> None:
    together = answers(embedder, TEXTS)
    for text, among_others in zip(TEXTS, together, strict=True):
        (alone,) = answers(embedder, [text])
        np.testing.assert_allclose(alone, among_others, atol=1e-5)
        assert np.linalg.norm(alone) == pytest.approx(1.0)
    assert float(together[1] @ together[3]) < 0.999


def test_a_short_texts_embedding_is_the_mean_of_its_states(embedder: TextEmbedder, folder: Path) -> None:
    inputs = AutoTokenizer.from_pretrained(folder / "embedder")(SHORT, return_tensors="pt")
    with torch.inference_mode():
        states = AutoModel.from_pretrained(folder / "embedder").eval()(**inputs).last_hidden_state[0]
    expected = torch.nn.functional.normalize(states.mean(0), dim=0).numpy()
    np.testing.assert_allclose(answers(embedder, [SHORT])[0], expected, atol=1e-5)


def test_sentence_transformers_says_how_states_are_pooled(tmp_path: Path) -> None:
    folder = tiny_bert(tmp_path)
    (folder / "pool").mkdir()
    (folder / "modules.json").write_text(
        '[{"path": "", "type": "sentence_transformers.models.Transformer"},'
        ' {"path": "pool", "type": "sentence_transformers.models.Pooling"}]'
    )
    (folder / "pool" / "config.json").write_text('{"pooling_mode_cls_token": true}')
    (folder / "sentence_bert_config.json").write_text('{"max_seq_length": 40}')
    model = load_text_embedder(source(folder))
    assert (model.takes_mean, model.has_length_one, model.reading.limits.most_tokens) == (False, False, 38)
    inputs = AutoTokenizer.from_pretrained(folder)(SHORT, return_tensors="pt")
    with torch.inference_mode():
        expected = AutoModel.from_pretrained(folder).eval()(**inputs).last_hidden_state[0, 0].numpy()
    np.testing.assert_allclose(answers(model, [SHORT])[0], expected, atol=1e-5)


def test_an_encoder_saved_without_its_pooler_embeds_all_the_same(tmp_path: Path) -> None:
    """The pooler takes no part; weights that do must all be there."""
    folder = tiny_bert(tmp_path)
    kept = load_file(folder / "model.safetensors")
    without = {name: tensor for name, tensor in kept.items() if not name.startswith("pooler.")}
    assert len(without) < len(kept)
    save_file(without, folder / "model.safetensors", metadata={"format": "pt"})
    assert len(answers(load_text_embedder(source(folder)), [SHORT])[0]) == 48
    without.popitem()
    save_file(without, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelFolderError, match="lacks 1 of its network's tensors"):
        load_text_embedder(source(folder))


@pytest.mark.parametrize(
    ("pooling", "kind", "said"),
    [
        ('{"pooling_mode_max_tokens": true}', "Pooling", "other than the mean or the first token"),
        ("{}", "Dense", "only pooling and normalising are known"),
    ],
)
def test_other_ways_of_pooling_are_refused(tmp_path: Path, pooling: str, kind: str, said: str) -> None:
    (tmp_path / "modules.json").write_text(f'[{{"path": "", "type": "sentence_transformers.models.{kind}"}}]')
    (tmp_path / "config.json").write_text(pooling)
    with pytest.raises(ModelFolderError, match=said):
        load_text_embedder(source(tmp_path))
