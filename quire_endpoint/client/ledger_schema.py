"""How does the ledger lie in SQLite?"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

VERSION = 1

_TABLES = """
create table documents (
    number integer primary key,
    identity text not null unique,
    reference text not null,
    source text not null,
    body blob,
    content_type text not null,
    request text not null,
    input text,
    calls integer not null default 0,
    outcome text
);
create index unfinished on documents (number) where outcome is null;
create table attempts (
    number integer primary key,
    document integer not null references documents (number),
    token text not null unique,
    inference_id text not null unique,
    called_seconds real not null,
    is_answered integer not null default 0,
    is_doubtful integer not null default 0,
    output text,
    failure text,
    told text
);
create index attempts_of on attempts (document);
create table settings (name text primary key, value text not null);
"""


class NoLedger(ValueError):
    """The file is something else, or of a later version; the message names it."""


class Database:
    """One connection, which threads share by turns. `path` None lives in memory and ends with it."""

    def __init__(self, path: Path | None) -> None:
        name = ":memory:" if path is None else str(path)
        self._lock = threading.RLock()
        try:
            self._connection = sqlite3.connect(
                name, timeout=60, isolation_level=None, check_same_thread=False
            )
            self._open(name)
        except sqlite3.DatabaseError as error:
            raise NoLedger(f"{name} cannot be used as a ledger: {error}") from error

    def _open(self, name: str) -> None:
        (version,) = self.row("pragma user_version") or (0,)
        if version not in (0, VERSION):
            raise NoLedger(f"{name} is a ledger of version {version}; this client reads version {VERSION}")
        self.row("pragma journal_mode=wal")
        self.row("pragma synchronous=normal")
        if version == 0:
            self._create(name)

    def _create(self, name: str) -> None:
        if self.row("select 1 from sqlite_master"):
            raise NoLedger(f"{name} is a database of something else")
        try:
            self._connection.executescript(
                f"begin immediate; {_TABLES} pragma user_version={VERSION}; commit;"
            )
        except sqlite3.OperationalError:
            self._connection.rollback()
            if self.row("pragma user_version") != (VERSION,):
                raise

    def row(self, statement: str, values: Sequence[Any] = ()) -> Any:
        """The first row, or None."""
        with self._lock:
            return self._connection.execute(statement, values).fetchone()

    def rows(self, statement: str, values: Sequence[Any] = ()) -> list[Any]:
        with self._lock:
            return self._connection.execute(statement, values).fetchall()

    def change(self, statement: str, values: Sequence[Any] = ()) -> int:
        """The number of rows that were changed."""
        with self._lock:
            return self._connection.execute(statement, values).rowcount

    @contextmanager
    def transaction(self, *, is_flushed: bool = False) -> Iterator[None]:
        """All or nothing. With `is_flushed` it lies on the disk afterwards, and all before it, so that not
        even a power cut takes it back; else it survives the death of this process alone."""
        with self._lock:
            if is_flushed:
                self._connection.execute("pragma synchronous=full")
            self._connection.execute("begin immediate")
            try:
                yield
                self._connection.execute("commit")
            except BaseException:
                self._connection.execute("rollback")
                raise
            finally:
                if is_flushed:
                    self._connection.execute("pragma synchronous=normal")

    def close(self) -> None:
        with self._lock:
            self._connection.close()
