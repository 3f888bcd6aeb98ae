"""Runs on a laptop, without torch: the client and the `quire` command. Shares no code with the container."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from quire_endpoint.client import AsyncEndpointClient as AsyncEndpointClient

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """The client, which takes boto3 along, when it is asked for."""
    if name == "AsyncEndpointClient":
        return importlib.import_module("quire_endpoint.client").AsyncEndpointClient
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
