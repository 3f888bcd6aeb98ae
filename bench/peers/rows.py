"""How are the peers set up on this machine? Each in its own best published way, over the same model."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib.util import find_spec

from bench.contenders import Contender, HttpLoad, LineLoad
from bench.loads import Post, container_posts, form_post
from bench.peers.litserve_choice import CPU_CANDIDATES, CUDA_CANDIDATES, Trial, start_best, try_all
from bench.peers.servers import Batching, PeerAbsent, PeerServer, flask_container, litserve_container
from bench.rounds import Row
from bench.session import DOCUMENTS, Session

RAPIDOCR = "rapidocr"
_TRIED_IN_FLIGHT = 4


def peer_rows(session: Session) -> list[Row]:
    """Flask and LitServe have a worker a core on the CPU, one on CUDA."""
    litserve = _LitServe(session)
    return [
        _flask_row(session),
        *(litserve.row(in_flight) for in_flight in ((16, 64) if session.on_cuda else (4, 16))),
        _rapidocr_row(session),
    ]


def _flask_row(session: Session) -> Row:
    workers = session.peer_workers

    def start() -> Contender:
        posts = container_posts(session.documents(slow=True))
        environ = session.peer_environ()
        server = session.stack.enter_context(flask_container(session.folder, workers, environ))
        return HttpLoad(server, posts, len(posts), 4, session.gpus)

    about = (
        f"gunicorn -k sync -w {workers}, {session.peer_threads}; a worker has our reader to itself and reads "
        "one document at a time, all its pages in common batches (bench/peers/flask_container.py)."
    )
    return Row("flask-4", "one document a worker (Flask), 4 in flight", about, DOCUMENTS, start)


@dataclass(frozen=True)
class _LitServe:
    """One server for all its rows, with the settings that were fastest."""

    session: Session

    def row(self, in_flight: int) -> Row:
        def start() -> Contender:
            session, posts = self.session, self._posts()
            server, trials = session.once("litserve", lambda: self._start(posts))
            gpus, note = session.gpus, "; ".join(map(str, trials))
            return HttpLoad(server, posts, len(posts), in_flight, gpus, server.awake, note)

        about = (
            f"LitServer(workers_per_device={self.session.peer_workers}, fast_queue=True), "
            f"{self.session.peer_threads}, around our reader's batched reading, with the fastest of the "
            "settings tried first (bench/peers/litserve_container.py)."
        )
        return Row(f"litserve-{in_flight}", f"LitServe, {in_flight} in flight", about, DOCUMENTS, start)

    def _posts(self) -> list[Post]:
        return [form_post(each) for each in self.session.documents(slow=True)]

    def _start(self, posts: Sequence[Post]) -> tuple[PeerServer, list[Trial]]:
        candidates = CUDA_CANDIDATES if self.session.on_cuda else CPU_CANDIDATES
        tried = candidates[1:2] if self.session.plan.is_quick else candidates
        trials = try_all(self._start_with, tried, posts[:16], _TRIED_IN_FLIGHT)
        return start_best(self._start_with, trials, self.session.stack), trials

    def _start_with(self, batching: Batching) -> AbstractContextManager[PeerServer]:
        session = self.session
        accelerator = "cuda" if session.on_cuda else "cpu"
        return litserve_container(
            session.folder, session.peer_workers, accelerator, batching, session.peer_environ()
        )


def _rapidocr_row(session: Session) -> Row:
    def start() -> Contender:
        if find_spec("rapidocr") is None:
            raise PeerAbsent("rapidocr is not installed (requirements-bench.lock)")
        process = session.start("bench.peers.rapidocr_loop", {})
        note = f"ONNX Runtime on {process.await_ready()['provider']}"
        return LineLoad(process, session.documents(slow=True), 1, None, session.gpus, note)

    about = "RapidOCR 3.10.0 with its own defaults, the same weights, one image after the other, no HTTP."
    return Row(RAPIDOCR, "RapidOCR's loop", about, DOCUMENTS, start)
