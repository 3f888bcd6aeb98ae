"""A stream's last lines are in memory, as long as they are not too many or too long."""

from __future__ import annotations

from quire_endpoint.local.scaling.kept_lines import KEPT_CHARACTERS, KEPT_LINES, KeptLines


def kept(*lines: str) -> list[str]:
    found = KeptLines()
    for line in lines:
        found.append(line)
    return list(found)


def test_of_many_lines_the_last_are_kept() -> None:
    lines = [str(number) for number in range(KEPT_LINES + 5)]
    assert kept(*lines) == lines[5:]


def test_of_long_lines_as_many_as_there_is_room_for() -> None:
    half = KEPT_CHARACTERS // 2
    assert kept("a" * half, "b" * half, "c" * half) == ["b" * half, "c" * half]
    assert kept("a" * half, "b" * half, "c") == ["b" * half, "c"]


def test_the_last_line_is_kept_however_long() -> None:
    longest = "x" * (KEPT_CHARACTERS + 1)
    assert kept("before", longest) == [longest]
    assert kept("before", longest, "after") == ["after"]
