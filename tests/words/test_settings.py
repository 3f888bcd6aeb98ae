"""Settings: read once, refused with a name, a value and bounds."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quire.words.errors import SettingsError
from quire.words.settings import KNOBS, Settings

NUMBERS = {field: knob for field, knob in KNOBS.items() if knob.least is not None}
WORDS = {field: knob for field, knob in KNOBS.items() if knob.choices}


def test_nothing_set_is_the_defaults() -> None:
    settings = Settings.from_environ({})
    for field, knob in KNOBS.items():
        assert getattr(settings, field) == knob.default
        assert settings.sources[field] == "default"
    assert settings.warnings == ()


def test_every_knob_is_a_field_of_its_defaults_type() -> None:
    for field, knob in KNOBS.items():
        assert Settings.__annotations__[field] == type(knob.default).__name__


def test_variable_is_read_and_named_as_the_source() -> None:
    settings = Settings.from_environ({"QUIRE_DPI": "150", "PATH": "/bin"})
    assert settings.dpi == 150
    assert settings.sources["dpi"] == "QUIRE_DPI"
    assert settings.sources["port"] == "default"


@pytest.mark.parametrize("field", NUMBERS)
def test_number_outside_its_bounds_is_refused(field: str) -> None:
    knob = NUMBERS[field]
    assert knob.least is not None
    assert knob.most is not None
    for value in (knob.least - 1, knob.most + 1):
        given_text = f"{value:.0f}"
        with pytest.raises(SettingsError) as caught:
            Settings.from_environ({knob.variable: given_text})
        for part in (knob.variable, given_text, knob.bounds):
            assert part in str(caught.value)


@pytest.mark.parametrize("field", NUMBERS)
@pytest.mark.parametrize("value", ["", "many", "nan", "1e", "0x10", "1,5"])
def test_what_is_no_number_is_refused(field: str, value: str) -> None:
    knob = NUMBERS[field]
    with pytest.raises(SettingsError, match=knob.variable):
        Settings.from_environ({knob.variable: value})


@pytest.mark.parametrize("field", NUMBERS)
def test_bounds_themselves_are_allowed(field: str) -> None:
    knob = NUMBERS[field]
    roomy = {"QUIRE_ARENA_BYTES": str(256 * 1024**3), "QUIRE_MAX_PAGE_PIXELS": "100000"}
    for bound in (knob.least, knob.most):
        environ = {**roomy, knob.variable: f"{bound:.15g}"}
        if field == "arena_bytes" and bound == knob.least:
            environ["QUIRE_MAX_PAGE_PIXELS"] = "100000"
        assert getattr(Settings.from_environ(environ), field) == bound


@pytest.mark.parametrize("field", WORDS)
def test_word_outside_its_choices_is_refused(field: str) -> None:
    knob = WORDS[field]
    with pytest.raises(SettingsError, match=f"{knob.variable}='magic' is none of {knob.choices[0]}"):
        Settings.from_environ({knob.variable: "magic"})


@pytest.mark.parametrize(
    ("field", "word"), [(field, word) for field in WORDS for word in WORDS[field].choices]
)
def test_every_choice_is_allowed(field: str, word: str) -> None:
    assert getattr(Settings.from_environ({WORDS[field].variable: word}), field) == word


def test_unknown_name_is_refused_with_the_likely_one() -> None:
    with pytest.raises(SettingsError, match=r"QUIRE_PRECISON is no setting.*QUIRE_PRECISION"):
        Settings.from_environ({"QUIRE_PRECISON": "fp32"})


def test_names_of_the_tests_and_the_laptop_are_let_pass() -> None:
    Settings.from_environ({"QUIRE_DOCUMENTS": "/x", "QUIRE_HOME": "/y"})


def test_arena_must_hold_four_pages() -> None:
    with pytest.raises(SettingsError, match="QUIRE_ARENA_BYTES=16777216"):
        Settings.from_environ({"QUIRE_ARENA_BYTES": "16777216"})


@pytest.mark.parametrize("prefix", ["bucket/a", "https://bucket/", "s3://"])
def test_s3_prefix_must_look_like_one(prefix: str) -> None:
    with pytest.raises(SettingsError, match="QUIRE_ALLOWED_S3_PREFIXES"):
        Settings.from_environ({"QUIRE_ALLOWED_S3_PREFIXES": f"s3://good/,{prefix}"})


def test_s3_prefixes_are_split_and_stripped() -> None:
    settings = Settings.from_environ({"QUIRE_ALLOWED_S3_PREFIXES": " s3://a/x/ , s3://b/,"})
    assert settings.s3_prefixes == ("s3://a/x/", "s3://b/")
    assert Settings.from_environ({}).s3_prefixes == ()


def test_toolkit_timeout_is_the_deadline() -> None:
    settings = Settings.from_environ({"SAGEMAKER_MODEL_SERVER_TIMEOUT": "600"})
    assert settings.deadline_seconds == 600.0
    assert settings.sources["deadline_seconds"] == "SAGEMAKER_MODEL_SERVER_TIMEOUT"
    assert "QUIRE_DEADLINE_SECONDS" in settings.warnings[0]


def test_toolkit_payload_is_in_mebibytes() -> None:
    assert Settings.from_environ({"SAGEMAKER_MAX_PAYLOAD_IN_MB": "100"}).max_body_bytes == 100 * 1024 * 1024


@pytest.mark.parametrize("value", ["0", "9000", "plenty"])
def test_impossible_toolkit_value_is_refused_in_its_own_unit(value: str) -> None:
    with pytest.raises(SettingsError, match=f"SAGEMAKER_MAX_PAYLOAD_IN_MB='{value}'"):
        Settings.from_environ({"SAGEMAKER_MAX_PAYLOAD_IN_MB": value})


def test_our_name_wins_over_the_toolkits() -> None:
    settings = Settings.from_environ(
        {"SAGEMAKER_MODEL_SERVER_TIMEOUT": "600", "QUIRE_DEADLINE_SECONDS": "60"}
    )
    assert settings.deadline_seconds == 60.0
    assert "QUIRE_DEADLINE_SECONDS is set" in settings.warnings[0]


def test_toolkit_variable_without_effect_is_warned_about_by_name() -> None:
    settings = Settings.from_environ({"SAGEMAKER_SAFE_PORT_RANGE": "9000-9999"})
    assert "SAGEMAKER_SAFE_PORT_RANGE" in settings.warnings[0]


def test_the_toolkits_words_for_a_handler_are_settings() -> None:
    environ = {
        "SAGEMAKER_MODEL_SERVER_WORKERS": "8",
        "SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT": "application/x-npy",
        "SAGEMAKER_MODEL_SERVER_TIMEOUT_SECONDS": "90",
    }
    settings = Settings.from_environ(environ)
    assert (settings.handler_workers, settings.default_accept) == (8, "application/x-npy")
    assert settings.deadline_seconds == 90.0


def test_places_follow_the_settings() -> None:
    settings = Settings.from_environ({"SAGEMAKER_BASE_DIR": "/base", "QUIRE_SCRATCH_DIR": "/scratch"})
    assert settings.model_dir == Path("/base/model")
    assert settings.scratch == Path("/scratch")
    assert Settings.from_environ({}).scratch == Path(tempfile.gettempdir())


@given(st.sampled_from(sorted(NUMBERS)), st.text(max_size=12))
def test_any_value_is_in_bounds_or_refused(field: str, value: str) -> None:
    knob = NUMBERS[field]
    try:
        settings = Settings.from_environ({knob.variable: value})
    except SettingsError:
        return
    assert knob.least is not None
    assert knob.most is not None
    assert knob.least <= getattr(settings, field) <= knob.most
