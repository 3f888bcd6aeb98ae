"""CreateModel, DescribeModel, ListModels, DeleteModel, and the same four of endpoint configurations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from quire_endpoint.local.clock import Clock
from quire_endpoint.local.control.arns import arn
from quire_endpoint.local.control.catalogue import Catalogue, Created, Shelf
from quire_endpoint.local.control.configs import check_config, model_name, variant_of
from quire_endpoint.local.control.listing import Listed, page
from quire_endpoint.local.control.models import check_for_async, check_model
from quire_endpoint.local.control.tag_operations import as_keys
from quire_endpoint.local.ports import Objects


class _Operations:
    """What the two kinds have in common. `noun` begins the names of the API's members."""

    def __init__(self, noun: str, catalogue: Catalogue, shelf: Shelf[Created], clock: Clock) -> None:
        self._noun, self._shelf, self._clock = noun, shelf, clock
        self._catalogue = catalogue

    def describe(self, region: str, request: Mapping[str, Any]) -> dict[str, Any]:
        created = self._shelf.get(region, request[f"{self._noun}Name"])
        asked = {name: value for name, value in created.request.items() if name != "Tags"}
        return {**asked, **self._summary(created)}

    def list(self, region: str, request: Mapping[str, Any]) -> dict[str, Any]:
        listed = [
            Listed(one.name, one.created_seconds, self._summary(one)) for one in self._shelf.all(region)
        ]
        return page(request, f"{self._noun}s", listed)

    def delete(self, region: str, request: Mapping[str, Any]) -> None:
        """Endpoints that were made of it keep running."""
        self._shelf.remove(region, request[f"{self._noun}Name"])

    def _add(self, region: str, request: Mapping[str, Any]) -> dict[str, Any]:
        name = request[f"{self._noun}Name"]
        created = Created(name, arn(self._shelf.kind, region, name), self._clock.now(), request)
        self._shelf.add(region, created)
        self._catalogue.tags[created.arn] = as_keys(request.get("Tags"))
        return {f"{self._noun}Arn": created.arn}

    def _summary(self, created: Created) -> dict[str, Any]:
        return {
            f"{self._noun}Name": created.name,
            f"{self._noun}Arn": created.arn,
            "CreationTime": created.created_seconds,
        }


class ModelOperations(_Operations):
    def __init__(self, catalogue: Catalogue, objects: Objects, clock: Clock) -> None:
        super().__init__("Model", catalogue, catalogue.models, clock)
        self._objects = objects

    def create(self, region: str, request: Mapping[str, Any]) -> dict[str, Any]:
        self._shelf.check_free(region, request["ModelName"])
        check_model(request, region, self._objects)
        return self._add(region, request)


class ConfigOperations(_Operations):
    def __init__(self, catalogue: Catalogue, clock: Clock) -> None:
        super().__init__("EndpointConfig", catalogue, catalogue.configs, clock)

    def create(self, region: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """The model must be there already; it is read again by CreateEndpoint."""
        self._shelf.check_free(region, request["EndpointConfigName"])
        check_config(request)
        check_for_async(self._catalogue.models.get(region, model_name(variant_of(request))))
        return self._add(region, request)
