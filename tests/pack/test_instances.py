"""The table of ml.g5 and what is reckoned from it."""

from __future__ import annotations

import pytest

from quire.engine.device_place import RESERVED_SEATS
from quire_endpoint.instances import (
    A10G_USABLE_GIB,
    DOCUMENTS_A_GPU,
    DOCUMENTS_A_VCPU,
    G5,
    GIB,
    PAGES_GIB,
    RESERVED_SLOTS,
    Demand,
    Instance,
    fit,
)

SIZES = {instance.name.removeprefix("ml.g5."): instance for instance in G5}
SMALL = Demand(device_bytes=GIB // 10, stored_bytes=GIB // 5)


def gib(number: float) -> int:
    return int(number * GIB)


def test_the_table_is_the_published_one() -> None:
    """vCPUs, GiB of memory and GPUs, as https://aws.amazon.com/ec2/instance-types/g5/ lists them."""
    listed = {name: (size.vcpus, size.host_gib, size.gpus) for name, size in SIZES.items()}
    assert listed == {
        "xlarge": (4, 16, 1),
        "2xlarge": (8, 32, 1),
        "4xlarge": (16, 64, 1),
        "8xlarge": (32, 128, 1),
        "12xlarge": (48, 192, 4),
        "16xlarge": (64, 256, 1),
        "24xlarge": (96, 384, 4),
        "48xlarge": (192, 768, 8),
    }


def test_weights_margin_and_context_make_the_gpus_need() -> None:
    small = Demand(device_bytes=GIB, stored_bytes=GIB)
    assert small.gpu_gib == pytest.approx(1.0 + 1.0 + 2.0 + PAGES_GIB)
    large = Demand(device_bytes=12 * GIB, stored_bytes=GIB)
    assert large.gpu_gib == pytest.approx(1.0 + 12.0 + 3.0 + PAGES_GIB)


def test_a_small_model_fits_everywhere_and_the_cores_bound_it() -> None:
    found = {name: fit(SMALL, size) for name, size in SIZES.items()}
    assert not [name for name, each in found.items() if each.lacks]
    assert found["xlarge"].concurrency == 4 * DOCUMENTS_A_VCPU
    assert found["16xlarge"].concurrency == DOCUMENTS_A_GPU
    assert found["12xlarge"].concurrency == 4 * DOCUMENTS_A_GPU


def test_a_model_larger_than_the_gpu_fits_nowhere() -> None:
    large = Demand(device_bytes=gib(A10G_USABLE_GIB), stored_bytes=GIB)
    assert {(fit(large, size).concurrency, fit(large, size).lacks) for size in G5} == {(0, "GPU memory")}


def test_weights_pass_through_host_memory_once_for_each_gpu() -> None:
    """14 GiB on disk: too much beside the rest of 16 GiB, and four times over for 4 GPUs."""
    stored = Demand(device_bytes=7 * GIB, stored_bytes=14 * GIB)
    assert fit(stored, SIZES["xlarge"]).lacks == "host memory"
    assert fit(stored, SIZES["2xlarge"]).concurrency > 0
    four, one = stored.host_gib(SIZES["12xlarge"]), stored.host_gib(SIZES["16xlarge"])
    assert four - one == pytest.approx(3 * (14 + 2.5))


def test_generation_caches_bound_slots_and_slots_the_documents() -> None:
    """Of two more slots than are written on a worker keeps caches, too."""
    generating = Demand(device_bytes=8 * GIB, stored_bytes=8 * GIB, cache_bytes=GIB)
    alone = fit(generating, SIZES["4xlarge"])
    assert alone.gpu_gib == pytest.approx(1 + 8 + 2 + 3 + PAGES_GIB)
    assert alone.slots == 1 + 7  # 7.93 GiB are left, and a slot with a document takes 1.07
    assert alone.concurrency == 1 + 13  # 0.93 GiB are left of them
    assert fit(generating, SIZES["12xlarge"]).concurrency == 4 * 14
    asked = fit(Demand(8 * GIB, 8 * GIB, GIB, slots=3), SIZES["4xlarge"])
    assert (asked.slots, asked.concurrency) == (3, DOCUMENTS_A_GPU)


def test_what_has_no_room_for_one_slot_does_not_fit() -> None:
    generating = Demand(device_bytes=14 * GIB, stored_bytes=14 * GIB, cache_bytes=2 * GIB)
    found = fit(generating, SIZES["4xlarge"])
    assert (found.lacks, found.slots) == ("GPU memory", 0)


def test_slots_are_reckoned_as_the_container_makes_them() -> None:
    assert RESERVED_SLOTS == RESERVED_SEATS


def test_a_model_that_does_not_generate_has_no_slots() -> None:
    assert fit(SMALL, SIZES["xlarge"]).slots == 0


def test_a_handler_with_a_model_gets_a_call_at_a_time_on_each_gpu() -> None:
    own = Demand(device_bytes=GIB, stored_bytes=GIB, is_one_at_a_time=True)
    assert [fit(own, size).concurrency for size in G5] == [1, 1, 1, 1, 4, 1, 4, 8]


def test_host_memory_bounds_the_documents() -> None:
    tight = Instance("tight", 64, 16, 1)
    need = SMALL.host_gib(tight)
    demand = Demand(SMALL.device_bytes, gib(SMALL.stored_bytes / GIB + 16 - need - 0.1))
    assert fit(demand, tight).concurrency == 2
