"""Which rows stand in the table? The raw ceiling, Quire itself, and its peers."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec

from bench.ceiling import CeilingProcesses
from bench.contenders import CeilingLoad, Contender, HttpLoad, LineLoad
from bench.loads import container_posts
from bench.peers.rows import peer_rows
from bench.peers.servers import PeerAbsent
from bench.rounds import Row
from bench.session import CUDA_REPEATS, DOCUMENTS, LONG, Collected, Session

_CEILING = (
    "The forward passes of both networks alone, on the canvases and line crops that the reader makes of the "
    "same pages. They lie on the device as uint8 before the clock starts and go through in batches of one "
    "canvas, of the sweep's best size. No rendering, cutting of lines, finding of regions, decoding."
)


def rows(session: Session) -> list[Row]:
    """All rows for this machine, in the table's order."""
    in_flight = (1, 4, 16, 32, 64) if session.on_cuda else (1, 4, 16)
    return [
        *_ceiling_rows(session, "ceiling", "raw model ceiling", DOCUMENTS),
        _engine_row(session),
        *(_http_row(session, number) for number in in_flight),
        _mms_row(session),
        *_ceiling_rows(session, "long-ceiling", f"raw model ceiling of {_long(session)}", LONG),
        _long_row(session),
        *peer_rows(session),
    ]


def _ceiling_rows(session: Session, key: str, title: str, documents: str) -> list[Row]:
    """One process, and on the CPU as many as there are cores: the better of the two is the ceiling."""

    def start(processes: Callable[[], CeilingProcesses]) -> Contender:
        collected: Collected = session.collected(documents)
        times = CUDA_REPEATS if session.on_cuda else 1
        return CeilingLoad(processes(), collected.path, collected.num_pages, times)

    one = partial(start, lambda: session.one_process)
    found = [Row(key, f"{title}, one process", _CEILING, documents, one, is_ceiling=True)]
    if not session.on_cuda:
        about = f"The same shared out to {session.cores} processes of one thread each."
        many = partial(start, lambda: session.process_a_core)
        found.append(
            Row(f"{key}-cores", f"{title}, a process a core", about, documents, many, is_ceiling=True)
        )
    return found


def _engine_row(session: Session) -> Row:
    def start() -> Contender:
        process = session.start_engine(in_flight=4)
        return LineLoad(process, session.documents(), 4, session.engine_log, session.gpus)

    about = "Files handed to an engine of its own, as `quire read` does."
    return Row("engine-4", "engine without HTTP, 4 in flight", about, DOCUMENTS, start)


def _http_row(session: Session, in_flight: int) -> Row:
    def start() -> Contender:
        documents = session.documents(slow=in_flight == 1)
        posts, container = container_posts(documents), session.container
        return HttpLoad(container, posts, len(documents), in_flight, session.gpus)

    about = f"`./serve` with QUIRE_MAX_CONCURRENT_INVOCATIONS={session.most_in_flight}, else its defaults."
    return Row(f"http-{in_flight}", f"container over HTTP, {in_flight} in flight", about, DOCUMENTS, start)


def _mms_row(session: Session) -> Row:
    def start() -> Contender:
        if shutil.which("java") is None or find_spec("mms") is None:
            raise PeerAbsent("multi-model-server wants Java 17 and the packages of requirements-dev.in")
        documents, container = session.documents(), session.start_on_mms()
        return HttpLoad(container, container_posts(documents), len(documents), 4, session.gpus)

    about = "The same with QUIRE_MODEL_SERVER=mms (docs/mms.md)."
    return Row("mms-4", "container on multi-model-server, 4 in flight", about, DOCUMENTS, start)


def _long_row(session: Session) -> Row:
    def start() -> Contender:
        document, container = session.long_document, session.container
        posts = container_posts([document])
        return HttpLoad(container, posts, document.num_pages, 1, session.gpus)

    about = "A PDF of the documents' pictures, one a page, alone in the same container."
    return Row("long", f"{_long(session)} over HTTP", about, LONG, start)


def _long(session: Session) -> str:
    return f"one {session.num_long_pages}-page document"
