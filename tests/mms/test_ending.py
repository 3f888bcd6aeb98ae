"""SIGTERM, under both front ends: what is in hand is answered, nothing is left. A container's last test."""

from __future__ import annotations

import os
import signal

from quire.models.stub import Marker
from tests.fakes.painted_pages import painted_page
from tests.fakes.processes import is_alive
from tests.fakes.running_front_end import eventually
from tests.mms.conftest import Served


def test_sigterm_lets_the_document_in_hand_end(served: Served) -> None:
    below = served.container.pids()
    (sent,) = served.post_many([painted_page(Marker.SLOW)], ["ref=last"])
    eventually(served.in_engine)
    os.kill(served.container.process.pid, signal.SIGTERM)
    assert sent.result().status == 200
    assert served.container.ended() == 0
    assert not [pid for pid in below if is_alive(pid)]
    assert not list(served.container.scratch.iterdir())
