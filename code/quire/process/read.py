"""The program behind `quire read`: documents on disk in, results out, no server between."""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from quire.engine import messages
from quire.formats.writing import JSON, JSON_LINES, PLAIN_TEXT, write_reading
from quire.process.own_engine import EngineFailed, OwnEngine, own_engine
from quire.rendering.sniffing import sniff_media_type
from quire.words.errors import BadRequest, Fault, QuireError, SettingsError
from quire.words.reading import DocumentReading
from quire.words.request import MAX_REFERENCE_CHARACTERS, DocumentRequest, ReadOptions
from quire.words.settings import Settings

_MEDIA_TYPES = {"json": JSON, "jsonlines": JSON_LINES, "text": PLAIN_TEXT}
_SUFFIXES = {"json": ".json", "jsonlines": ".jsonl", "text": ".txt"}
_DEADLINE_SECONDS = 7 * 24 * 3600.0
"""No platform waits here; a document may take as long as it takes."""


@dataclass(frozen=True)
class Asked:
    """The command line, understood."""

    files: tuple[Path, ...]
    out: Path | None
    format: str
    options: ReadOptions
    password: str | None


@dataclass(frozen=True)
class Outcome:
    """A file and either its reading or what went wrong."""

    path: Path
    reading: DocumentReading | None = None
    failure: str = ""

    @property
    def complaints(self) -> list[str]:
        """A sentence for the file or for each of its pages that could not be read."""
        if self.reading is None:
            return [f"{self.path}: {self.failure}"]
        return [
            f"{self.path}: page {page.page}: {_sentence(page.error)}"
            for page in self.reading.pages
            if page.error
        ]


class FileReader:
    """Reads one file after another through an engine, several at a time, and shows how far it is."""

    def __init__(self, engine: OwnEngine, asked: Asked, progress: Progress) -> None:
        self._engine = engine
        self._asked = asked
        self._progress = progress

    def outcome(self, path: Path) -> Outcome:
        task = self._progress.add_task(path.name, total=None)

        def on_progress(pages: messages.Progress) -> None:
            self._progress.update(task, completed=pages.pages_done, total=pages.pages_total)

        try:
            request = _request(path, self._asked)
            deadline = time.monotonic() + _DEADLINE_SECONDS
            return Outcome(path, self._engine.read(request, deadline, on_progress))
        except QuireError as error:
            return Outcome(path, failure=_sentence(Fault.of(error)))
        except OSError as error:
            return Outcome(path, failure=error.strerror or str(error))
        finally:
            self._progress.remove_task(task)


def _request(path: Path, asked: Asked) -> DocumentRequest:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return DocumentRequest(
        path=path.resolve(),
        media_type=sniff_media_type(path, None),
        num_bytes=path.stat().st_size,
        sha256=digest,
        options=msgspec.structs.replace(asked.options, reference=str(path)[-MAX_REFERENCE_CHARACTERS:]),
        password=asked.password,
    )


def _sentence(fault: Fault) -> str:
    return f"{fault.message} ({fault.code})"


def _outcomes(settings: Settings, asked: Asked) -> Iterator[Outcome]:
    """In the order of the files given, each as soon as it and those before it are done."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        loading = progress.add_task("loading the model", total=None)
        # The engine goes first, so that nobody waits for documents that are no longer wanted.
        with ThreadPoolExecutor(settings.max_concurrent_invocations) as pool, own_engine(settings) as engine:
            progress.remove_task(loading)
            reader = FileReader(engine, asked, progress)
            for outcome in pool.map(reader.outcome, asked.files):
                progress.stop()  # or the bar and what the caller prints would share a line
                yield outcome
                progress.start()


class Results:
    """Where results go: a file each beneath `out`, or stdout."""

    def __init__(self, asked: Asked) -> None:
        self._out = asked.out
        self._format = asked.format
        self._has_titles = len(asked.files) > 1 and asked.format == "text"
        self._names: set[str] = set()
        if asked.out is not None:
            asked.out.mkdir(parents=True, exist_ok=True)

    def write(self, path: Path, reading: DocumentReading) -> None:
        body = write_reading(reading, _MEDIA_TYPES[self._format]).body
        if self._out is not None:
            (self._out / self._name(path)).write_bytes(body)
            return
        title = f"==> {path} <==\n".encode() if self._has_titles else b""
        sys.stdout.buffer.write(title + body.rstrip(b"\n") + b"\n")
        sys.stdout.buffer.flush()

    def _name(self, path: Path) -> str:
        """`scan.pdf.json`; a second file of that name becomes `scan.pdf-2.json`."""
        suffix, number = _SUFFIXES[self._format], 1
        name = f"{path.name}{suffix}"
        while name in self._names:
            number += 1
            name = f"{path.name}-{number}{suffix}"
        self._names.add(name)
        return name


def _asked(argv: Sequence[str] | None) -> Asked:
    """Raises BadRequest for an option that is out of bounds, before anything is started."""
    parser = argparse.ArgumentParser(prog="quire read", description="Reads documents without a server.")
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--format", choices=tuple(_MEDIA_TYPES), default="text")
    parser.add_argument("--pages")
    parser.add_argument("--dpi", type=int)
    parser.add_argument("--text", choices=("auto", "ocr", "layer"), default="auto")
    parser.add_argument("--password")
    given = parser.parse_args(argv)
    options = ReadOptions.from_mapping({"pages": given.pages, "dpi": given.dpi, "text": given.text})
    return Asked(tuple(given.files), given.out, given.format, options, given.password)


def _complain(sentence: str) -> None:
    sys.stderr.write(f"quire read: {sentence}\n")


def main(argv: Sequence[str] | None = None) -> int:
    """0 when every page of every file was read, else 1."""
    try:
        asked, settings = _asked(argv), Settings.from_environ(os.environ)
        results = Results(asked)
        complaints = 0
        for outcome in _outcomes(settings, asked):
            if outcome.reading is not None:
                results.write(outcome.path, outcome.reading)
            for sentence in outcome.complaints:
                _complain(sentence)
                complaints += 1
    except (SettingsError, BadRequest, EngineFailed, OSError) as error:
        _complain(str(error))
        return 1
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
