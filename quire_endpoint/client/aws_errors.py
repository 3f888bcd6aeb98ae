"""What does an error of AWS, or of the way there, mean for a call?"""

from __future__ import annotations

import enum
import re

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    IncompleteReadError,
    ParamValidationError,
    ProxyConnectionError,
    SSLError,
)

_THROTTLED = frozenset(
    {
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "TooManyRequestsException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "SlowDown",
    }
)

_CREDENTIALS = re.compile(r"Token|Signature|Credential|AccessKey|UnrecognizedClient|OptIn")
_RIGHTS = re.compile(r"AccessDenied|NotAuthorized")
_NO_ENDPOINT = re.compile(
    r"\bendpoint\b.*\b(not found|could not be found|does not exist)", re.IGNORECASE | re.DOTALL
)
"""A ValidationError like any other: only its sentence tells."""


class Fault(enum.Enum):
    """What is known after a call that failed."""

    NOT_TAKEN = "not taken"
    """Throttled, or it never arrived: calling again submits nothing twice."""
    DOUBTFUL = "doubtful"
    """It failed on its way, there or back: the endpoint may have it."""
    UNFIT = "unfit"
    """Refused for what it says: this document would be refused again, another perhaps not."""
    REFUSED = "refused"
    """All will be refused: no such endpoint, missing rights, no credentials."""

    @property
    def may_pass(self) -> bool:
        """Whether the same may be taken later."""
        return self in (Fault.NOT_TAKEN, Fault.DOUBTFUL)


def fault_of(error: BotoCoreError | ClientError) -> Fault:
    """Of a call that botocore did not repeat by itself."""
    if isinstance(error, ClientError):
        return _fault_of_answer(error)
    if isinstance(error, EndpointConnectionError | ConnectTimeoutError | ProxyConnectionError):
        return Fault.NOT_TAKEN
    if isinstance(error, ParamValidationError):
        return Fault.UNFIT
    return Fault.DOUBTFUL if is_of_the_way(error) else Fault.REFUSED


def is_of_the_way(error: BotoCoreError | ClientError) -> bool:
    """Whether the network broke, there or back; not where the other side's certificate is not trusted, which
    time does not mend."""
    if isinstance(error, SSLError) and "CERTIFICATE_VERIFY_FAILED" in str(error):
        return False
    return isinstance(error, ConnectionError | HTTPClientError | IncompleteReadError)


def _fault_of_answer(error: ClientError) -> Fault:
    status, code = status_of(error), code_of(error)
    if code in _THROTTLED or status == 429:
        return Fault.NOT_TAKEN
    if status >= 500:
        return Fault.DOUBTFUL
    is_of_all = status != 400 or is_of_credentials(error) or _RIGHTS.search(code)
    return Fault.REFUSED if is_of_all or _NO_ENDPOINT.search(str(error)) else Fault.UNFIT


def is_of_credentials(error: BotoCoreError | ClientError) -> bool:
    """Whether nothing at all can be done with them."""
    if isinstance(error, ClientError):
        return _CREDENTIALS.search(code_of(error)) is not None
    return fault_of(error) is Fault.REFUSED and not isinstance(error, SSLError)


def code_of(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def status_of(error: ClientError) -> int:
    """0 where the answer had none."""
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
