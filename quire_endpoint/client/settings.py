"""How does a client go about its work?"""

from __future__ import annotations

from dataclasses import dataclass

MAX_CALLS = 3
"""Of InvokeEndpointAsync, for one document."""


@dataclass(frozen=True)
class ClientSettings:
    """`slack_seconds` are waited beyond TTL and timeout until a job counts as lost: for the upload, and for a
    redelivery that nobody announces. `first_backlog` documents are submitted before the first completion has
    told how fast the endpoint is. `is_inline` sends small documents in the call itself, without S3."""

    slack_seconds: float = 600.0
    num_threads: int = 8
    first_backlog: int = 4
    is_inline: bool = True

    def __post_init__(self) -> None:
        if self.slack_seconds < 0 or self.num_threads < 1 or self.first_backlog < 1:
            raise ValueError(f"slack is at least 0, threads and the first backlog at least 1: {self}")
