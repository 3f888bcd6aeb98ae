"""How many handler workers run, how many calls each makes at once, and which GPUs each of them sees."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from quire.handlers.gpu_shares import gpus_of_worker
from quire.handlers.program import Program
from quire.process.gpus import cuda_devices
from quire.words.settings import Settings


@dataclass(frozen=True)
class HandlerPlan:
    """`gpus` are names of CUDA_VISIBLE_DEVICES to share out among the workers; empty where all see the same.
    `grace_seconds` is how long past its deadline a call may still answer."""

    num_workers: int
    calls_at_once: int
    grace_seconds: float
    gpus: tuple[str, ...] = ()

    @property
    def max_at_once(self) -> int:
        return self.num_workers * self.calls_at_once

    def environ_of(self, number: int) -> dict[str, str]:
        """What the worker of that number finds in its environment, beside what all find."""
        if not self.gpus:
            return {}
        return {"CUDA_VISIBLE_DEVICES": gpus_of_worker(number, self.num_workers, self.gpus)}


_ENGINE_GRACE_SECONDS = 6.0
"""The engine's own answer at the deadline, perhaps with some of the pages, is waited for five."""


def plan_handlers(program: Program, settings: Settings, environ: Mapping[str, str]) -> HandlerPlan:
    """A handler with a model of its own makes one call at a time, with one copy of the model in each worker.
    One that keeps ours spends its time waiting for the engine, and documents meet there only when several
    calls wait at once: they are threads, shared out among the workers."""
    if program.needs_engine:
        workers = settings.handler_workers or 1
        calls = -(-settings.max_concurrent_invocations // workers)
        return HandlerPlan(workers, calls, _ENGINE_GRACE_SECONDS)
    gpus = cuda_devices(settings.device, environ)
    workers = settings.handler_workers or len(gpus) or 1
    return HandlerPlan(workers, 1, 0.0, tuple(gpus) if len(gpus) > 1 else ())
