"""The front end's side of the handler workers, against a worker that a test plays by hand."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from quire.engine.channel import Channel, readable
from quire.engine.hang_up import CallerGone, HasFileno
from quire.handlers.context import InvocationNotes, RequestContext
from quire.handlers.handler_client import HandlerAnswerFile, HandlerClient
from quire.handlers.handler_messages import (
    Answered,
    DeadlineMoved,
    FromFrontEnd,
    Invoke,
    Refused,
    Taken,
    ToFrontEnd,
)
from quire.handlers.spooling import SpooledBody
from quire.words.errors import DeadlineExceeded, Fault, HandlerDied, HandlerRefused, ShuttingDown
from quire.words.settings import Settings
from tests.fakes.running_front_end import PATIENCE_SECONDS, eventually

NOBODY = 2**22 + 7
"""A pid that no process has: beyond the kernel's greatest."""


@dataclass
class House:
    """A socket directory, a listener that a test takes connections from, and a client of it."""

    folder: Path
    pool: ThreadPoolExecutor
    listener: socket.socket = field(init=False)
    client: HandlerClient = field(init=False)
    is_stopping: bool = False

    def __post_init__(self) -> None:
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(self.folder / "h.sock"))
        self.listener.listen()
        self.listener.settimeout(PATIENCE_SECONDS)
        self.client = self.new_client(0.0)

    def new_client(self, grace_seconds: float) -> HandlerClient:
        return HandlerClient(self.folder / "h.sock", grace_seconds, lambda: self.is_stopping)

    def context(
        self,
        seconds: float = PATIENCE_SECONDS,
        caller: HasFileno | None = None,
        reference: str = "ref-1",
        headers: Mapping[str, str] | None = None,
    ) -> RequestContext:
        now = time.monotonic()
        (self.folder / "invocation").mkdir(exist_ok=True)
        return RequestContext(
            settings=Settings.from_environ({}),
            directory=self.folder / "invocation",
            received_at=now,
            deadline=now + seconds,
            caller=caller,
            headers=headers or {"X-Mine": "1"},
            notes=InvocationNotes("id-1", reference),
        )

    def invoke(self, context: RequestContext, grace_seconds: float = 0.0) -> Future[HandlerAnswerFile]:
        body = SpooledBody(self.folder / "invocation" / "body", 3, "abc")
        client = self.new_client(grace_seconds) if grace_seconds else self.client
        return self.pool.submit(client.invoke, body, "text/plain", context)

    @contextmanager
    def taken(self, pid: int = NOBODY) -> Iterator[tuple[Channel[ToFrontEnd, FromFrontEnd], Invoke]]:
        """One invocation as a worker sees it, taken by a process that is nobody."""
        channel: Channel[ToFrontEnd, FromFrontEnd] = Channel(self.listener.accept()[0], FromFrontEnd)
        with closing(channel):
            asked = channel.receive()
            channel.send(Taken(pid=pid))
            yield channel, asked

    def nobody_comes(self) -> bool:
        return not readable([self.listener], 0.5)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with ThreadPoolExecutor(4) as pool:
        made = House(tmp_path, pool)
        with made.listener:
            yield made


def answer(asked: Invoke, body: bytes = b"hello", **changes: int) -> Answered:
    path = asked.directory / "answer"
    path.write_bytes(body)
    return Answered(
        path=path,
        num_bytes=len(body),
        content_type="text/plain",
        status=changes.get("status", 200),
        reference="ref-2",
        num_pages=7,
    )


def test_an_answer_is_a_file_without_a_name_and_nothing_else_is_left(house: House) -> None:
    context = house.context()
    reply = house.invoke(context)
    with house.taken() as (worker, asked):
        assert (asked.content_type, asked.inference_id, asked.headers) == (
            "text/plain",
            "id-1",
            {"X-Mine": "1"},
        )
        assert asked.directory.stat().st_mode & 0o777 == 0o700
        worker.send(answer(asked, status=201))
        found = reply.result()
    with found.file as file:
        assert (file.read(), found.num_bytes, found.status) == (b"hello", 5, 201)
    assert (context.notes.reference, context.notes.num_pages) == ("ref-2", 7)
    assert list(context.directory.iterdir()) == []


def test_an_error_keeps_its_type_and_the_status_that_the_handler_chose(house: House) -> None:
    reply = house.invoke(house.context())
    with house.taken() as (worker, _):
        fault = Fault(code="handler_refused", message="no such thing", retryable=False)
        worker.send(Refused(fault=fault, status=418, reference=None))
        with pytest.raises(HandlerRefused, match="no such thing") as caught:
            reply.result()
    assert caught.value.status == 418


def test_a_worker_that_dies_is_followed_by_one_other_in_a_fresh_directory(house: House) -> None:
    reply = house.invoke(house.context())
    with house.taken() as (_, first):
        (first.directory / "half-written").touch()
    with house.taken() as (worker, second):
        assert second.directory != first.directory
        worker.send(answer(second))
        assert reply.result().file.read() == b"hello"
        reply.result().file.close()


def test_two_deaths_are_an_error(house: House) -> None:
    reply = house.invoke(house.context())
    for _ in range(2):
        with house.taken():
            pass
    with pytest.raises(HandlerDied):
        reply.result()


