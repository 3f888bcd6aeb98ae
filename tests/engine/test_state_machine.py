"""Whatever clients and workers do, in any order that they may, the engine keeps its promises: hypothesis
drives the real engine among recorders that know what may be said next."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from quire.engine.arena import ArenaLedger
from quire.engine.device_pool import DevicePool
from quire.engine.engine import Engine
from quire.engine.events import DeviceEvents, RenderEvents
from quire.engine.messages import (
    BatchBegan,
    BatchRun,
    DeviceReady,
    JobFailed,
    LayerRead,
    LimitBatch,
    Measured,
    Opened,
    PageDropped,
    PageFaulted,
    PageRead,
    Rendered,
    RendererReady,
)
from quire.engine.render_pool import RenderPool
from quire.words.errors import DocumentUnreadable, Fault, InternalError, PageUnreadable
from quire.words.reading import ModelInfo, PageSize, PageText
from tests.engine.simulation_book import (
    Book,
    BookDocument,
    RecordingClient,
    RecordingDevice,
    RecordingRenderer,
    Stage,
    Where,
)

Kind = TypeVar("Kind")

PAGE_SECONDS, STALL_SECONDS, STARTUP_SECONDS, DRAIN_SECONDS = 60.0, 300.0, 600.0, 20.0
PAGES_WANTED = 3
SIZES = tuple(PageSize(width_px=64, height_px=height, dpi=None) for height in (20, 40, 100))
"""Of 4, 8 and 20 KiB in an arena of 24."""
TOO_LARGE = PageSize(width_px=64, height_px=200, dpi=None)

READY = DeviceReady(
    model=ModelInfo(name="m", revision="1"), device="none", precision="none", pages_wanted=PAGES_WANTED
)
WHICH = st.integers(0, 11)
"""Which of those that may act; more numbers than there ever are of them."""

CHANCE, NOW = st.integers(0, 9), 7
"""What would end an example too early happens only now and then."""

AT_WORK = (Stage.OPENING, Stage.ASKED, Stage.MEASURED, Stage.GRANTED, Stage.REFUSED)
MOST_DOCUMENTS = 5


class EngineAmongRecorders(RuleBasedStateMachine):
    """Each rule is one report; the engine steps after it, or only after the next few."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = tempfile.TemporaryDirectory(prefix="quire-test-")
        self.book = Book(Path(self.directory.name), 24 * 1024, PAGE_SECONDS, PAGES_WANTED)
        self.unstepped = 0

    @initialize(renderers=st.integers(1, 3), devices=st.integers(1, 3), is_warm=st.booleans())
    def build(self, renderers: int, devices: int, is_warm: bool) -> None:
        book = self.book
        self.num_renderers, self.num_devices = renderers, devices
        self.engine = Engine(
            renderers=RenderPool(book.spawn_renderer, renderers, PAGE_SECONDS),
            devices=DevicePool(
                book.spawn_device,
                devices,
                stall_seconds=STALL_SECONDS,
                startup_seconds=STARTUP_SECONDS,
            ),
            arena=ArenaLedger(book.arena_bytes),
            drain_seconds=DRAIN_SECONDS,
            max_pages=1000,
        )
        self.render_events = RenderEvents(self.engine)
        self.device_events = DeviceEvents(self.engine)
        self.step()
        while is_warm and (self.starting_devices or self.renderers_at(Stage.STARTING)):
            self.somebody_does_what_they_should(0)

    # --- who may act ---

    def renderers_at(self, *stages: Stage) -> list[RecordingRenderer]:
        return [each for each in self.book.renderers if each.stage in stages and not each.has_hung_up]

    @property
    def laden_devices(self) -> list[RecordingDevice]:
        return [device for device in self.book.devices if device.aboard and not device.has_hung_up]

    @property
    def starting_devices(self) -> list[RecordingDevice]:
        return [device for device in self.book.devices if not (device.is_ready or device.has_hung_up)]

    @property
    def present_clients(self) -> list[RecordingClient]:
        return [client for client in self.book.clients if not client.is_gone]

    # --- how they act ---

    def step(self) -> None:
        self.unstepped = 0
        self.book.is_lost = self.engine.devices.is_hopeless or self.engine.renderers.is_hopeless
        self.engine.step(self.book.now)

    def reported(self) -> None:
        if self.unstepped > 1:
            self.unstepped -= 1
        else:
            self.step()

    def renderer_says(self, renderer: RecordingRenderer, message: Any) -> None:
        self.render_events.report(renderer, message, self.book.now)
        self.reported()

    def device_says(self, device: RecordingDevice, message: Any) -> None:
        self.device_events.report(message, device, self.book.now)
        self.reported()

    @precondition(lambda self: not self.unstepped)
    @rule(reports=st.integers(2, 4))
    def much_happens_at_once(self, reports: int) -> None:
        self.unstepped = reports

    @rule(moves=st.lists(WHICH, min_size=4, max_size=16))
    def work_goes_on(self, moves: list[int]) -> None:
        for which in moves:
            self.somebody_does_what_they_should(which)
            self.all_is_well()

    # --- clients ---

    @precondition(lambda self: len(self.engine.orders) < MOST_DOCUMENTS)
    @rule(
        num_pages=st.sampled_from([1, 2, 3, 4, 6, 0]),
        seconds=st.sampled_from([3.0, 50.0, 1e5, 1e5, 1e5, 1e5]),
        strict=st.booleans(),
    )
    def submit(self, num_pages: int, seconds: float, strict: bool) -> None:
        book = self.book
        path = f"{len(book.documents)}.pdf"
        document = BookDocument(book, path, num_pages, book.now + seconds, strict and num_pages > 1)
        book.documents[path] = document
        client = RecordingClient(document)
        book.clients.append(client)
        self.engine.submit(client, document.submit(), book.now)
        assert bool(client.answers) == book.is_draining
        self.reported()

    @precondition(lambda self: self.present_clients)
    @rule(which=WHICH, chance=CHANCE)
    def hang_up(self, which: int, chance: int) -> None:
        if chance < NOW:
            return
        client = one(self.present_clients, which)
        client.is_gone = True
        if not client.document.is_ended:
            client.document.end()
        self.engine.client_gone(client)
        self.reported()

    @rule(seconds=st.sampled_from([0.1, 0.5, 1.0, 2.0, 3.0, 5.0, 20.0, 61.0, 301.0]))
    def time_passes(self, seconds: float) -> None:
        self.book.now += seconds
        self.step()

    @precondition(lambda self: len(self.book.documents) > 4 and not self.book.is_draining)
    @rule(chance=CHANCE)
    def drain(self, chance: int) -> None:
        if chance != NOW:
            return
        self.book.is_draining = True
        self.engine.drain(self.book.now)
        self.reported()

    # --- render workers ---

    @precondition(lambda self: self.renderers_at(Stage.STARTING))
    @rule(which=WHICH)
    def renderer_is_up(self, which: int) -> None:
        renderer = one(self.renderers_at(Stage.STARTING), which)
        renderer.stage = Stage.IDLE
        self.renderer_says(renderer, RendererReady())

    @precondition(lambda self: self.renderers_at(Stage.OPENING))
    @rule(which=WHICH, fails=st.sampled_from([False, False, False, True]))
    def opened(self, which: int, fails: bool) -> None:
        renderer = one(self.renderers_at(Stage.OPENING), which)
        document = known(renderer.document)
        self.book.renderer_free(renderer)
        if fails:
            document.faults.add("document_unreadable")
            fault = Fault.of(DocumentUnreadable("broken"))
            self.renderer_says(renderer, JobFailed(job=renderer.job, fault=fault))
        else:
            document.open()
            self.renderer_says(renderer, Opened(job=renderer.job, num_pages=document.num_pages))

    @property
    def opening_one_page(self) -> list[RecordingRenderer]:
        return [each for each in self.renderers_at(Stage.OPENING) if known(each.document).num_pages == 1]

    @precondition(lambda self: self.opening_one_page)
    @rule(which=WHICH)
    def opened_and_goes_on(self, which: int) -> None:
        renderer = one(self.opening_one_page, which)
        renderer.go_on()
        self.renderer_says(renderer, Opened(job=renderer.job, num_pages=1, goes_on=True))

    @precondition(lambda self: self.renderers_at(Stage.ASKED))
    @rule(which=WHICH, size=st.sampled_from([*SIZES, TOO_LARGE]))
    def measured(self, which: int, size: PageSize) -> None:
        renderer = one(self.renderers_at(Stage.ASKED), which)
        known(renderer.page).size = size
        renderer.stage = Stage.MEASURED
        self.renderer_says(renderer, Measured(job=renderer.job, size=size))

    @precondition(lambda self: self.renderers_at(Stage.ASKED))
    @rule(which=WHICH)
    def layer_read(self, which: int) -> None:
        renderer = one(self.renderers_at(Stage.ASKED), which)
        page = known(renderer.page)
        self.book.done(page, page.text, has_failed=False)
        self.book.renderer_free(renderer)
        text = PageText(text=page.text, lines=(), blocks=())
        self.renderer_says(renderer, LayerRead(job=renderer.job, size=SIZES[0], text=text))

    @precondition(lambda self: self.renderers_at(Stage.GRANTED))
    @rule(which=WHICH)
    def rendered(self, which: int) -> None:
        renderer = one(self.renderers_at(Stage.GRANTED), which)
        page = known(renderer.page)
        page.where = Where.READY
        if page.document.is_ended:
            self.book.done(page, "", has_failed=False)
        self.book.renderer_free(renderer)
        self.renderer_says(renderer, Rendered(job=renderer.job))

    @precondition(lambda self: self.renderers_at(Stage.ASKED, Stage.GRANTED, Stage.REFUSED))
    @rule(which=WHICH)
    def page_is_unreadable(self, which: int) -> None:
        renderer = one(self.renderers_at(Stage.ASKED, Stage.GRANTED, Stage.REFUSED), which)
        page = known(renderer.page)
        is_refused = renderer.stage is Stage.REFUSED
        error = InternalError("got no pixels") if is_refused else PageUnreadable("broken")
        outcome = "page_too_large" if is_refused and page.is_too_large else error.code
        self.book.done(page, outcome, has_failed=True)
        self.book.renderer_free(renderer)
        self.renderer_says(renderer, JobFailed(job=renderer.job, fault=Fault.of(error)))

    @precondition(lambda self: self.book.renderers)
    @rule(which=WHICH, chance=CHANCE)
    def any_renderer_dies(self, which: int, chance: int) -> None:
        if chance == NOW:
            self.renderer_dies(one(self.book.renderers, which))

    @precondition(lambda self: self.renderers_at(*Stage))
    @rule(which=WHICH, chance=CHANCE)
    def renderer_hangs_up(self, which: int, chance: int) -> None:
        if chance == NOW:
            renderer = one(self.renderers_at(*Stage), which)
            renderer.has_hung_up = True
            self.engine.renderers.hung_up(renderer)
            self.reported()

    @precondition(lambda self: self.renderers_at(*AT_WORK))
    @rule(which=WHICH)
    def renderer_at_work_dies(self, which: int) -> None:
        self.renderer_dies(one(self.renderers_at(*AT_WORK), which))

    def renderer_dies(self, renderer: RecordingRenderer) -> None:
        self.book.renderer_died(renderer)
        self.render_events.died(renderer, self.book.now)
        self.reported()

    # --- device workers ---

    @precondition(lambda self: self.starting_devices)
    @rule(which=WHICH)
    def device_is_warm(self, which: int) -> None:
        device = one(self.starting_devices, which)
        device.is_ready = True
        self.book.failed_starts[device.number] = 0
        self.device_says(device, READY)

    @precondition(lambda self: self.laden_devices)
    @rule(which=WHICH, is_over=st.booleans())
    def batch(self, which: int, is_over: bool) -> None:
        device = one(self.laden_devices, which)
        pages = tuple(device.aboard)
        began = BatchBegan(lane="x", canvas_height=1, canvas_width=1, num_items=len(pages))
        run = BatchRun(
            lane="x", canvas_height=1, canvas_width=1, num_items=len(pages), pages=pages, milliseconds=1.0
        )
        self.device_says(device, run if is_over else began)

    @precondition(lambda self: self.laden_devices)
    @rule(which=WHICH, of=WHICH)
    def page_read(self, which: int, of: int) -> None:
        device = one(self.laden_devices, which)
        key = one(list(device.aboard), of)
        page = self.book.leave_device(device, key)
        self.book.done(page, page.text, has_failed=False)
        self.book.fruitless_deaths[device.number] = self.book.failed_starts[device.number] = 0
        text = PageText(text=page.text, lines=(), blocks=())
        self.device_says(device, PageRead(page=key, text=text, cost_ms=1.0))

    @precondition(lambda self: self.laden_devices)
    @rule(which=WHICH, of=WHICH)
    def page_faults(self, which: int, of: int) -> None:
        device = one(self.laden_devices, which)
        key = one(list(device.aboard), of)
        self.book.charge(self.book.leave_device(device, key))
        self.device_says(device, PageFaulted(page=key, reason="?"))

    @precondition(lambda self: any(device.dropped for device in self.laden_devices))
    @rule(which=WHICH)
    def page_dropped(self, which: int) -> None:
        device = one([device for device in self.laden_devices if device.dropped], which)
        key = min(device.dropped)
        self.book.done(self.book.leave_device(device, key), "", has_failed=False)
        self.device_says(device, PageDropped(page=key))

    @precondition(lambda self: self.laden_devices)
    @rule(which=WHICH, max_items=st.integers(1, 4))
    def memory_is_out(self, which: int, max_items: int) -> None:
        limit = LimitBatch(lane="x", canvas_height=1, canvas_width=1, max_items=max_items)
        self.device_says(one(self.laden_devices, which), limit)

    @precondition(lambda self: self.book.devices)
    @rule(which=WHICH, chance=CHANCE)
    def any_device_dies(self, which: int, chance: int) -> None:
        if chance == NOW:
            self.device_dies(one(self.book.devices, which))

    @precondition(lambda self: any(not device.has_hung_up for device in self.book.devices))
    @rule(which=WHICH, chance=CHANCE)
    def device_hangs_up(self, which: int, chance: int) -> None:
        if chance >= NOW:
            device = one([device for device in self.book.devices if not device.has_hung_up], which)
            device.has_hung_up = True
            self.engine.devices.hung_up(device)
            self.reported()

    @precondition(lambda self: self.laden_devices)
    @rule(which=WHICH)
    def laden_device_dies(self, which: int) -> None:
        self.device_dies(one(self.laden_devices, which))

    def device_dies(self, device: RecordingDevice) -> None:
        self.book.device_died(device)
        self.device_events.died(device, self.book.now)
        self.reported()

    # --- what always holds ---

    @invariant()
    def all_is_well(self) -> None:
        if self.is_built:
            self.bytes_are_free_or_held()
            self.what_nobody_wants_is_told_to_go()
            self.the_engine_knows_whom_it_owes()
            self.it_is_lost_only_when_nobody_is_left()
            if not self.unstepped:
                self.nothing_is_overdue()
                self.nobody_idles_while_there_is_work()

    def bytes_are_free_or_held(self) -> None:
        assert self.engine.arena.num_free_bytes + self.book.num_held_bytes == self.book.arena_bytes

    def what_nobody_wants_is_told_to_go(self) -> None:
        for device in self.book.devices:
            unwanted = {key for key, page in device.aboard.items() if page.document.is_ended}
            assert device.dropped == unwanted
        for renderer in self.book.renderers:
            closed = renderer.closed
            assert len(closed) == len(set(closed))
            assert all(self.book.documents[path].is_ended for path in closed)
            if renderer.stage is Stage.IDLE and renderer.is_there:
                assert set(closed) == {path for path in renderer.opened if self.book.documents[path].is_ended}

    def the_engine_knows_whom_it_owes(self) -> None:
        owed = [document for document in self.book.documents.values() if not document.is_ended]
        assert len(self.engine.orders) == len(owed)

    def it_is_lost_only_when_nobody_is_left(self) -> None:
        if self.engine.devices.is_hopeless:
            assert len(self.book.given_up) == self.num_devices
        if self.engine.renderers.is_hopeless:
            assert all(renderer.stage is Stage.STARTING for renderer in self.book.renderers)

    def nothing_is_overdue(self) -> None:
        wakeup = self.engine.next_wakeup()
        assert wakeup is None or wakeup > self.book.now
        assert not [page for page in self.book.wanted_pages if page.document.is_overdue]

    def nobody_idles_while_there_is_work(self) -> None:
        if self.engine.model is None:
            return
        ready = [page for page in self.book.wanted_pages if page.where is Where.READY]
        free = [device for device in self.book.devices if device.is_ready and device.is_there]
        if any(page.must_be_alone for page in ready):
            assert not free or self.laden_devices, "a lone page waits, and no device has to become empty"
        elif ready:
            assert all(device.aboard for device in free), "a page waits before an empty device"
        if self.renderers_at(Stage.MEASURED):
            assert self.book.num_held_bytes, "a page waits for an arena that is free"
        if any(renderer.is_there for renderer in self.renderers_at(Stage.IDLE)):
            self.assert_idle_renderer_has_nothing_to_do(len(ready))

    def assert_idle_renderer_has_nothing_to_do(self, num_ready: int) -> None:
        documents = [document for document in self.book.documents.values() if not document.is_ended]
        assert not [document for document in documents if document.where is Where.UNSTARTED]
        num_rendering = len(self.renderers_at(Stage.ASKED, Stage.MEASURED, Stage.GRANTED, Stage.REFUSED))
        if num_ready + num_rendering < 2:
            assert not [page for page in self.book.wanted_pages if page.where is Where.UNSTARTED]

    @property
    def is_built(self) -> bool:
        return hasattr(self, "engine")

    # --- the end: everybody does what they should ---

    def teardown(self) -> None:
        try:
            if self.is_built and sys.exc_info()[0] is None:
                self.let_all_succeed()
        finally:
            for order in self.engine.orders.values() if self.is_built else ():
                order.document.discard()
            self.directory.cleanup()

    def let_all_succeed(self) -> None:
        self.step()
        for _ in range(1000):
            if self.engine.lost_reason or (self.is_at_rest and not self.engine.orders):
                break
            if not self.somebody_does_what_they_should(0):
                self.time_passes(11.0)
            self.all_is_well()
        self.assert_all_is_over()

    @property
    def is_at_rest(self) -> bool:
        all_idle = len(self.renderers_at(Stage.IDLE)) == self.num_renderers
        num_warm = sum(device.is_ready and device.is_there for device in self.book.devices)
        all_warm = num_warm + len(self.book.given_up) == self.num_devices
        return all_idle and all_warm and not self.laden_devices

    def somebody_does_what_they_should(self, which: int) -> bool:
        """One of those that can go on does; whether there was one."""
        dead_renderers = [each for each in self.book.renderers if not each.is_there]
        dead_devices = [each for each in self.book.devices if not each.is_there]
        moves: list[tuple[Sequence[Any], Callable[[], None]]] = [
            (self.renderers_at(Stage.STARTING), lambda: self.renderer_is_up(which)),
            (self.starting_devices, lambda: self.device_is_warm(which)),
            (self.renderers_at(Stage.OPENING), lambda: self.opened(which, fails=False)),
            (self.renderers_at(Stage.ASKED), lambda: self.measured(which, SIZES[which % len(SIZES)])),
            (self.renderers_at(Stage.GRANTED), lambda: self.rendered(which)),
            (self.renderers_at(Stage.REFUSED), lambda: self.page_is_unreadable(which)),
            (self.laden_devices, lambda: self.page_read(which, which)),
            (dead_renderers, lambda: self.renderer_dies(one(dead_renderers, which))),
            (dead_devices, lambda: self.device_dies(one(dead_devices, which))),
        ]
        possible = [move for able, move in moves if able]
        if possible:
            one(possible, which)()
        return bool(possible)

    def assert_all_is_over(self) -> None:
        for client in self.book.clients:
            assert client.document.is_ended
            assert len(client.answers) == 1 or client.is_gone
        assert not self.engine.orders
        assert not self.engine.ready_pages
        if not self.engine.lost_reason:
            assert self.engine.arena.num_free_bytes == self.book.arena_bytes
            assert self.engine.next_wakeup() is None
        assert self.engine.is_drained == self.book.is_draining


def one(among: Sequence[Kind], which: int) -> Kind:
    return among[which % len(among)]


def known(thing: Kind | None) -> Kind:
    assert thing is not None
    return thing


def test_a_page_that_is_given_up_after_a_long_wait_for_the_arena_makes_no_renderer_late() -> None:
    """Found by the machine, and too rare to leave to it: the wait counted as if it were drawing."""
    machine = EngineAmongRecorders()
    machine.build(renderers=1, devices=1, is_warm=True)
    for _ in range(2):
        machine.submit(num_pages=1, seconds=1e5, strict=False)
        machine.opened(0, fails=False)
        machine.measured(0, SIZES[-1])
        if machine.renderers_at(Stage.GRANTED):
            machine.rendered(0)
    machine.time_passes(PAGE_SECONDS + 1)
    machine.hang_up(1, NOW)
    machine.all_is_well()
    assert machine.renderers_at(Stage.REFUSED)
    machine.teardown()


TestEngineAmongRecorders = EngineAmongRecorders.TestCase
TestEngineAmongRecorders.settings = settings(
    max_examples=400,
    stateful_step_count=80,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
