"""CreateEndpoint, UpdateEndpoint, UpdateEndpointWeightsAndCapacities, DescribeEndpoint, ListEndpoints and
DeleteEndpoint."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from quire_endpoint.local.clock import Clock
from quire_endpoint.local.control import sentences
from quire_endpoint.local.control.arns import Kind, arn
from quire_endpoint.local.control.catalogue import Catalogue, Created, CreatedEndpoint
from quire_endpoint.local.control.configs import model_name, variant_of
from quire_endpoint.local.control.endpoint_specs import endpoint_spec
from quire_endpoint.local.control.endpoint_views import Running, description, listed
from quire_endpoint.local.control.errors import ValidationException
from quire_endpoint.local.control.listing import page
from quire_endpoint.local.control.models import check_for_async
from quire_endpoint.local.control.tag_operations import as_keys
from quire_endpoint.local.ports import EndpointHost, NoSuchEndpoint
from quire_endpoint.local.specs import EndpointStatus


class EndpointOperations:
    """What runs is the host's; an endpoint that it has no more is forgotten at the next look."""

    def __init__(self, catalogue: Catalogue, host: EndpointHost, clock: Clock) -> None:
        self._catalogue, self._host, self._clock = catalogue, host, clock

    def create(self, region: str, request: Mapping[str, Any]) -> dict[str, Any]:
        name, now = request["EndpointName"], self._clock.now()
        its_arn = arn(Kind.ENDPOINT, region, name)
        self._forget_gone(region)
        self._catalogue.endpoints.check_free(region, name)
        if name in self._host.names():
            raise ValidationException(sentences.existing(Kind.ENDPOINT.word, its_arn))
        config = self._catalogue.configs.get(region, request["EndpointConfigName"])
        spec = endpoint_spec(name, region, config, self._model(region, config))
        created = CreatedEndpoint(
            name, its_arn, now, now, {config.name: config}, request.get("DeploymentConfig")
        )
        self._host.create(spec)
        self._catalogue.endpoints.add(region, created)
        self._catalogue.tags[its_arn] = as_keys(request.get("Tags"))
        return {"EndpointArn": its_arn}

    def update(self, region: str, request: Mapping[str, Any]) -> dict[str, Any]:
        running = self._running(region, request["EndpointName"])
        config = self._catalogue.configs.get(region, request["EndpointConfigName"])
        _check_updatable(running)
        if config.name == running.spec.config_name:
            raise ValidationException(sentences.same_config(config.name))
        spec = endpoint_spec(
            running.created.name, region, config, self._model(region, config), _kept_count(request, running)
        )
        created = replace(
            running.created,
            modified_seconds=self._clock.now(),
            configs={running.config.name: running.config, config.name: config},
            deployment=_deployment(request, running.created),
        )
        self._catalogue.endpoints.replace(region, created)
        self._host.update(spec)
        return {"EndpointArn": created.arn}

    def update_capacities(self, region: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """Weights mean nothing where there is one variant."""
        running = self._running(region, request["EndpointName"])
        _check_updatable(running)
        wanted = request["DesiredWeightsAndCapacities"]
        for one in wanted:
            if one["VariantName"] != running.spec.variant.name:
                raise ValidationException(sentences.no_variant(one["VariantName"], running.spec.config_name))
        counts = [one["DesiredInstanceCount"] for one in wanted if "DesiredInstanceCount" in one]
        if counts:
            self._host.set_desired_count(running.created.name, counts[-1])
        return {"EndpointArn": running.created.arn}

    def describe(self, region: str, request: Mapping[str, Any]) -> dict[str, Any]:
        return description(self._running(region, request["EndpointName"]))

    def list(self, region: str, request: Mapping[str, Any]) -> dict[str, Any]:
        return page(request, "Endpoints", [listed(running) for running in self._all(region)])

    def delete(self, region: str, request: Mapping[str, Any]) -> None:
        running = self._running(region, request["EndpointName"])
        if running.state.status not in (EndpointStatus.IN_SERVICE, EndpointStatus.FAILED):
            raise ValidationException(sentences.in_progress(running.created.arn))
        self._host.delete(running.created.name)

    def _model(self, region: str, config: Created) -> Created:
        """The model that the configuration names, as it stands now."""
        model = self._catalogue.models.get(region, model_name(variant_of(config.request)))
        check_for_async(model)
        return model

    def _running(self, region: str, name: str) -> Running:
        """Raises ValidationException where there is none."""
        self._forget_gone(region)
        created = self._catalogue.endpoints.get(region, name)
        try:
            return self._seen(created)
        except NoSuchEndpoint as error:
            raise ValidationException(sentences.missing(Kind.ENDPOINT.word, created.arn)) from error

    def _seen(self, created: CreatedEndpoint) -> Running:
        return Running(created, self._host.spec(created.name), self._host.state(created.name))

    def _all(self, region: str) -> Iterator[Running]:
        for created in self._catalogue.endpoints.all(region):
            try:
                yield self._seen(created)
            except NoSuchEndpoint:
                continue

    def _forget_gone(self, region: str) -> None:
        for created in self._catalogue.endpoints.all(region):
            try:
                self._host.state(created.name)
            except NoSuchEndpoint:
                self._catalogue.endpoints.remove(region, created.name)


def _check_updatable(running: Running) -> None:
    if running.state.status is EndpointStatus.FAILED:
        raise ValidationException(sentences.failed(running.created.arn))
    if running.state.status is not EndpointStatus.IN_SERVICE:
        raise ValidationException(sentences.in_progress(running.created.arn))


def _kept_count(request: Mapping[str, Any], running: Running) -> int | None:
    """The instance count that an update keeps; None where the new configuration's holds."""
    overridden = {one["VariantPropertyType"] for one in request.get("ExcludeRetainedVariantProperties") or ()}
    if not request.get("RetainAllVariantProperties") or "DesiredInstanceCount" in overridden:
        return None
    return running.state.desired_instance_count


def _deployment(request: Mapping[str, Any], created: CreatedEndpoint) -> Mapping[str, Any] | None:
    if request.get("RetainDeploymentConfig"):
        return created.deployment
    return request.get("DeploymentConfig")
