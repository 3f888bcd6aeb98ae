"""How is a SageMaker resource named for the whole of AWS?"""

from __future__ import annotations

import enum

from quire_endpoint.local.own_clients import ACCOUNT

_PARTITIONS = {"cn-": "aws-cn", "us-gov-": "aws-us-gov"}


class Kind(enum.Enum):
    """`word` stands in the API's sentences, `path` in ARNs."""

    MODEL = ("model", "model")
    CONFIG = ("endpoint configuration", "endpoint-config")
    ENDPOINT = ("endpoint", "endpoint")

    def __init__(self, word: str, path: str) -> None:
        self.word, self.path = word, path


def arn(kind: Kind, region: str, name: str) -> str:
    """The name in lower case, as SageMaker writes it there: aws/amazon-sagemaker-examples issue 293."""
    partition = next((its for prefix, its in _PARTITIONS.items() if region.startswith(prefix)), "aws")
    return f"arn:{partition}:sagemaker:{region}:{ACCOUNT}:{kind.path}/{name.lower()}"
