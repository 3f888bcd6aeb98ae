"""What does a client work with?"""

from __future__ import annotations

from concurrent.futures import Executor
from dataclasses import dataclass

from quire_endpoint.client.clock import Clock
from quire_endpoint.client.ledger import Ledger
from quire_endpoint.client.looking import Lookout
from quire_endpoint.client.sender import Sender


@dataclass(frozen=True)
class Tools:
    """All of them may be used by several threads at once. Calls and looks are made by `num_threads` each."""

    ledger: Ledger
    sender: Sender
    lookout: Lookout
    clock: Clock
    executor: Executor
    num_threads: int
