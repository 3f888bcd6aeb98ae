"""How are the claims and what came of them written down?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from quire_endpoint.conformance.row import Proof, Result, Row, Subject, Verdict
from quire_endpoint.conformance.suite import ROWS

_PREFACE = """# Conformance: what the local endpoint claims, and how each claim is known

`quire conformance --target local` runs every row below against a local endpoint of its own at 60 times the
wall's speed, through public APIs only: boto3 as it is, and for the rows of *Faults on demand* the local
endpoint's `/_quire/` beside it. `quire conformance --target aws` runs the same rows, but for those faults,
against SageMaker in an account of yours: it says what that costs, and asks, before it makes anything.
**Nobody has run it against AWS yet**: until somebody has, the column *known by* is all there is.

| known by | meaning | rows |
|---|---|---|
{proofs}

A row that is *assumed* stands for a question that AWS leaves open; where the answers differ in what a caller
has to withstand, it is a switch of `quire local up` (`--assume NAME=VALUE`) at the worst of them,
but for the old instances of an UpdateEndpoint, which are let finish.

Where an instance is a process and not a container, two rows may come out as *not checkable here*: a process
of root writes wherever it likes, and no process can be denied this machine's network.
"""

_MEANINGS = {
    Proof.DOCUMENTED: "in AWS's documentation or its service models",
    Proof.AWS_CODE: "AWS's own client, container or test relies on it",
    Proof.SEEN: "reported from real endpoints by others than AWS",
    Proof.ASSUMED: "nothing says so",
}


def page() -> str:
    """docs/conformance.md."""
    counts = Counter(row.claim.proof for row in ROWS)
    proofs = "\n".join(f"| {proof} | {_MEANINGS[proof]} | {counts[proof]} |" for proof in Proof)
    parts = [_PREFACE.format(proofs=proofs)]
    parts += [_section(subject) for subject in Subject]
    return "\n".join(parts)


def _section(subject: Subject) -> str:
    rows = [(number, row) for number, row in enumerate(ROWS, 1) if row.claim.subject is subject]
    lines = [_line(number, row) for number, row in rows]
    heading = ["| | claim | known by | source | row |", "|---|---|---|---|---|"]
    return "\n".join([f"## {subject}\n", *heading, *lines, ""])


def _line(number: int, row: Row) -> str:
    claim = row.claim
    where = " (local only)" if claim.is_local else ""
    return f"| {number} | {claim.sentence}{where} | {claim.proof} | {claim.source} | `{row.name}` |"


def result_line(result: Result) -> str:
    """For a terminal."""
    number, claim = ROWS.index(result.row) + 1, result.row.claim
    seen = f"\n     {result.seen}" if result.seen else ""
    return f"{number:3}  {result.verdict:20} [{claim.proof}] {claim.sentence}{seen}"


def summary(results: Sequence[Result]) -> str:
    """For a terminal: how many of each verdict."""
    counts = Counter(result.verdict for result in results)
    return ", ".join(f"{counts[verdict]} {verdict}" for verdict in Verdict)


def listing(rows: Sequence[Row]) -> str:
    """For a terminal: names and sentences."""
    return "\n".join(f"{ROWS.index(row) + 1:3}  {row.name:32} {row.claim.sentence}" for row in rows)
