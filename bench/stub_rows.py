"""How well is batching itself done? Each system serves a model of known cost: 100 ms a batch and 1 ms a page,
at most 16 pages, with 16 one-page documents in flight. Nothing here imports torch."""

from __future__ import annotations

from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

from bench.contenders import Contender, HttpLoad, LineLoad
from bench.documents import Document, write_tiny_documents
from bench.loads import container_posts, form_post
from bench.peers.litserve_choice import STUB_CANDIDATES, start_best, try_all
from bench.peers.servers import Batching, PeerServer, flask_container, litserve_container
from bench.rounds import Measured, Row
from bench.served import served
from bench.session import Plan, Session
from bench.stub_container import stub_base
from bench.tables import Comparison

IN_FLIGHT = 16
OPTIONS = {"batch_seconds": 0.1, "page_seconds": 0.001, "max_items": IN_FLIGHT}
IDEAL_PAGES_PER_SECOND = IN_FLIGHT / (0.1 + IN_FLIGHT * 0.001)
NUM_DOCUMENTS, NUM_QUICK_DOCUMENTS = 480, 64
NUM_ONE_BY_ONE = 48
"""One document a worker takes nine times as long for each."""

FLASK, LITSERVE = "stub-flask", "stub-litserve"
_HEAD = (
    *("row", "pages/s", "of ideal", "× one a worker", "× LitServe"),
    *("batches of 2+", "mean batch", "CPU ms a page"),
)


class StubRows:
    """The rows, all over the same stub and documents."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._concurrency = {"QUIRE_MAX_CONCURRENT_INVOCATIONS": str(IN_FLIGHT)}

    def rows(self) -> list[Row]:
        how = "one device worker, QUIRE_MAX_CONCURRENT_INVOCATIONS=16"
        one = "gunicorn -k sync -w 1: each document is a batch of its own."
        plain = (
            "LitServer(workers_per_device=1, fast_queue=True), max_batch_size=16, its default batch_timeout."
        )
        best = "LitServer(workers_per_device=1, fast_queue=True), the fastest of the settings tried."
        return [
            Row("stub-engine", "engine without HTTP", how, "stub", self._engine),
            Row("stub-http", "container over HTTP", how, "stub", self._http),
            Row(FLASK, "one document a worker (Flask)", one, "stub", self._flask),
            Row(LITSERVE, "LitServe at its best", best, "stub", self._litserve),
            Row("stub-litserve-default", "LitServe, batch_timeout=0", plain, "stub", self._plain_litserve),
        ]

    @property
    def _documents(self) -> tuple[Document, ...]:
        return self._session.plan.documents

    def _engine(self) -> Contender:
        process = self._session.start_engine(IN_FLIGHT)
        return LineLoad(process, self._documents, IN_FLIGHT, self._session.engine_log)

    def _http(self) -> Contender:
        session = self._session
        container = session.stack.enter_context(served(**session.settings, **self._concurrency))
        container.await_healthy()
        posts = container_posts(self._documents)
        return HttpLoad(container, posts, len(posts), IN_FLIGHT)

    def _flask(self) -> Contender:
        environ = self._session.peer_environ()
        server = self._session.stack.enter_context(flask_container(self._session.folder, 1, environ))
        count = IN_FLIGHT if self._session.plan.is_quick else NUM_ONE_BY_ONE
        posts = container_posts(self._documents[:count])
        return HttpLoad(server, posts, len(posts), IN_FLIGHT)

    def _litserve(self) -> Contender:
        posts = [form_post(each) for each in self._documents]
        candidates = STUB_CANDIDATES[2:3] if self._session.plan.is_quick else STUB_CANDIDATES
        trials = try_all(self._start_litserve, candidates, posts[: NUM_DOCUMENTS // 2], IN_FLIGHT)
        server = start_best(self._start_litserve, trials, self._session.stack)
        note = "; ".join(map(str, trials))
        return HttpLoad(server, posts, len(posts), IN_FLIGHT, (), server.awake, note)

    def _plain_litserve(self) -> Contender:
        posts = [form_post(each) for each in self._documents]
        server = self._session.stack.enter_context(self._start_litserve(Batching(IN_FLIGHT, 0.0)))
        server.freeze()
        return HttpLoad(server, posts, len(posts), IN_FLIGHT, (), server.awake)

    def _start_litserve(self, batching: Batching) -> AbstractContextManager[PeerServer]:
        return litserve_container(self._session.folder, 1, "cpu", batching, self._session.peer_environ())


def stub_session(folder: Path, stack: ExitStack, is_quick: bool) -> Session:
    """On one stub device, whatever the machine has."""
    place = folder / "documents"
    place.mkdir()
    documents = write_tiny_documents(place, NUM_QUICK_DOCUMENTS if is_quick else NUM_DOCUMENTS)
    session = Session(Plan(documents, "auto", is_quick), folder, stack)
    base = str(stack.enter_context(stub_base(**OPTIONS)))
    session.settings = {"SAGEMAKER_BASE_DIR": base, "QUIRE_DEVICE": "cpu", "QUIRE_DEVICE_WORKERS": "1"}
    return session


def stub_table(comparison: Comparison) -> str:
    lines = ["| " + " | ".join(_HEAD) + " |", "|---" * len(_HEAD) + "|"]
    others = {each.row.key: each for each in comparison.present}
    for each in comparison.measured:
        if each.absence:
            lines.append(f"| {each.row.name} | left out: {each.why_absent} |" + " |" * 6)
            continue
        found = comparison.occupancy(each)
        mixed = f"{found.mixed_share:.0%}" if found else ""
        mean = f"{next(iter(found.lanes.values())).mean_items:.1f}" if found else ""
        ratios = [_times(each, others.get(key)) for key in (FLASK, LITSERVE)]
        share = f"{each.pages_per_second / IDEAL_PAGES_PER_SECOND:.0%}"
        cpu = f"{each.cpu_seconds_a_page * 1000:.1f}"
        cells = (each.row.name, f"{each.pages_per_second:.1f}", share, *ratios, mixed, mean, cpu)
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _times(measured: Measured, other: Measured | None) -> str:
    return f"{measured.ratio_to(other):.2f}" if other else ""
