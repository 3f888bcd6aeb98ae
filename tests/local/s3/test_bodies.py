"""What lies in the files' folder?"""

from __future__ import annotations

import time
from pathlib import Path

from quire_endpoint.local.s3.bodies import Bodies

GRACE_SECONDS = 0.01


def test_what_was_buried_makes_room_for_what_comes(tmp_path: Path) -> None:
    folder = tmp_path / "bodies"
    bodies = Bodies(folder, GRACE_SECONDS)
    bodies.bury(bodies.receive([b"old"]))
    time.sleep(2 * GRACE_SECONDS)
    bodies.receive([b"new"])
    assert [path.read_bytes() for path in folder.iterdir()] == [b"new"]
