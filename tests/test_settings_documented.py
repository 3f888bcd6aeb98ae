"""README's settings table is the list of knobs, row by row."""

from __future__ import annotations

from pathlib import Path

import pytest

from docs.write import with_tables
from quire.words.settings import KNOBS
from tests.readme import table_rows


def test_settings_table_is_the_list_of_knobs(repository: Path) -> None:
    rows = table_rows(repository, "settings")
    assert [row[0] for row in rows] == [f"`{knob.variable}`" for knob in KNOBS.values()]
    for row, knob in zip(rows, KNOBS.values(), strict=True):
        assert row[1].strip("`") == str(knob.default), knob.variable
        assert row[2] == knob.bounds, knob.variable
        assert row[3] == knob.sentence, knob.variable


def test_generated_parts_of_readme_are_up_to_date(repository: Path) -> None:
    readme = (repository / "README.md").read_text(encoding="utf-8")
    assert with_tables(readme) == readme, "run `make docs`"


def test_readme_without_a_place_for_a_table_is_refused() -> None:
    with pytest.raises(ValueError, match="settings"):
        with_tables("# Quire\n")
