"""What does the API answer instead of a result, under which code and status?"""

from __future__ import annotations


class ApiError(Exception):
    """Its text is the message that the caller reads. `code` is what SDKs name their exceptions after."""

    code = "InternalFailure"
    status = 500


class ValidationException(ApiError):
    """The control plane's: whatever is wrong with a request, a missing endpoint included."""

    code = "ValidationException"
    status = 400


class ValidationError(ApiError):
    """The runtime's."""

    code = "ValidationError"
    status = 400


class SerializationException(ApiError):
    """The request is no JSON, or a member has another type than the API's."""

    code = "SerializationException"
    status = 400


class UnknownOperationException(ApiError):
    code = "UnknownOperationException"
    status = 400


class ThrottlingException(ApiError):
    code = "ThrottlingException"
    status = 400


class ServiceUnavailable(ApiError):
    code = "ServiceUnavailable"
    status = 503


class InvalidSignatureException(ApiError):
    """What AWS answers where the signature does not cover what it received."""

    code = "InvalidSignatureException"
    status = 403
