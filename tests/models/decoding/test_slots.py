"""Pages of all documents are written together; one that ends leaves, and the next one takes its place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bench.decoding import drawn_pages, mean_batch
from bench.decoding_run import run_lanes
from quire.engine.batch_pipeline import InlinePipeline
from quire.engine.lane_scheduler import LaneScheduler
from quire.engine.messages import BatchRun, LimitBatch, PageDropped, PageFaulted, PageRead
from quire.engine.port import Item, Pixels
from quire.models.decoding.lanes import BURST_TOKENS, DECODE, ENCODE, DecodeLane
from quire.models.decoding.page_decoder import PageDecoder
from quire.models.decoding.sequences import PageSequence
from quire.words.reading import PageText
from quire.words.request import Asked
from tests.fakes.aboard import page_aboard

Load = Callable[..., PageDecoder]

PAGES = drawn_pages(8)


class Driver:
    """A scheduler that runs one batch at a time, and what it said."""

    def __init__(self, model: PageDecoder) -> None:
        self.said: list[Any] = []
        self._pipeline = InlinePipeline(model.lanes)
        self.lanes = LaneScheduler(model, self.said.append, self._pipeline)

    def add(self, key: int) -> None:
        self.add_as(key, PAGES[key], None)

    def add_as(self, key: int, pixels: Pixels, asked: Asked | None) -> None:
        self.lanes.add(page_aboard(key, pixels, asked=asked), pixels, 0.0)

    def run_batch(self) -> BatchRun:
        num_said = len(self.said)
        self.step()
        (ran,) = (message for message in self.said[num_said:] if isinstance(message, BatchRun))
        return ran

    def step(self) -> None:
        self.lanes.step(0.0)
        for report in self._pipeline.take():
            self.lanes.report(report, 0.0)

    def run_until(self, lane: str, num_items: int) -> None:
        for _ in range(100):
            ran = self.run_batch()
            if (ran.lane, ran.num_items) == (lane, num_items):
                return
        raise AssertionError(f"no batch of {num_items} in {lane}")

    def read(self) -> dict[int, str]:
        return {key: text.text for key, text in self.texts().items()}

    def texts(self) -> dict[int, PageText]:
        return {message.page: message.text for message in self.said if isinstance(message, PageRead)}


def decode_lane(model: PageDecoder) -> DecodeLane:
    lane = model.lanes[DECODE]
    assert isinstance(lane, DecodeLane)
    return lane


@pytest.mark.parametrize("kind", ["donut", "idefics3"])
def test_pages_of_eight_documents_are_written_together(kind: str, load: Load) -> None:
    run = run_lanes(load(kind, max_tokens=60), PAGES, at_once=8)
    assert mean_batch(run) > 4


def test_one_document_at_a_time_is_written_alone(load: Load) -> None:
    assert mean_batch(run_lanes(load("donut", max_tokens=60), PAGES, at_once=1)) == 1


def test_a_page_that_comes_later_joins_those_under_way(load: Load) -> None:
    driver = Driver(load("trocr", max_tokens=90))
    driver.add(0)
    driver.run_until(DECODE, 1)
    driver.add(1)
    assert driver.run_batch().lane == ENCODE
    assert driver.run_batch().num_items == 2
    driver.run_until(DECODE, 1)
    assert list(driver.read()) == [0, 1], "the first to come left, and the second went on alone"


def test_a_dropped_page_leaves_its_slot_at_once(load: Load) -> None:
    model = load("trocr", max_tokens=90)
    driver, lane = Driver(model), decode_lane(model)
    num_rows = lane.num_rows
    for key in (0, 1, 2):
        driver.add(key)
    driver.run_until(DECODE, 3)
    assert lane.num_sequences == 3
    driver.lanes.drop(1)
    assert lane.num_sequences == 2
    assert PageDropped(page=1) in driver.said
    assert driver.run_batch().num_items == 2
    driver.add(3)
    driver.run_until(DECODE, 3)
    assert lane.num_rows == max(num_rows, 3), "the new page took the dropped one's row"
    while not driver.lanes.is_idle:
        driver.run_batch()
    assert sorted(driver.read()) == [0, 2, 3]
    assert lane.num_sequences == 0


def test_a_row_given_away_while_its_page_stood_in_a_batch_harms_nobody(load: Load) -> None:
    """The page is dropped after its batch was formed, and a newcomer is read before that batch runs."""
    model = load("trocr", max_tokens=90)
    dropped, staying = (begun(model, key) for key in (0, 1))
    alone = burst(model, [staying])
    dropped.payload.is_over = True
    begun(model, 2)
    assert burst(model, [dropped, staying])[1:] == alone
    staying.payload.is_over = True
    assert len(burst(model, [dropped])) == 1


def test_a_page_that_is_dropped_while_its_batch_runs_harms_nobody(load: Load) -> None:
    model = load("trocr", max_tokens=90)
    staying, dropped = (begun(model, key) for key in (0, 1))
    together = burst(model, [staying, dropped])
    dropped.payload.is_over = True
    assert burst(model, [staying, dropped]) == together
    assert burst(model, [staying]) == together[:1]
    staying.payload.is_over = True


def begun(model: PageDecoder, key: int) -> Item:
    """The page's first item of the lane `decode`."""
    reading = model.read(PAGES[key])
    (item,) = next(reading)
    lane = model.lanes[ENCODE]
    outputs = lane.post(lane.device(lane.pre(item.canvas, [item.payload])), [item.payload])
    (item,) = reading.send(outputs)
    # A generator that is given up would end its sequence.
    KEPT.append(reading)
    return item


