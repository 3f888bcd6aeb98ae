"""Which of LitServe's settings is its best here? Each is started and measured once, the fastest is kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass

from bench.loads import Post, post_all
from bench.peers.servers import Batching, PeerServer

CPU_CANDIDATES = (Batching(1, 0.0), Batching(4, 0.0), Batching(4, 0.02), Batching(8, 0.1))
CUDA_CANDIDATES = (Batching(4, 0.0), Batching(16, 0.0), Batching(16, 0.02), Batching(64, 0.05))
STUB_CANDIDATES = (Batching(16, 0.0), Batching(16, 0.005), Batching(16, 0.02), Batching(16, 0.05))

Start = Callable[[Batching], AbstractContextManager[PeerServer]]


@dataclass(frozen=True)
class Trial:
    """One setting and what it gave."""

    batching: Batching
    posts_per_second: float

    def __str__(self) -> str:
        return f"{self.batching}: {self.posts_per_second:.2f}/s"


def try_all(
    start: Start, candidates: Sequence[Batching], posts: Sequence[Post], in_flight: int
) -> list[Trial]:
    """The fastest first. Raises PeerAbsent."""
    trials = []
    for batching in candidates:
        with start(batching) as server:
            post_all(server.port, posts[:in_flight], in_flight)
            seconds = post_all(server.port, posts, in_flight)
        trials.append(Trial(batching, len(posts) / seconds))
    return sorted(trials, key=lambda trial: -trial.posts_per_second)


def start_best(start: Start, trials: Sequence[Trial], stack: ExitStack) -> PeerServer:
    """Frozen until it is asked."""
    server = stack.enter_context(start(trials[0].batching))
    server.freeze()
    return server
