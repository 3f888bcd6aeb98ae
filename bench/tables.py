"""What do the rounds amount to? Medians, shares of the ceiling, ratios to a peer; as a table and as JSON."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import mean
from typing import Any

from bench.occupancy import Limits, Occupancy, occupancy
from bench.rounds import Measured

_HEAD = ("row", "pages/s", "share of its ceiling", "× RapidOCR", "CPU s a page")
_BATCH_HEAD = (
    "row",
    "lane",
    "batches",
    "items a batch",
    "of the most",
    "batches of 2+",
    "GPU busy",
)


@dataclass(frozen=True)
class Comparison:
    """All rows of a run. `base` is the key of the row that ratios are to."""

    measured: Sequence[Measured]
    limits: Limits
    base: str

    @property
    def present(self) -> list[Measured]:
        return [each for each in self.measured if each.rounds]

    def ceiling_of(self, measured: Measured) -> Measured | None:
        """The better ceiling of the same documents; None where none was measured."""
        documents = measured.row.documents
        ceilings = [each for each in self.present if each.row.is_ceiling and each.row.documents == documents]
        return max(ceilings, key=lambda each: each.pages_per_second, default=None)

    def share(self, measured: Measured) -> float | None:
        ceiling = self.ceiling_of(measured)
        return measured.ratio_to(ceiling) if ceiling else None

    def ratio(self, measured: Measured) -> float | None:
        """None for other documents than the base read."""
        base = next((each for each in self.present if each.row.key == self.base), None)
        same = base is not None and base.row.documents == measured.row.documents
        return measured.ratio_to(base) if base is not None and same else None

    def occupancy(self, measured: Measured) -> Occupancy | None:
        return occupancy([batch for each in measured.rounds for batch in each.batches], self.limits)


def gpu_busy(measured: Measured) -> float | None:
    shares = [each.gpu_busy_share for each in measured.rounds if each.gpu_busy_share is not None]
    return mean(shares) if shares else None


def speed_table(comparison: Comparison) -> str:
    lines = [_line(_HEAD), "|---" * len(_HEAD) + "|"]
    for each in comparison.measured:
        if each.absence:
            lines.append(_line((each.row.name, "left out: " + each.why_absent, *[""] * 3)))
            continue
        share, ratio = comparison.share(each), comparison.ratio(each)
        rest = (_percent(share), _times(ratio), f"{each.cpu_seconds_a_page:.2f}")
        lines.append(_line((each.row.name, f"{each.pages_per_second:.2f}", *rest)))
    return "\n".join(lines)


def batch_table(comparison: Comparison) -> str:
    """A row for each lane of each system that logs its batches."""
    lines = [_line(_BATCH_HEAD), "|---" * len(_BATCH_HEAD) + "|"]
    for each in comparison.present:
        found = comparison.occupancy(each)
        for lane, use in found.lanes.items() if found else ():
            means = (str(use.num_batches), f"{use.mean_items:.1f}", _percent(use.fill))
            shares = (_percent(use.mixed_share), _percent(gpu_busy(each)))
            lines.append(_line((each.row.name, lane, *means, *shares)))
    return "\n".join(lines)


def notes(comparison: Comparison) -> str:
    """What the rows are; those that are set up alike together."""
    names: defaultdict[str, list[str]] = defaultdict(list)
    for each in comparison.present:
        names[each.row.about + (f" Here: {each.note}." if each.note else "")].append(each.row.name)
    return "\n".join(f"- {'; '.join(alike)}: {about}" for about, alike in names.items())


def figures(comparison: Comparison) -> list[dict[str, Any]]:
    return [_figures(comparison, each) for each in comparison.measured]


def _figures(comparison: Comparison, each: Measured) -> dict[str, Any]:
    named = {"key": each.row.key, "name": each.row.name, "about": each.row.about, "note": each.note}
    if each.absence:
        return {**named, "absence": each.absence}
    found = comparison.occupancy(each)
    return {
        **named,
        "pages_per_second": each.pages_per_second,
        "share_of_ceiling": comparison.share(each),
        "ratio_to_base": comparison.ratio(each),
        "cpu_seconds_a_page": each.cpu_seconds_a_page,
        "rounds": [{"seconds": one.seconds, "pages": one.num_pages} for one in each.rounds],
        "occupancy": asdict(found) if found else None,
        "gpu_busy_share": gpu_busy(each),
    }


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share:.0%}"


def _times(ratio: float | None) -> str:
    return "" if ratio is None else f"{ratio:.2f}"
