"""Which GPUs does a worker with a model of its own see?"""

from __future__ import annotations

from collections.abc import Sequence


def gpus_of_worker(number: int, num_workers: int, gpus: Sequence[str]) -> str:
    """For CUDA_VISIBLE_DEVICES. One of `gpus`, in turns; several where there are fewer workers than GPUs, so
    that each GPU is some worker's. There must be a GPU; `number` may be beyond the workers."""
    if num_workers < len(gpus):
        return ",".join(gpus[number % num_workers :: num_workers])
    return gpus[number % len(gpus)]
