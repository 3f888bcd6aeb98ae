"""Which measured page gets its room in the arena next.

First come, first served: a large page waits until there is room for it, and small ones that came later do
not take that room away; those that came earlier give theirs back in the end, since what holds room needs
no more of it to go on. So nobody waits for ever and nothing is refused for want of room.
"""

from __future__ import annotations

from quire.engine.arena import ArenaLedger
from quire.engine.render_pool import RenderJob, RenderPool
from quire.words.errors import InternalError, PageTooLarge, QuireError
from quire.words.reading import PageSize


def grant_waiting(renderers: RenderPool, arena: ArenaLedger, now: float) -> None:
    """Room to all that can have it now. A page that the whole arena could not hold is refused."""
    queue = renderers.waiting_for_arena
    while queue:
        worker, job = queue[0]
        refusal = _refusal(job, arena)
        span = None if refusal else arena.take(_size(job).num_bytes)
        if refusal is None and span is None:
            return
        queue.popleft()
        if refusal is not None:
            renderers.refuse(worker, job, refusal, now)
        elif span is not None and job.task is not None:
            job.task.span = span
            renderers.grant(worker, job, span.offset, now)


def _size(job: RenderJob) -> PageSize:
    if job.task is None or job.task.size is None:
        raise RuntimeError("a job without a page waits for the arena: this is a bug")
    return job.task.size


def _refusal(job: RenderJob, arena: ArenaLedger) -> QuireError | None:
    if not job.is_wanted:
        return InternalError("nobody waits for the page")
    if _size(job).num_bytes > arena.num_bytes:
        return PageTooLarge("the page's pixels take more than QUIRE_ARENA_BYTES")
    return None
