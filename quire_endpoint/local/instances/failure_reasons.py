"""In which words does DescribeEndpoint say why no instance came into service?"""

from __future__ import annotations

from collections.abc import Sequence

from quire_endpoint.s3_location import S3Location

MAX_REASON_CHARS = 1024
"""FailureReason of DescribeEndpointOutput."""

_CONTAINER = "container_1"
"""SageMaker's own name for the one container, in its messages."""


def no_capacity() -> str:
    """As CreateEndpoint's failures were seen to say it."""
    return (
        "Unable to provision requested ML compute capacity due to InsufficientInstanceCapacity error. "
        "Please retry using a different ML instance type or after some time."
    )


def no_model_data(location: S3Location) -> str:
    """sagemaker-python-sdk issues and fraud-detection-using-machine-learning issue 9 quote it."""
    return (
        f'Failed to download model data for container "{_CONTAINER}" from URL: "{location}". Please ensure '
        "that there is an object located at the URL and that the role passed to CreateModel has permissions "
        "to download the object."
    )


def bad_archive(location: S3Location, why: str) -> str:
    """deep-learning-containers pull request 569 quotes the first two sentences; the last is ours."""
    return (
        f'Failed to extract model data archive for container "{_CONTAINER}" from URL "{location}". Please '
        f"ensure that the object located at the URL is a valid tar.gz archive. ({why})"
    )


def bad_prefix(location: S3Location, why: str) -> str:
    """The rules are S3DataSource's; the words are ours."""
    return f'Failed to download model data for container "{_CONTAINER}" from URL: "{location}". ({why})'


def slow_download(location: S3Location, seconds: float) -> str:
    """The words are ours."""
    return bad_prefix(location, f"it took longer than ModelDataDownloadTimeoutInSeconds, {seconds:.0f}")


def no_ping(variant_name: str, ping_failure: str, lines: Sequence[str]) -> str:
    """sagemaker-python-sdk issue 787 quotes the first two sentences; what follows is ours."""
    return _with_lines(
        f"The primary container for production variant {variant_name} did not pass the ping health check. "
        f"Please check CloudWatch logs for this endpoint. Its last ping: {ping_failure}.",
        lines,
    )


def cannot_start(variant_name: str, cause: str, lines: Sequence[str]) -> str:
    """The Developer Guide, "inference-gpu-drivers", quotes the first two sentences; what follows is ours."""
    return _with_lines(
        f"CannotStartContainerError. Please ensure the model container for variant {variant_name} starts "
        f"correctly when invoked with 'docker run <image> serve'. It {cause}.",
        lines,
    )


def _with_lines(sentences: str, lines: Sequence[str]) -> str:
    """With as many of the container's last lines as there is room for."""
    if not lines:
        return f"{sentences} It printed nothing."
    beginning = f"{sentences} Its last lines: "
    room = MAX_REASON_CHARS - len(beginning)
    told = " | ".join(lines)
    return beginning + (told if len(told) <= room else "…" + told[-room + 1 :])