KEPT: list[Any] = []


def burst(model: PageDecoder, items: list[Item]) -> list[list[int]]:
    lane = model.lanes[DECODE]
    payloads = [item.payload for item in items]
    return lane.post(lane.device(lane.pre(items[0].canvas, payloads)), payloads)


def test_a_batch_that_is_run_again_gives_the_same(load: Load) -> None:
    """As halves of a failed batch are."""
    model = load("donut")
    items = [begun(model, key) for key in (0, 1, 2)]
    together = burst(model, items)
    assert burst(model, items[1:]) == together[1:]
    assert burst(model, items[:1]) == together[:1]
    for item in items:
        item.payload.is_over = True


def test_a_deadline_of_its_own_ends_an_answer_with_what_is_written(load: Load) -> None:
    cut = run_lanes(load("trocr", deadline_seconds=1e-6), PAGES[:1], at_once=1).texts[0]
    whole = run_lanes(load("trocr"), PAGES[:1], at_once=1).texts[0]
    assert len(cut.text) == 1 + BURST_TOKENS
    assert whole.text.startswith(cut.text)
    assert len(whole.text) > len(cut.text)
    assert cut.is_cut


@pytest.mark.parametrize("kind", ["trocr", "idefics3"])
def test_each_request_asks_for_what_it_wants_in_the_same_batches(kind: str, load: Load) -> None:
    model = load(kind)
    prompts = (None, "Who sent this?", "total")
    alone = [answered(model, 0, [Asked(prompt=prompt)])[0] for prompt in prompts]
    assert len({answer.text for answer in alone}) > 1
    assert answered(model, 0, [Asked(prompt=prompt) for prompt in prompts]) == alone


def test_an_answer_is_as_long_as_was_asked_and_never_longer_than_the_folder_allows(load: Load) -> None:
    model = load("trocr", max_tokens=20)
    whole, short, long = answered(model, 0, [Asked(), Asked(max_tokens=7), Asked(max_tokens=90)])
    assert short.is_cut
    assert whole.text.startswith(short.text)
    assert len(short.text) < len(whole.text)
    assert long == whole


def answered(model: PageDecoder, first: int, all_asked: list[Asked]) -> list[PageText]:
    """Of one page, asked for in several ways at once."""
    driver = Driver(model)
    for number, asked in enumerate(all_asked):
        driver.add_as(number, PAGES[first], asked)
    while len(driver.texts()) < len(all_asked):
        driver.run_batch()
    return [driver.texts()[number] for number in range(len(all_asked))]


@pytest.mark.parametrize(
    ("kind", "prompt", "said"),
    [
        ("trocr", "a" * 200, "no room for an answer in 96"),
        ("idefics3", "<image>one <image>two", "more than once"),
    ],
)
def test_a_prompt_that_cannot_be_asked_is_its_callers_fault_alone(
    kind: str, prompt: str, said: str, load: Load
) -> None:
    model = load(kind, max_tokens=20)
    driver = Driver(model)
    for key, asked in enumerate((None, Asked(prompt=prompt), None)):
        driver.add_as(key, PAGES[key], asked)
    assert driver.run_batch().num_items == 3, "the batch is not taken apart"
    (faulted,) = (message for message in driver.said if isinstance(message, PageFaulted))
    assert faulted.page == 1
    assert faulted.fault is not None
    assert faulted.fault.code == "bad_request"
    assert said in faulted.fault.message
    while not driver.lanes.is_idle:
        driver.run_batch()
    assert sorted(driver.read()) == [0, 2]
    assert decode_lane(model).num_sequences == 0


def test_a_batch_of_refused_prompts_alone(load: Load) -> None:
    driver = Driver(load("trocr"))
    driver.add_as(0, PAGES[0], Asked(prompt="a" * 200))
    driver.run_batch()
    assert [type(message) for message in driver.said].count(PageFaulted) == 1
    assert driver.lanes.is_idle


def test_a_page_that_has_lost_its_row_fails_and_the_others_go_on(load: Load) -> None:
    """As after a swap of rows that broke off."""
    model = load("trocr", max_tokens=40)
    driver, lane = Driver(model), decode_lane(model)
    for key in (0, 1, 2):
        driver.add(key)
    driver.run_until(DECODE, 3)
    rows = lane._writer.rows
    lost = rows._rows[1]
    rows._rows[1] = PageSequence(lost.pixels, is_over=True)
    while not driver.lanes.is_idle:
        driver.step()
    (faulted,) = (message for message in driver.said if isinstance(message, PageFaulted))
    assert "RowLost" in faulted.reason
    assert faulted.fault is None
    assert len(driver.read()) == 2
    assert not [message for message in driver.said if isinstance(message, LimitBatch)]
