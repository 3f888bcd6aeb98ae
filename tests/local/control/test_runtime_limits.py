"""The runtime's limits against the installed botocore's model of the same service."""

from __future__ import annotations

from typing import Any

import botocore.session
import pytest

from quire_endpoint.local.control.runtime_limits import MAX_BODY_BYTES, NUMBERS, TEXTS

SAID_OTHERWISE = {r"\p{ASCII}*": r"[\x00-\x7f]*", r"\A\S[\p{Print}]*\z": r"[!-~][ -~]*"}
"""Java's classes, and what stands here for them."""


@pytest.fixture(scope="module")
def members() -> dict[str, Any]:
    """By header, in lower case."""
    model: Any = botocore.session.Session().get_service_model("sagemaker-runtime")
    shape = model.operation_model("InvokeEndpointAsync").input_shape
    return {
        str(member.serialization.get("name", name)).lower(): member for name, member in shape.members.items()
    }


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: text.member)
def test_texts_are_limited_as_the_model_says(members: dict[str, Any], text: Any) -> None:
    limits = members[text.header].metadata
    assert (limits.get("min", 0), limits["max"]) == (text.least, text.most)
    assert SAID_OTHERWISE.get(limits["pattern"], limits["pattern"]) == text.pattern


@pytest.mark.parametrize("number", NUMBERS, ids=lambda number: number.member)
def test_numbers_are_limited_as_the_model_says(members: dict[str, Any], number: Any) -> None:
    limits = members[number.header].metadata
    assert (limits["min"], limits["max"]) == (number.least, number.most)


def test_no_member_is_forgotten(members: dict[str, Any]) -> None:
    assert set(members) == {one.header for one in (*TEXTS, *NUMBERS)} | {"endpointname", "body"}
    assert members["body"].metadata["max"] == MAX_BODY_BYTES
