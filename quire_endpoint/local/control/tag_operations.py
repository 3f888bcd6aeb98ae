"""AddTags, ListTags and DeleteTags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from quire_endpoint.local.control.catalogue import Catalogue, Created, CreatedEndpoint
from quire_endpoint.local.control.errors import ValidationException

MAX_TAGS = 50
"""Of one resource: TagList in the service model."""


class TagOperations:
    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def add(self, region: str, request: Mapping[str, Any]) -> dict[str, Any]:
        tags = self._of(region, request["ResourceArn"])
        added = {**tags, **as_keys(request["Tags"])}
        if len(added) > MAX_TAGS:
            raise ValidationException(f"A resource has at most {MAX_TAGS} tags, not {len(added)}.")
        tags.update(added)
        return {"Tags": _written(tags)}

    def list(self, region: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """All at once: no resource has more than a page holds."""
        return {"Tags": _written(self._of(region, request["ResourceArn"]))}

    def delete(self, region: str, request: Mapping[str, Any]) -> dict[str, Any]:
        tags = self._of(region, request["ResourceArn"])
        for key in request["TagKeys"]:
            tags.pop(key, None)
        return {}

    def _of(self, region: str, arn: str) -> dict[str, str]:
        shelves: Sequence[Sequence[Created | CreatedEndpoint]] = (
            self._catalogue.models.all(region),
            self._catalogue.configs.all(region),
            self._catalogue.endpoints.all(region),
        )
        if not any(resource.arn == arn for shelf in shelves for resource in shelf):
            raise ValidationException(f'Could not find resource "{arn}".')
        return self._catalogue.tags.setdefault(arn, {})


def as_keys(tags: Sequence[Mapping[str, str]] | None) -> dict[str, str]:
    """Of the Tags member of a request."""
    return {tag["Key"]: tag["Value"] for tag in tags or ()}


def _written(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]
