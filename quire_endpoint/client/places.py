"""Where would the answer lie of a call whose own answer was never seen?"""

from __future__ import annotations

from dataclasses import dataclass

from quire_endpoint.client.jobs import Attempt
from quire_endpoint.s3_location import S3Location


@dataclass(frozen=True)
class Places:
    """Either may be unknown."""

    output: S3Location | None = None
    failure: S3Location | None = None


def places_of(attempt: Attempt, answered: Attempt | None) -> Places:
    """As the call returned them. For a call that was cut off they are learned from `answered`, another one of
    the same endpoint, if its locations show the name that was asked for it: AWS does not say where Filename
    lands, so nothing is derived that was not seen."""
    if attempt.is_answered:
        return Places(attempt.output, attempt.failure)
    if answered is None:
        return Places()
    return Places(_alike(answered.output, answered, attempt), _alike(answered.failure, answered, attempt))


def _alike(location: S3Location | None, answered: Attempt, attempt: Attempt) -> S3Location | None:
    if location is None or answered.token not in location.key:
        return None
    return S3Location(location.bucket, location.key.replace(answered.token, attempt.token))
