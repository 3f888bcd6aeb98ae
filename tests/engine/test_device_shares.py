"""What each document has had of the device: who comes, who is charged, who is owed."""

from __future__ import annotations

from collections import Counter

import pytest

from quire.engine.device_shares import DeviceShares


def charge(shares: DeviceShares, seconds: float, **items: int) -> None:
    """`items`: how many of owner `_<number>` were in the batch."""
    shares.charge(Counter({int(owner[1:]): number for owner, number in items.items()}), seconds)


def test_a_batch_is_shared_by_items() -> None:
    shares = DeviceShares()
    for owner in (1, 2):
        shares.page_came(owner)
    charge(shares, 4.0, _1=3, _2=1)
    assert shares.service.seconds == {1: 3.0, 2: 1.0}


def test_a_newcomer_neither_owes_nor_is_owed_for_its_absence() -> None:
    shares = DeviceShares()
    shares.page_came(1)
    for _ in range(100):
        charge(shares, 1.0, _1=1)
    shares.page_came(2)
    assert shares.service.seconds[2] == shares.service.seconds[1] == 100.0


def test_a_newcomer_stands_among_those_who_are_here() -> None:
    shares = DeviceShares()
    for owner in (1, 2, 3):
        shares.page_came(owner)
    charge(shares, 9.0, _1=1)
    shares.page_left(3)
    shares.page_came(4)
    assert shares.service.seconds == {1: 9.0, 2: 0.0, 4: 3.0}


def test_an_owner_stays_while_a_page_of_it_is_here() -> None:
    shares = DeviceShares()
    shares.page_came(1)
    shares.page_came(1)
    shares.page_left(1)
    charge(shares, 2.0, _1=1)
    assert shares.service.seconds == {1: 2.0}
    shares.page_left(1)
    assert shares.service.seconds == {}


def test_an_owner_that_left_is_not_charged() -> None:
    shares = DeviceShares()
    shares.page_came(1)
    charge(shares, 2.0, _1=1, _2=1)
    assert shares.service.seconds == {1: 1.0}


def test_newcomers_come_to_stand_behind_an_owner_that_had_much() -> None:
    """Each comes before the last one leaves, so that one who had little is always here."""
    shares = DeviceShares()
    for owner in (1, 2):
        shares.page_came(owner)
    charge(shares, 10.0, _1=1)
    for newcomer in range(3, 100):
        shares.page_came(newcomer)
        shares.page_left(newcomer - 1)
        shares.charge(Counter({newcomer: 1}), 1.0)
        if shares.service.seconds[newcomer] > shares.service.seconds[1]:
            return
    raise AssertionError("the level stands still")


def test_the_typical_batch_follows_what_batches_cost() -> None:
    shares = DeviceShares()
    shares.page_came(1)
    charge(shares, 4.0, _1=1)
    assert shares.service.typical_seconds == 4.0
    for _ in range(100):
        charge(shares, 1.0, _1=1)
    assert shares.service.typical_seconds == pytest.approx(1.0, rel=0.01)


def long_document_and_newcomer() -> DeviceShares:
    """Document 1 has had many pages' worth, of one second each, when document 2 comes."""
    shares = DeviceShares()
    shares.page_came(1)
    for _ in range(20):
        shares.page_came(1)
        charge(shares, 1.0, _1=1)
        shares.page_left(1)
    shares.page_came(2)
    return shares


def test_a_newcomer_beside_a_long_document_is_next() -> None:
    service = long_document_and_newcomer().service
    assert service.is_any_long
    assert service.seconds[1] - service.seconds[2] > service.typical_seconds


def test_a_newcomers_first_page_stays_ahead_of_a_long_document_and_no_more() -> None:
    shares = long_document_and_newcomer()
    for _ in range(2):
        charge(shares, 0.5, _2=1)
        assert shares.service.seconds[1] - shares.service.seconds[2] > shares.service.typical_seconds
    for _ in range(4):
        charge(shares, 0.5, _2=1)
    assert shares.service.seconds[2] > shares.service.seconds[1] - shares.service.typical_seconds


def test_documents_of_one_page_are_not_long() -> None:
    shares = DeviceShares()
    for owner in range(10):
        shares.page_came(owner)
        charge(shares, 1.0, **{f"_{owner}": 1})
        assert owner == 0 or not shares.service.is_any_long
        shares.page_left(owner)
