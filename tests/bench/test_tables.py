"""The table's arithmetic: medians of rounds, shares of the better ceiling, ratios within a round."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from bench.batch_log import BatchLine
from bench.contenders import Contender, Round
from bench.rounds import Measured, Row, chosen
from bench.tables import Comparison, batch_table, figures, notes, speed_table


def start() -> Contender:
    raise AssertionError("nothing is started here")


def measured(
    key: str, speeds: Sequence[float], documents: str = "documents", is_ceiling: bool = False
) -> Measured:
    row = Row(key, f"the {key}", "As it comes.", documents, start, is_ceiling)
    return Measured(row, [Round(seconds=1 / speed, num_pages=1) for speed in speeds])


def comparison(*rows: Measured) -> Comparison:
    return Comparison(rows, {"lane 8x8": 4}, base="peer")


def test_speed_is_the_median_of_the_rounds() -> None:
    assert measured("x", [1.0, 9.0, 2.0]).pages_per_second == pytest.approx(2.0)


def test_ratio_is_the_median_of_ratios_within_rounds() -> None:
    slow_then_fast = measured("x", [2.0, 20.0, 60.0])
    peer = measured("peer", [1.0, 10.0, 10.0])
    assert comparison(slow_then_fast, peer).ratio(slow_then_fast) == pytest.approx(2.0)


def test_share_is_of_the_better_ceiling_of_the_same_documents() -> None:
    mine = measured("x", [3.0])
    worse, better = measured("one", [4.0], is_ceiling=True), measured("many", [5.0], is_ceiling=True)
    other = measured("long", [50.0], "long", is_ceiling=True)
    table = comparison(mine, worse, better, other)
    assert table.share(mine) == pytest.approx(0.6)
    assert table.share(worse) == pytest.approx(0.8)


def test_nothing_is_compared_across_documents() -> None:
    long = measured("long", [3.0], "long")
    table = comparison(long, measured("peer", [1.0]), measured("one", [4.0], is_ceiling=True))
    assert (table.share(long), table.ratio(long)) == (None, None)


def test_row_that_could_not_run_says_so() -> None:
    absent = Measured(measured("x", []).row, absence="litserve is not installed\nand more")
    table = comparison(absent, measured("peer", [1.0]))
    assert "| the x | left out: litserve is not installed |" in speed_table(table)
    assert figures(table)[0]["absence"].startswith("litserve")
    assert "the x" not in notes(table)


def test_tables_show_what_was_measured() -> None:
    mine = measured("x", [4.0])
    mine.rounds[0] = Round(0.25, 1, 0.5, (BatchLine("lane", 3, 1.0, "8x8", 2),), gpu_busy_share=0.91)
    table = comparison(mine, measured("peer", [2.0]), measured("one", [5.0], is_ceiling=True))
    assert "| the x | 4.00 | 80% | 2.00 | 0.50 |" in speed_table(table)
    assert "| the x | lane | 1 | 3.0 | 75% | 100% | 91% |" in batch_table(table)
    assert figures(table)[0]["occupancy"]["lanes"]["lane"]["fill"] == 0.75


def test_rows_set_up_alike_are_described_once() -> None:
    assert notes(comparison(measured("x", [1.0]), measured("y", [1.0]))) == "- the x; the y: As it comes."


def test_rows_are_chosen_by_key_or_beginning() -> None:
    rows = [measured(key, []).row for key in ("http-1", "http-16", "https", "engine-4")]
    assert [row.key for row in chosen(rows, ["http"])] == ["http-1", "http-16"]
    assert [row.key for row in chosen(rows, ["engine-4", "https"])] == ["https", "engine-4"]
    assert chosen(rows, []) == rows
    with pytest.raises(ValueError, match="no row 'htt'; there are http-1"):
        chosen(rows, ["htt"])
