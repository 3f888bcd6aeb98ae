"""What keeps one connection from holding up another, below HTTP."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from quire.process.front_end_worker import bid_farewell, limit_silence


def test_a_silent_peer_is_not_waited_for_for_ever() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        limit_silence(ours, 0.05)
        with pytest.raises(BlockingIOError):
            ours.recv(1)
        with pytest.raises(BlockingIOError):
            ours.sendall(bytes(10_000_000))


def test_a_peer_that_still_sends_can_read_its_answer() -> None:
    """Without the farewell's reading on, the kernel answers the peer's bytes with a reset."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        theirs = socket.create_connection(listener.getsockname())
        ours, _ = listener.accept()
        ours.sendall(b"413")
        farewell = threading.Thread(target=bid_farewell, args=(ours,))
        farewell.start()
        theirs.sendall(bytes(20_000_000))
        assert theirs.recv(10) == b"413"
        theirs.close()
        farewell.join()
        assert ours.fileno() == -1


APPLICATION = """
import os, signal
os.kill(os.getpid(), signal.SIGTERM)
def app(environ, start_response): ...
"""


def test_a_stop_that_comes_while_the_application_is_loaded_is_quiet(repository: Path, tmp_path: Path) -> None:
    (tmp_path / "told_to_stop.py").write_text(APPLICATION)
    path = os.pathsep.join((str(repository / "code"), str(tmp_path)))
    worker_class = "quire.process.front_end_worker.FrontEndWorker"
    with subprocess.Popen(
        [sys.executable, "-m", "gunicorn", "-b", "127.0.0.1:0", "-k", worker_class, "told_to_stop:app"],
        env={**os.environ, "PYTHONPATH": path},
        stderr=subprocess.PIPE,
        text=True,
    ) as server:
        said = ""
        assert server.stderr is not None
        for line in server.stderr:
            said += line
            if "Worker exiting" in line or "Traceback" in line:
                server.terminate()
    assert "Worker exiting" in said
    assert "Traceback" not in said
