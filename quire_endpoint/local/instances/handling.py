"""What does an event of one instance mean for its fleet?"""

from __future__ import annotations

from quire_endpoint.local.instances.attendant import Ended, Event, Launched, ModelReady, Pinged, Warned
from quire_endpoint.local.instances.failure_reasons import cannot_start, no_ping
from quire_endpoint.local.instances.life import Act, Life
from quire_endpoint.local.instances.roster import Order, Roster


def handle(roster: Roster, life: Life, event: Event, variant_name: str, now: float) -> list[Order]:
    """What is to be done then. An end before the first success fails the deployment."""
    if isinstance(event, Ended):
        if life.in_service_since is None and not life.is_told:
            roster.fail(_reason(life, event, variant_name))
        return roster.ended(life, event.cause, now)
    return [Order(life, act) for act in _acts(life, event, now)]


def _acts(life: Life, event: ModelReady | Launched | Pinged | Warned, now: float) -> list[Act]:
    match event:
        case ModelReady():
            return life.model_ready(now)
        case Launched(port, pid):
            return life.launched(port, pid, now)
        case Pinged(failure):
            return life.pinged(failure, now)
        case Warned(text):
            life.warning = text
            return []


def _reason(life: Life, ended: Ended, variant_name: str) -> str:
    if not ended.has_model:
        return ended.cause
    if life.has_missed_startup:
        return no_ping(variant_name, life.ping_failure, ended.lines)
    return cannot_start(variant_name, ended.cause, ended.lines)
