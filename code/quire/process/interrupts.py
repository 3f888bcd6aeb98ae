"""How is Ctrl-C heard while the main thread waits for others?"""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def at_interrupt(call: Callable[[], None]) -> Iterator[None]:
    """`call` runs in a thread of its own as soon as a signal comes that has a handler, beside what the
    handler does. The handler alone may be late: it needs the main thread, which a lock holds until the end
    where the kernel gave the signal to another thread, or gave it just before the lock was waited for.
    For the main thread."""
    heard, told = socket.socketpair()
    told.setblocking(False)

    def listen() -> None:
        if heard.recv(1):
            call()

    listener = threading.Thread(target=listen, name="interrupts", daemon=True)
    listener.start()
    before = -1
    try:
        before = signal.set_wakeup_fd(told.fileno())
        yield
    finally:
        signal.set_wakeup_fd(before)
        told.close()
        listener.join()
        heard.close()
