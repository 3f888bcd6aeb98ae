"""What does a client's ledger know of the document behind one inference id?"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from quire_endpoint.client.jobs import Attempt
from quire_endpoint.client.ledger import open_ledger
from quire_endpoint.client.outcomes import Outcome, Partial, Succeeded, as_json


def later_calls(path: Path, inference_id: str) -> list[str]:
    """Lines for people: the document, the calls made for it, its outcome. Raises NoLedger."""
    with closing(open_ledger(path)) as ledger:
        number = ledger.number_of(inference_id)
        if number is None:
            return ["it is not in this ledger"]
        calls = [_call(attempt, inference_id) for attempt in reversed(ledger.attempts(number))]
        return [f"the document is {ledger.job(number).reference}", *calls, _ended(ledger.outcome(number))]


def _call(attempt: Attempt, inference_id: str) -> str:
    is_it = " (this one)" if attempt.inference_id == inference_id else ""
    doubt = "" if attempt.is_answered else ", whose answer never came"
    return f"called as {attempt.inference_id}{is_it}{doubt}"


def _ended(outcome: Outcome | None) -> str:
    if outcome is None:
        return "no outcome yet"
    said = outcome.output if isinstance(outcome, Succeeded | Partial) else as_json(outcome)
    return f"{type(outcome).__name__} as {outcome.inference_id}: {said}"
