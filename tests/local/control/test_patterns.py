"""Java's patterns in Python: each one that a request can meet."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import botocore.session
import pytest

from quire_endpoint.local.control.patterns import compiled

OPERATIONS = (
    "CreateModel", "CreateEndpointConfig", "CreateEndpoint", "UpdateEndpoint",
    "UpdateEndpointWeightsAndCapacities", "ListModels", "ListEndpoints", "AddTags", "ListTags", "DeleteTags",
)  # fmt: skip


def patterns(shape: Any) -> Iterator[str]:
    if "pattern" in shape.metadata:
        yield shape.metadata["pattern"]
    for part in parts(shape):
        yield from patterns(part)


def parts(shape: Any) -> list[Any]:
    match shape.type_name:
        case "structure":
            return list(shape.members.values())
        case "list":
            return [shape.member]
        case "map":
            return [shape.key, shape.value]
    return []


def test_every_pattern_of_the_model_is_understood() -> None:
    model: Any = botocore.session.Session().get_service_model("sagemaker")
    found = {one for name in OPERATIONS for one in patterns(model.operation_model(name).input_shape)}
    assert len(found) > 15
    for pattern in found:
        assert r"\p{" not in compiled(pattern).pattern, pattern


@pytest.mark.parametrize(
    ("pattern", "matching", "other"),
    [
        (r"([\p{L}\p{Z}\p{N}_.:/=+\-@]*)", "größe 1\u00a0²:/=+-@", "a;b"),
        (r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}", "a--b", "a-"),
        (r"[a-zA-Z0-9]([\-a-zA-Z0-9]*[a-zA-Z0-9])?", "a", "a\n"),
        (r"/(?!.*\.\.)[a-zA-Z0-9/_.\-]+", "/a.b", "/a/../b"),
    ],
)
def test_a_pattern_matches_the_whole_value(pattern: str, matching: str, other: str) -> None:
    assert compiled(pattern).fullmatch(matching)
    assert not compiled(pattern).fullmatch(other)
