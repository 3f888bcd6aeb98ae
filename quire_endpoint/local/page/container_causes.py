"""Which causes lie with the container: what it answered?"""

from __future__ import annotations

import re

from quire_endpoint.local.invocation import Ending
from quire_endpoint.local.page.cause import Cause, answered, ended
from quire_endpoint.local.queue.data_log import LONG_HEADERS, NO_LENGTH

CONTAINER_ANSWERED = (
    Cause(
        "body-too-large",
        answered("413"),
        "The container refused the body as too large (413). The platform itself takes up to 1 GB.",
        "Raise the container's own limit: QUIRE_MAX_BODY_BYTES, MMS_MAX_REQUEST_SIZE or whatever its server "
        "calls it.",
    ),
    Cause(
        "wrong-media-type",
        answered("415", "406"),
        "The container does not take this Content-Type, or cannot write what Accept asks for (415, 406).",
        "Send ContentType and Accept with InvokeEndpointAsync: the S3 object's own type need not reach the "
        "container.",
    ),
    Cause(
        "container-busy",
        answered("503", "429"),
        "The container refused the work as busy or not ready (503, 429). Under async that is final for the "
        "request.",
        "Make MaxConcurrentInvocationsPerInstance no more than the container takes, let it queue, and let "
        "/ping be 503 until it can work. Then submit again.",
    ),
    Cause(
        "request-refused",
        answered("4"),
        "The container found fault with the request or its document (4xx). That is final: SageMaker tries "
        "nothing again.",
        "Mend the request; the failure object says what the container found.",
    ),
    Cause(
        "own-deadline",
        answered("504"),
        "The container gave up at its own deadline (504).",
        "Raise the container's deadline and InvocationTimeoutSeconds (3600 at most), or send fewer pages.",
    ),
    Cause(
        "disk-full",
        answered("507"),
        "The container's disk was full (507).",
        "Lower the concurrency, or take an instance type with a larger disk.",
    ),
    Cause(
        "container-failed",
        answered("5"),
        "The container failed on the request (5xx). That is final: SageMaker tries nothing again.",
        "Its log has the reason; mend it, and submit again where the failure object says retryable.",
    ),
    Cause(
        "model-error",
        ended(Ending.MODEL_ERROR),
        "The container answered with an error. That is final: SageMaker tries nothing again.",
        "The failure object and the container's log say what it was.",
    ),
    Cause(
        "no-content-length",
        ended(Ending.BAD_RESPONSE, f"^{re.escape(NO_LENGTH)}"),
        "The container answered without Content-Length (chunked): async takes no such answer.",
        "Send the answer whole, with Content-Length; switch streaming or chunking off in its server.",
    ),
    Cause(
        "headers-too-long",
        ended(Ending.BAD_RESPONSE, f"^{re.escape(LONG_HEADERS)}"),
        "The container's response headers are longer than 4096 bytes together.",
        "Move what stands in headers into the body.",
    ),
    Cause(
        "bad-response",
        ended(Ending.BAD_RESPONSE),
        "The container's answer broke off, or was none.",
        "Look for a crash or a worker's time-out in its log at that time.",
    ),
)
