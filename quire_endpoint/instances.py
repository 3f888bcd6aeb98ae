"""What a model needs on each ml.g5 instance, and how many documents fit at once: an estimate, made of the
figures below and of nothing measured on the instance."""

from __future__ import annotations

import math
from dataclasses import dataclass

GIB = 1024**3


@dataclass(frozen=True)
class Instance:
    """An instance type, as AWS publishes it: https://aws.amazon.com/ec2/instance-types/g5/ (the ml. types
    are the same machines). Each of its GPUs is an A10G of 24 GB."""

    name: str
    vcpus: int
    host_gib: int
    gpus: int


G5 = (
    Instance("ml.g5.xlarge", 4, 16, 1),
    Instance("ml.g5.2xlarge", 8, 32, 1),
    Instance("ml.g5.4xlarge", 16, 64, 1),
    Instance("ml.g5.8xlarge", 32, 128, 1),
    Instance("ml.g5.12xlarge", 48, 192, 4),
    Instance("ml.g5.16xlarge", 64, 256, 1),
    Instance("ml.g5.24xlarge", 96, 384, 4),
    Instance("ml.g5.48xlarge", 192, 768, 8),
)

A10G_USABLE_GIB = 22.0
"""Of the 24 GB that an A10G has, what CUDA was seen to offer."""

CONTEXT_GIB = 1.0
"""CUDA's own, with the kernels that are loaded."""

LEAST_ACTIVATIONS_GIB = 2.0
ACTIVATIONS_SHARE = 0.25
"""Margin for a batch's activations: so much of the weights, and at least the above."""

PAGES_GIB = 0.07
"""On the device for each document in flight: two pages of QUIRE_MAX_PAGE_PIXELS."""

SLOTS = 32
"""Pages that a device worker writes at once on CUDA, where quire.json does not say otherwise."""

RESERVED_SLOTS = 2
"""Further ones that a worker keeps, for pages that are run alone."""

SYSTEM_GIB = 1.5
"""The machine's own processes and the container's, but those counted below."""

ARENA_GIB = 0.5
RENDER_WORKER_GIB = 0.3
MOST_RENDER_WORKERS = 4
MODEL_PROCESS_GIB = 2.5
"""torch and CUDA in a process that holds the model, beside the weights, which pass through its memory."""

DOCUMENT_GIB = 0.06
"""For each document in flight, on the host."""

DOCUMENTS_A_VCPU, DOCUMENTS_A_GPU = 4, 32
"""More only wait for their pages to be drawn, or for a device that holds no more pages at a time."""


@dataclass(frozen=True)
class Demand:
    """What is known of a model. `cache_bytes` is the generation cache of one page, 0 for a model that does
    not generate; `slots` of them are asked for. `is_one_at_a_time`: a handler with a model of its own, which
    gets one call at a time."""

    device_bytes: int
    stored_bytes: int
    cache_bytes: int = 0
    slots: int = SLOTS
    is_one_at_a_time: bool = False

    @property
    def gpu_gib(self) -> float:
        """On each GPU, with one document in flight, and one slot where the model generates."""
        weights = self.device_bytes / GIB
        margin = max(LEAST_ACTIVATIONS_GIB, ACTIVATIONS_SHARE * weights)
        caches = self.cache_gib * (1 + RESERVED_SLOTS)
        return CONTEXT_GIB + weights + margin + caches + PAGES_GIB

    @property
    def cache_gib(self) -> float:
        """Of one slot, on each GPU."""
        return self.cache_bytes / GIB

    def host_gib(self, instance: Instance) -> float:
        """With one document in flight. Each GPU has a process with a copy of the model."""
        drawing = min(instance.vcpus, MOST_RENDER_WORKERS) * RENDER_WORKER_GIB
        models = instance.gpus * (MODEL_PROCESS_GIB + self.stored_bytes / GIB)
        return SYSTEM_GIB + ARENA_GIB + drawing + models + DOCUMENT_GIB


@dataclass(frozen=True)
class Fit:
    """A model on an instance. `concurrency` is the documents in flight that fit; 0 where none does, and
    `lacks` says of what there is too little. `slots` is how many a worker may have of those asked for; 0 for
    a model that does not generate."""

    instance: Instance
    host_gib: float
    gpu_gib: float
    concurrency: int
    lacks: str = ""
    slots: int = 0


def fit(demand: Demand, instance: Instance) -> Fit:
    host, gpu = demand.host_gib(instance), demand.gpu_gib
    lacks = [
        name
        for name, needed, there in (
            ("GPU memory", gpu, A10G_USABLE_GIB),
            ("host memory", host, float(instance.host_gib)),
        )
        if needed > there
    ]
    if lacks:
        return Fit(instance, host, gpu, 0, " and ".join(lacks))
    slots = _slots(demand)
    return Fit(instance, host, gpu, _concurrency(demand, instance, slots), slots=slots)


def _slots(demand: Demand) -> int:
    """So many that for each a document fits beside them."""
    if not demand.cache_bytes:
        return 0
    more = (A10G_USABLE_GIB - demand.gpu_gib) / (demand.cache_gib + PAGES_GIB)
    return min(demand.slots, 1 + math.floor(more))


def _concurrency(demand: Demand, instance: Instance, slots: int) -> int:
    if demand.is_one_at_a_time:
        return instance.gpus
    of_more_slots = demand.cache_gib * max(0, slots - 1)
    more_on_gpu = (A10G_USABLE_GIB - demand.gpu_gib - of_more_slots) / PAGES_GIB
    more_on_host = (instance.host_gib - demand.host_gib(instance)) / DOCUMENT_GIB
    return min(
        (1 + math.floor(more_on_gpu)) * instance.gpus,
        1 + math.floor(more_on_host),
        DOCUMENTS_A_VCPU * instance.vcpus,
        DOCUMENTS_A_GPU * instance.gpus,
    )
