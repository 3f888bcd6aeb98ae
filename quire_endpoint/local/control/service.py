"""What shape has a request of the control plane, by botocore's model of SageMaker?"""

from __future__ import annotations

import functools
from typing import Any

import botocore.session


@functools.cache
def _model() -> Any:
    return botocore.session.Session().get_service_model("sagemaker")


@functools.cache
def input_shape(operation: str) -> Any:
    """botocore's shape. Read at the first call: the model is large."""
    return _model().operation_model(operation).input_shape
