"""Which operation was called, is its request valid, and what does it answer?"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from quire_endpoint.local.clock import Clock
from quire_endpoint.local.control import sentences
from quire_endpoint.local.control.call import Call, Reply, read_json, refusal
from quire_endpoint.local.control.catalogue import Catalogue
from quire_endpoint.local.control.constraints import sentence, violations
from quire_endpoint.local.control.endpoint_operations import EndpointOperations
from quire_endpoint.local.control.errors import ApiError, UnknownOperationException, ValidationException
from quire_endpoint.local.control.model_operations import ConfigOperations, ModelOperations
from quire_endpoint.local.control.service import input_shape
from quire_endpoint.local.control.tag_operations import TagOperations
from quire_endpoint.local.ports import EndpointHost, Objects

Operation = Callable[[str, Mapping[str, Any]], dict[str, Any] | None]
"""Of the region and the request; one without a result answers an empty body."""

_MEDIA_TYPE = "application/x-amz-json-1.1"


class ControlPlane:
    """The JSON 1.1 operations. One call at a time."""

    def __init__(self, host: EndpointHost, objects: Objects, clock: Clock) -> None:
        catalogue = Catalogue()
        models, configs = ModelOperations(catalogue, objects, clock), ConfigOperations(catalogue, clock)
        endpoints, tags = EndpointOperations(catalogue, host, clock), TagOperations(catalogue)
        self._operations: dict[str, Operation] = {
            "CreateModel": models.create,
            "DescribeModel": models.describe,
            "ListModels": models.list,
            "DeleteModel": models.delete,
            "CreateEndpointConfig": configs.create,
            "DescribeEndpointConfig": configs.describe,
            "ListEndpointConfigs": configs.list,
            "DeleteEndpointConfig": configs.delete,
            "CreateEndpoint": endpoints.create,
            "UpdateEndpoint": endpoints.update,
            "UpdateEndpointWeightsAndCapacities": endpoints.update_capacities,
            "DescribeEndpoint": endpoints.describe,
            "ListEndpoints": endpoints.list,
            "DeleteEndpoint": endpoints.delete,
            "AddTags": tags.add,
            "ListTags": tags.list,
            "DeleteTags": tags.delete,
        }
        self._lock = threading.Lock()

    def answer(self, call: Call) -> Reply:
        try:
            return Reply(200, self._result(call), media_type=_MEDIA_TYPE)
        except ApiError as error:
            return refusal(error, _MEDIA_TYPE)

    def _result(self, call: Call) -> dict[str, Any] | None:
        name = call.headers.get("x-amz-target", "").removeprefix("SageMaker.")
        operation = self._operations.get(name)
        if operation is None:
            raise UnknownOperationException(sentences.not_served(f"the operation {name or call.path}"))
        request = read_json(call)
        if found := list(violations(input_shape(name), request)):
            raise ValidationException(sentence(found))
        given = {member: value for member, value in request.items() if value is not None}
        with self._lock:
            return operation(call.region, given)
