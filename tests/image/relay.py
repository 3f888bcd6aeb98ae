"""Runs inside a container without a network: carries connections between a Unix socket and its port.

    python relay.py SOCKET PORT

The socket lies in a folder that is mounted from outside, where the tests connect to it."""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
from pathlib import Path

_CHUNK_BYTES = 1 << 16


def carry(source: socket.socket, sink: socket.socket) -> None:
    """Until `source` ends; then `sink` is told so."""
    with contextlib.suppress(OSError):
        while chunk := source.recv(_CHUNK_BYTES):
            sink.sendall(chunk)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


def join(caller: socket.socket, port: int) -> None:
    with contextlib.suppress(OSError), caller, socket.create_connection(("127.0.0.1", port)) as server:
        there = threading.Thread(target=carry, args=(caller, server))
        there.start()
        carry(server, caller)
        there.join()


def main(path: str, port: int) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        Path(path).chmod(0o777)  # the tests may be run by another user than the container's root
        listener.listen(128)
        while True:
            caller, _ = listener.accept()
            threading.Thread(target=join, args=(caller, port), daemon=True).start()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
