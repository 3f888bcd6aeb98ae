"""Why did, or does, an invocation stand where it stands?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from quire_endpoint.local.invocation import Ending
from quire_endpoint.local.page.causes import cause_of
from quire_endpoint.local.page.evidence import Evidence, gather
from quire_endpoint.local.page.progress import Pages
from quire_endpoint.local.page.seen import Seen

_OF_INSTANCE = (Ending.LOST, Ending.BAD_RESPONSE, Ending.TIMED_OUT)


@dataclass(frozen=True)
class Happening:
    """A step, `seconds` after the call was accepted."""

    seconds: float
    step: str
    delivery: int
    detail: str


@dataclass(frozen=True)
class Explanation:
    """`ending` is None while it goes on; `name` is the cause's, for programs. `details` say more of the cause
    where something more is known. `container_log` names the invocation; `instance_log` is the end of its
    instance's, told of endings that may be the instance's doing."""

    inference_id: str
    endpoint_name: str | None
    ending: str | None
    name: str
    cause: str
    remedy: str
    details: Sequence[str]
    pages: Pages | None
    happenings: Sequence[Happening]
    failure_object: str | None
    data_log: Sequence[str]
    container_log: Sequence[str]
    instance_log: Sequence[str]


def explain(seen: Seen, inference_id: str) -> Explanation:
    evidence = gather(seen, inference_id)
    cause, entries = cause_of(evidence), evidence.entries
    return Explanation(
        inference_id=inference_id,
        endpoint_name=entries[-1].endpoint_name if entries else None,
        ending=evidence.ending.value if evidence.ending else None,
        name=cause.name,
        cause=cause.cause,
        remedy=cause.remedy,
        details=_details(evidence),
        pages=evidence.pages,
        happenings=[
            Happening(
                round(entry.seconds - entries[0].seconds, 3), entry.step.value, entry.delivery, entry.detail
            )
            for entry in entries
        ],
        failure_object=evidence.failure_object,
        data_log=evidence.data_log,
        container_log=evidence.container_log,
        instance_log=evidence.instance_log if evidence.ending in _OF_INSTANCE else (),
    )


def _details(evidence: Evidence) -> list[str]:
    details = []
    ended, backlog = evidence.ended, evidence.backlog
    if evidence.error_message:
        details.append(f"The container says: {evidence.error_message}")
    elif ended is not None and ended.detail:
        details.append(f"The endpoint says: {ended.detail}")
    if ended is None and backlog is not None:
        waited = evidence.now_seconds - evidence.entries[-1].seconds
        details.append(
            f"For {waited:.1f} s now; {backlog.waiting} wait and {backlog.in_flight} run at the endpoint."
        )
    if ended is None and evidence.pages is not None:
        details.append(f"{evidence.pages.done} of {evidence.pages.total} pages are done.")
    deliveries = max((entry.delivery for entry in evidence.entries), default=0)
    if deliveries > 1:
        details.append(f"It was delivered {deliveries} times.")
    return details
