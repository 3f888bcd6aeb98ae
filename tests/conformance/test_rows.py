"""Every claim has a place in the checklist, a proof and a check; the page is made of them."""

from __future__ import annotations

import pkgutil
from collections import Counter
from importlib import import_module
from pathlib import Path

from quire_endpoint.conformance import rows
from quire_endpoint.conformance.plans import TRACKED
from quire_endpoint.conformance.row import Proof, Row, Subject
from quire_endpoint.conformance.suite import ROWS
from quire_endpoint.conformance.table import page


def test_every_line_of_the_checklist_has_rows() -> None:
    assert {row.claim.subject for row in ROWS} == set(Subject)


def test_every_kind_of_proof_is_there() -> None:
    assert {row.claim.proof for row in ROWS} == set(Proof)


def test_names_are_used_once() -> None:
    assert [name for name, count in Counter(row.name for row in ROWS).items() if count > 1] == []


def test_sentences_are_sentences_with_a_source() -> None:
    for row in ROWS:
        assert row.claim.sentence.endswith("."), row.name
        assert row.claim.source, row.name
        assert "|" not in row.claim.sentence + row.claim.source, row.name


def test_no_row_is_written_and_left_out() -> None:
    written = [
        value
        for module in pkgutil.iter_modules(rows.__path__)
        for value in vars(import_module(f"{rows.__name__}.{module.name}")).values()
        if isinstance(value, Row)
    ]
    assert written
    assert [row.name for row in written if row not in ROWS] == []


def test_what_is_asked_of_the_local_endpoint_alone_is_its_faults() -> None:
    assert {row.claim.subject for row in ROWS if row.claim.is_local} == {Subject.FAULTS}


def test_scaling_takes_minutes() -> None:
    assert all(row.claim.minutes for row in ROWS if TRACKED in row.claim.plans)


def test_page_is_what_make_docs_writes(repository: Path) -> None:
    assert (repository / "docs" / "conformance.md").read_text(encoding="utf-8") == page(), "run `make docs`"
