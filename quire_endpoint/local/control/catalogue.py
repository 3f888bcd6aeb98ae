"""Which models, endpoint configurations and endpoints were created, and what was asked for each?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from quire_endpoint.local.control import sentences
from quire_endpoint.local.control.arns import Kind, arn
from quire_endpoint.local.control.errors import ValidationException


class _Named(Protocol):
    @property
    def name(self) -> str: ...


Resource = TypeVar("Resource", bound=_Named)


@dataclass(frozen=True)
class Created:
    """A model or an endpoint configuration. `request` is what created it, as the caller sent it."""

    name: str
    arn: str
    created_seconds: float
    request: Mapping[str, Any]


@dataclass(frozen=True)
class CreatedEndpoint:
    """`configs` are those that it was deployed with, as they stood then, by name: which of them it runs, the
    host knows."""

    name: str
    arn: str
    created_seconds: float
    modified_seconds: float
    configs: Mapping[str, Created]
    deployment: Mapping[str, Any] | None = None


class Shelf(Generic[Resource]):
    """Resources of one kind. A name is taken in any mixture of case, and found in its own only; each region
    has names of its own. One thread at a time: the catalogue's lock."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self._kept: dict[tuple[str, str], Resource] = {}

    def add(self, region: str, resource: Resource) -> None:
        """Raises ValidationException where the name is taken."""
        self.check_free(region, resource.name)
        self._kept[region, resource.name.lower()] = resource

    def check_free(self, region: str, name: str) -> None:
        """Raises ValidationException where the name is taken."""
        if (region, name.lower()) in self._kept:
            raise ValidationException(sentences.existing(self.kind.word, arn(self.kind, region, name)))

    def get(self, region: str, name: str) -> Resource:
        """Raises ValidationException where there is none."""
        found = self._kept.get((region, name.lower()))
        if found is None or found.name != name:
            raise ValidationException(sentences.missing(self.kind.word, arn(self.kind, region, name)))
        return found

    def replace(self, region: str, resource: Resource) -> None:
        self._kept[region, resource.name.lower()] = resource

    def remove(self, region: str, name: str) -> None:
        """Raises ValidationException where there is none."""
        self.get(region, name)
        del self._kept[region, name.lower()]

    def all(self, region: str) -> Sequence[Resource]:
        """In order of creation."""
        return [resource for (itself, _), resource in self._kept.items() if itself == region]


@dataclass(frozen=True)
class Catalogue:
    """`tags` are of each ARN, by key; what is created begins with its own."""

    models: Shelf[Created] = field(default_factory=lambda: Shelf(Kind.MODEL))
    configs: Shelf[Created] = field(default_factory=lambda: Shelf(Kind.CONFIG))
    endpoints: Shelf[CreatedEndpoint] = field(default_factory=lambda: Shelf(Kind.ENDPOINT))
    tags: dict[str, dict[str, str]] = field(default_factory=dict)
