"""Which of the documents that are waited for has a notification told of?"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager

from quire_endpoint.client.errors import CannotRead
from quire_endpoint.client.ledger import Ledger
from quire_endpoint.client.notices import Letter, Mailbox, notice_of


class Told:
    """Numbers of documents that were told of, for one that waits."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._numbers: list[int] = []
        self.future: Future[None] = Future()
        """Done when there is something to take."""

    def put(self, numbers: Sequence[int]) -> None:
        with self._lock:
            self._numbers += numbers
            if not self.future.done():
                self.future.set_result(None)

    def fail(self, error: BaseException) -> None:
        """`take` raises it."""
        with self._lock:
            if self.future.done():
                self.future = Future()
            self.future.set_exception(error)

    def take(self) -> list[int]:
        """Once each. Raises what ended the receiving."""
        with self._lock:
            if not self.future.done():
                return []
            self.future.result()
            self.future = Future()
            taken, self._numbers = self._numbers, []
            return taken


class Mail:
    """Receives for as long as anybody waits, on a thread of its own. What is told is kept in the ledger
    before the message is deleted; duplicates and what concerns no document of it are deleted alone."""

    def __init__(self, mailbox: Mailbox, ledger: Ledger) -> None:
        self._mailbox = mailbox
        self._ledger = ledger
        self._lock = threading.Lock()
        self._waiting: list[Told] = []
        self._is_receiving = False
        self._is_closed = False

    @contextmanager
    def waiting(self) -> Iterator[Told]:
        told = Told()
        with self._lock:
            self._waiting.append(told)
            if not self._is_receiving:
                self._is_receiving = True
                threading.Thread(target=self._receive, name="notifications", daemon=True).start()
        try:
            yield told
        finally:
            with self._lock:
                self._waiting.remove(told)

    def close(self) -> None:
        """The ledger is touched no more. A message that still comes is left to the queue."""
        with self._lock:
            self._is_closed = True

    def _receive(self) -> None:
        try:
            while self._is_wanted():
                if letters := self._mailbox.receive():
                    self._open(letters)
        except CannotRead as error:
            self._give_up(error)
        except BaseException as error:
            self._give_up(CannotRead(f"notifications are received no more: {error!r}"))
            raise

    def _is_wanted(self) -> bool:
        with self._lock:
            self._is_receiving = bool(self._waiting)
            return self._is_receiving

    def _open(self, letters: Sequence[Letter]) -> None:
        notices = [(notice_of(letter.text), letter.text) for letter in letters]
        with self._lock:
            if self._is_closed:
                return
            told = (self._ledger.tell(notice.inference_id, text) for notice, text in notices if notice)
            numbers = [number for number in told if number is not None]
            for waiting in self._waiting:
                waiting.put(numbers)
        self._mailbox.delete(letters)

    def _give_up(self, error: CannotRead) -> None:
        with self._lock:
            self._is_receiving = False
            for waiting in self._waiting:
                waiting.fail(error)
