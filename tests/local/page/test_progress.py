"""Pages done, from what a container logs."""

from __future__ import annotations

import json

from quire_endpoint.local.page.progress import LINES_SEARCHED, Pages, pages_in


def line(inference_id: str, done: int, total: int = 9) -> str:
    return json.dumps(
        {"event": "progress", "inference_id": inference_id, "pages_done": done, "pages_total": total}
    )


def test_the_latest_line_of_each_counts() -> None:
    lines = [line("a", 1), line("b", 2), "started", line("a", 3)]
    assert pages_in(lines, ["a", "b", "c"]) == {"a": Pages(3, 9), "b": Pages(2, 9)}


def test_what_was_not_asked_for_is_left_out() -> None:
    assert pages_in([line("a", 1)], []) == {}
    assert pages_in([line("a", 1)], ["b"]) == {}


def test_lines_of_any_container_are_read_past() -> None:
    strange = [
        '"pages_done"',
        '{"pages_done": 1}',
        '{"pages_done": 1e999, "inference_id": "a", "pages_total": 1}',
        '{"pages_done": "x", "inference_id": "a", "pages_total": 1}',
    ]
    assert pages_in([line("a", 1), *strange, '"pages_done" {'], ["a"]) == {"a": Pages(1, 9)}


def test_a_line_may_have_something_before_its_json() -> None:
    assert pages_in([f"2026-01-01 INFO {line('a', 4)}"], ["a"]) == {"a": Pages(4, 9)}


def test_only_the_end_of_a_log_is_searched() -> None:
    assert pages_in([line("a", 1), *["x"] * LINES_SEARCHED], ["a"]) == {}
