"""How does DescribeScalingActivities answer, which moto does not implement?"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from quire_endpoint.local.scaling.activities import Activities, Activity
from quire_endpoint.local.scaling.policies import DIMENSION, SERVICE

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

TARGET = "AnyScaleFrontendService.DescribeScalingActivities"
MAX_RESULTS = 50
"""The API's limit and default."""

_CREDENTIAL = re.compile(r"Credential=[^/,]+/\d+/(?P<region>[^/,]+)/")


class ScalingActivities:
    """WSGI: answers that call, and hands every other to `behind`."""

    def __init__(self, behind: WSGIApplication, activities: Activities) -> None:
        self._behind = behind
        self._activities = activities

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ.get("HTTP_X_AMZ_TARGET") != TARGET:
            return self._behind(environ, start_response)
        size = int(environ.get("CONTENT_LENGTH") or 0)
        asked = json.loads(environ["wsgi.input"].read(size) or b"{}")
        found = _CREDENTIAL.search(environ.get("HTTP_AUTHORIZATION", ""))
        answer = json.dumps(self._answer(asked, found["region"] if found else "us-east-1")).encode()
        headers = [("Content-Type", "application/x-amz-json-1.1"), ("Content-Length", str(len(answer)))]
        start_response("200 OK", headers)
        return [answer]

    def _answer(self, asked: Mapping[str, Any], region: str) -> dict[str, Any]:
        """The latest first. The token is how many have been told."""
        known = self._activities.of(region, asked.get("ResourceId"))
        latest = [] if asked.get("ServiceNamespace") != SERVICE else known[::-1]
        start = int(asked.get("NextToken") or 0)
        end = start + min(int(asked.get("MaxResults") or MAX_RESULTS), MAX_RESULTS)
        told = {"ScalingActivities": [_written(one) for one in latest[start:end]]}
        return {**told, "NextToken": str(end)} if latest[end:] else told


def _written(activity: Activity) -> dict[str, Any]:
    after = activity.change.after
    ended = {} if activity.ended_seconds is None else {"EndTime": activity.ended_seconds}
    message = {
        "InProgress": f"Successfully set desired instance count to {after}. "
        "Waiting for change to be fulfilled by sagemaker.",
        "Successful": f"Successfully set desired instance count to {after}. "
        "Change successfully fulfilled by sagemaker.",
        "Overridden": "A later scaling activity has taken its place.",
    }
    return {
        "ActivityId": activity.activity_id,
        "ServiceNamespace": SERVICE,
        "ResourceId": activity.change.target.resource_id,
        "ScalableDimension": DIMENSION,
        "Description": f"Setting desired instance count to {after}.",
        "Cause": activity.cause,
        "StartTime": activity.began_seconds,
        **ended,
        "StatusCode": activity.status,
        "StatusMessage": message[activity.status],
    }
