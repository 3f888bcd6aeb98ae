"""How much memory does a container take: for a document of 1,000 pages beside one of 50, and for a body of
1 GB? `make bench-memory`.

The first is the fullest moment of all processes together, shared memory counted once; each document is
read by a container of its own. The second is the kernel's high-water mark of the front end's process.
"""

from __future__ import annotations

import argparse
import http.client
import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.container_processes import (
    FRONT_END,
    Watch,
    forget_peak,
    members,
    peak_resident_bytes,
    resident_bytes,
)
from bench.long_documents import scanned_pdf, text_pdf, write_padded_pdf, write_zeros
from bench.report import publish
from bench.served import Served
from bench.stub_container import STUB, container_of

MOST_GROWTH = 1.2
MOST_FRONT_END_BYTES = 100_000_000
DEFAULT_MODEL, TEXT_LAYER = "default model", "default model, text layer"
_MEBIBYTE = 1024 * 1024

_STUB_OPTIONS = {"batch_seconds": 0.02, "page_seconds": 0.05, "max_items": 4}
_ATTRIBUTES = {STUB: "text=ocr;dpi=72", TEXT_LAYER: "text=layer", DEFAULT_MODEL: "text=ocr"}
"""Pages for the stub are drawn faster than it reads them and few are aboard, so that as many lie waiting as
ever may, in the short document too."""


@dataclass(frozen=True)
class Peak:
    """The fullest moment while one document was read."""

    num_pages: int
    num_bytes: int
    bytes_by_role: dict[str, int]


@dataclass(frozen=True)
class Growth:
    """A short and a long document of the same pages, read by containers of the same settings."""

    short: Peak
    long: Peak

    @property
    def ratio(self) -> float:
        return self.long.num_bytes / self.short.num_bytes


@dataclass(frozen=True)
class LargeBody:
    """What became of one large body. `front_end_bytes` is by how much it raised that process's memory."""

    name: str
    status: int
    code: str
    front_end_bytes: int


def pdf_for(system: str) -> Callable[[int], bytes]:
    return text_pdf if system == TEXT_LAYER else scanned_pdf


def peak_of(system: str, num_pages: int) -> Peak:
    """Raises RuntimeError where the document is not read in full."""
    body = pdf_for(system)(num_pages)
    with container_of(system, _STUB_OPTIONS) as container, Watch(container.process.pid) as watch:
        status, answer = container.post(body, "application/pdf", _ATTRIBUTES[system])
    reading = json.loads(answer)
    if status != 200 or reading["status"] != "complete" or len(reading["pages"]) != num_pages:
        raise RuntimeError(f"{num_pages} pages: {status} {answer[:300]!r}")
    return Peak(num_pages, watch.peak_bytes, dict(watch.by_role_at_peak))


def post_file(container: Served, path: Path) -> tuple[int, str]:
    """Status and error code. The file goes out as it is read, its length told beforehand."""
    connection = http.client.HTTPConnection("127.0.0.1", container.port, timeout=900)
    headers = {"Content-Type": "application/pdf", "Content-Length": str(path.stat().st_size)}
    try:
        with path.open("rb") as file:
            connection.request("POST", "/invocations", file, headers)
            answer = connection.getresponse()
            content = json.loads(answer.read())
    finally:
        connection.close()
    return answer.status, content["error"]["code"] if "error" in content else content["status"]


def large_body(container: Served, name: str, path: Path) -> LargeBody:
    pids = [member.pid for member in members(container.process.pid) if member.role == FRONT_END]
    for pid in pids:
        forget_peak(pid)
    before = {pid: resident_bytes(pid) for pid in pids}
    status, code = post_file(container, path)
    return LargeBody(name, status, code, sum(peak_resident_bytes(pid) - before[pid] for pid in pids))


def large_bodies(num_bytes: int) -> list[LargeBody]:
    """One that is no document and one that is, through one container of the stub."""
    with (
        tempfile.TemporaryDirectory(prefix="quire-bench-") as folder,
        container_of(STUB, _STUB_OPTIONS) as container,
    ):
        zeros, padded = Path(folder) / "zeros", Path(folder) / "padded.pdf"
        write_zeros(zeros, num_bytes)
        write_padded_pdf(padded, num_bytes)
        small = Path(folder) / "small.pdf"
        small.write_bytes(text_pdf(1))
        post_file(container, small)  # what a first request loads is not the large body's doing
        return [large_body(container, "zeros", zeros), large_body(container, "a valid PDF", padded)]


def growth_row(system: str, growth: Growth) -> str:
    mebibytes = [round(peak.num_bytes / _MEBIBYTE) for peak in (growth.short, growth.long)]
    more = {
        role: growth.long.bytes_by_role.get(role, 0) - growth.short.bytes_by_role.get(role, 0)
        for role in growth.long.bytes_by_role
    }
    parts = ", ".join(f"{role} {more[role] / _MEBIBYTE:+.0f}" for role in sorted(more))
    verdict = "yes" if growth.ratio <= MOST_GROWTH else "NO"
    return f"| {system} | {mebibytes[0]} | {mebibytes[1]} | {growth.ratio:.2f} | {parts} | {verdict} |"


def growth_table(growths: dict[str, Growth], short: int, long: int) -> str:
    head = f"| system | {short} pages, MiB | {long} pages, MiB | ratio | growth, MiB | within {MOST_GROWTH} |"
    rows = [growth_row(system, growth) for system, growth in growths.items()]
    return "\n".join([head, "|---" * 6 + "|", *rows])


def body_table(bodies: Sequence[LargeBody]) -> str:
    head = f"| body | answer | front end's growth, MB | under {MOST_FRONT_END_BYTES / 1e6:.0f} |"
    rows = [
        f"| {body.name} | {body.status} {body.code} | {body.front_end_bytes / 1e6:.0f} "
        f"| {'yes' if body.front_end_bytes < MOST_FRONT_END_BYTES else 'NO'} |"
        for body in bodies
    ]
    return "\n".join([head, "|---" * 4 + "|", *rows])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", type=int, default=50, help="pages of the short document (%(default)s)")
    parser.add_argument("--long", type=int, default=1000, help="pages of the long one (%(default)s)")
    parser.add_argument("--body-bytes", type=int, default=10**9, help="of the large bodies (%(default)s)")
    parser.add_argument("--systems", nargs="*", choices=_ATTRIBUTES, default=[*_ATTRIBUTES])
    given = parser.parse_args()
    growths = {}
    for system in given.systems:
        growths[system] = Growth(peak_of(system, given.short), peak_of(system, given.long))
        print(growth_row(system, growths[system]), flush=True)
    bodies = large_bodies(given.body_bytes)
    text = (
        f"{growth_table(growths, given.short, given.long)}\n\nA body of {given.body_bytes / 1e9:g} GB:\n\n"
        f"{body_table(bodies)}"
    )
    figures = {
        "growth": {name: asdict(growth) for name, growth in growths.items()},
        "bodies": [asdict(body) for body in bodies],
    }
    publish("memory", "Memory (`make bench-memory`)", text, figures)


if __name__ == "__main__":
    main()
