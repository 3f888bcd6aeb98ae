"""Which port may a container listen on?"""

from __future__ import annotations

import random
import socket
import threading

_FIRST, _LAST = 18000, 31999
"""Below the ports that Linux gives to outgoing connections, one of which could take it in the meantime."""


class NoFreePort(OSError):
    """Every port of the range is taken."""


class Ports:
    """Ports of 127.0.0.1, none lent twice. Threads may lend at once. Another program can still take one
    before its borrower does."""

    def __init__(self) -> None:
        self._lent: set[int] = set()
        self._lock = threading.Lock()

    def lend(self) -> int:
        """Raises NoFreePort."""
        with self._lock:
            for port in random.sample(range(_FIRST, _LAST + 1), _LAST + 1 - _FIRST):
                if port not in self._lent and _is_free(port):
                    self._lent.add(port)
                    return port
        raise NoFreePort(f"no port from {_FIRST} to {_LAST} is free")

    def give_back(self, port: int) -> None:
        with self._lock:
            self._lent.discard(port)


PORTS = Ports()
"""One for all launchers of this process."""


def _is_free(port: int) -> bool:
    with socket.socket() as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