def died_together(house: House, *names: str) -> dict[str, Future[HandlerAnswerFile]]:
    """Calls whose worker has died while it had all of them. Each is known by its reference."""
    replies = {}
    with contextlib.ExitStack() as worker:
        for name in names:
            replies[name] = house.invoke(house.context(reference=name))
            worker.enter_context(house.taken())
        time.sleep(0.2)  # every client has read who took it
    return replies


def test_those_that_died_together_are_tried_again_one_after_another(house: House) -> None:
    replies = died_together(house, "a", "b", "c")
    for _ in range(3):
        with house.taken(NOBODY + 1) as (worker, asked):
            assert house.nobody_comes(), "a suspect runs beside another"
            worker.send(answer(asked))
            assert asked.reference is not None
            replies.pop(asked.reference).result().file.close()
    assert not replies


def test_who_dies_alone_after_it_died_in_company_is_given_up_and_the_others_are_not(house: House) -> None:
    replies = died_together(house, "a", "b")
    with house.taken(NOBODY + 1) as (_, guilty):
        pass
    with pytest.raises(HandlerDied):
        replies.pop(guilty.reference or "").result()
    with house.taken(NOBODY + 2) as (worker, asked):
        worker.send(answer(asked))
        replies[asked.reference or ""].result().file.close()


def test_two_deaths_in_company_are_followed_by_a_try_alone_which_decides(house: House) -> None:
    replies = died_together(house, "a", "b")
    with house.taken(NOBODY + 1) as (_, first):
        late = house.invoke(house.context(reference="late"))
        with house.taken(NOBODY + 1):
            time.sleep(0.2)
    replies["late"] = late
    for _ in range(3):
        with house.taken(NOBODY + 2) as (worker, asked):
            assert house.nobody_comes(), "it is not alone"
            if asked.reference != first.reference:
                worker.send(answer(asked))
                replies.pop(asked.reference or "").result().file.close()
    ((name, guilty),) = replies.items()
    assert name == first.reference
    with pytest.raises(HandlerDied):
        guilty.result()


def test_a_full_queue_holds_nobody_beyond_the_deadline(house: House) -> None:
    house.listener.listen(0)
    with contextlib.ExitStack() as queue:
        for _ in range(2):
            waiting = queue.enter_context(socket.socket(socket.AF_UNIX))
            waiting.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                waiting.connect(str(house.folder / "h.sock"))
        with pytest.raises(DeadlineExceeded, match="no handler was free"):
            house.invoke(house.context(0.5)).result(PATIENCE_SECONDS)


def test_what_nobody_reads_holds_nobody_beyond_the_deadline(house: House) -> None:
    context = house.context(0.5, headers={"X-Long": "x" * 4_000_000})
    with pytest.raises(DeadlineExceeded, match="no handler was free"):
        house.invoke(context).result(PATIENCE_SECONDS)


def test_a_worker_that_answers_with_the_engines_deadline_is_left_alive(house: House) -> None:
    with subprocess.Popen(("sleep", "600"), start_new_session=True) as alive:
        reply = house.invoke(house.context())
        with house.taken(alive.pid) as (worker, _):
            fault = Fault(code="deadline_exceeded", message="no page was read", retryable=True)
            worker.send(Refused(fault=fault, status=504, reference=None))
            with pytest.raises(DeadlineExceeded, match="no page was read"):
                reply.result()
            eventually(worker.has_message)  # the front end has hung up
        with pytest.raises(subprocess.TimeoutExpired):
            alive.wait(0.5)
        alive.kill()


def test_deaths_before_it_was_taken_are_not_its_own(house: House) -> None:
    reply = house.invoke(house.context())
    for _ in range(4):
        house.listener.accept()[0].close()
    with house.taken() as (worker, asked):
        worker.send(answer(asked))
        reply.result().file.close()


def test_nobody_listens_until_the_deadline(tmp_path: Path, house: House) -> None:
    house.listener.close()
    (tmp_path / "h.sock").unlink()
    with pytest.raises(DeadlineExceeded, match="no handler was free"):
        house.invoke(house.context(0.3)).result()


def test_at_the_deadline_and_its_grace_nobody_waits_any_more(house: House) -> None:
    reply = house.invoke(house.context(0.2), grace_seconds=0.2)
    with house.taken(), pytest.raises(DeadlineExceeded, match="the handler did not answer"):
        reply.result()


def test_a_deadline_that_moves_is_heeded(house: House) -> None:
    context = house.context(0.3)
    reply = house.invoke(context)
    with house.taken() as (worker, asked):
        worker.send(DeadlineMoved(deadline=context.deadline + PATIENCE_SECONDS))
        time.sleep(0.5)
        worker.send(answer(asked))
        reply.result().file.close()


def test_a_hang_up_of_the_caller_is_one_of_ours(house: House) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        reply = house.invoke(house.context(caller=ours))
        with house.taken() as (worker, _):
            theirs.close()
            with pytest.raises(CallerGone):
                reply.result()
            assert worker.has_message(), "the worker does not learn of it"


@pytest.mark.parametrize("is_taken", [True, False])
def test_while_it_stops_nothing_is_tried_again(house: House, is_taken: bool) -> None:
    reply = house.invoke(house.context())
    if is_taken:
        with house.taken():
            house.is_stopping = True
    house.is_stopping = True
    with pytest.raises(ShuttingDown):
        reply.result()


def test_one_that_is_in_hand_may_end_while_the_container_stops(house: House) -> None:
    reply = house.invoke(house.context())
    with house.taken() as (worker, asked):
        house.is_stopping = True
        worker.send(answer(asked))
        reply.result().file.close()
