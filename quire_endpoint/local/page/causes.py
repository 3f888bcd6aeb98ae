"""Which cause does the evidence point to, and what helps?"""

from __future__ import annotations

from quire_endpoint.local.faults import FaultKind
from quire_endpoint.local.invocation import Ending
from quire_endpoint.local.journal import KEPT
from quire_endpoint.local.obituaries import GONE, LEAVING
from quire_endpoint.local.page.cause import Cause, ended, lost, runs, waits
from quire_endpoint.local.page.container_causes import CONTAINER_ANSWERED
from quire_endpoint.local.page.evidence import Evidence

_RESUBMIT = (
    "Submit it again once TTL and time-out have passed and neither object is there; AsyncEndpointClient does."
)

_DENIED = "^Access denied to "
_MISSING = r" could not be read: NoSuch(Key|Bucket): "

NEVER_ACCEPTED = (
    Cause(
        "throttled",
        lambda seen: not seen.entries and FaultKind.THROTTLING in seen.faults_on,
        "No call with this id was accepted, and the throttling fault is on: InvokeEndpointAsync answers "
        "ThrottlingException.",
        "Call again with back-off and jitter, and the same id; `quire local fault --clear` ends the fault.",
    ),
    Cause(
        "unavailable",
        lambda seen: not seen.entries and FaultKind.UNAVAILABLE in seen.faults_on,
        "No call with this id was accepted, and the unavailable fault is on: InvokeEndpointAsync answers "
        "ServiceUnavailable.",
        "Call again with back-off, and the same id; `quire local fault --clear` ends the fault.",
    ),
    Cause(
        "unknown",
        lambda seen: not seen.entries,
        f"No call with this id was accepted here, as far back as the last {KEPT:,}.",
        "Compare the id with the one in the answer of InvokeEndpointAsync: SageMaker makes one up where none "
        "is given, and the names of the output objects hold another.",
    ),
)

STILL_WAITING = (
    Cause(
        "no-instances",
        lambda seen: waits(seen) and seen.state is not None and seen.state.desired_instance_count == 0,
        "It waits: the endpoint is scaled to zero.",
        "A step policy on HasBacklogWithoutCapacity wakes an endpoint at zero; target tracking alone does "
        "not. By hand: aws sagemaker update-endpoint-weights-and-capacities with DesiredInstanceCount 1.",
    ),
    Cause(
        "no-capacity",
        lambda seen: (
            waits(seen)
            and FaultKind.NO_CAPACITY in seen.faults_on
            and seen.state is not None
            and seen.state.current_instance_count < seen.state.desired_instance_count
        ),
        "It waits: instances were asked for and do not come (InsufficientInstanceCapacity, the no-capacity "
        "fault is on).",
        "On AWS: InstancePools with other types, another zone, or a reservation. Here: `quire local fault "
        "--clear`.",
    ),
    Cause(
        "instances-starting",
        lambda seen: waits(seen) and seen.state is not None and seen.state.current_instance_count == 0,
        "It waits: no instance is in service yet, or none is healthy.",
        "`quire local status` shows each instance's phase; its log says why /ping is not 200.",
    ),
    Cause(
        "queued",
        waits,
        "It waits for its turn: every instance is at its MaxConcurrentInvocationsPerInstance.",
        "Wait, add instances, or raise the concurrency if the container can hold more.",
    ),
    Cause(
        "running",
        runs,
        "It runs: the container has not answered yet.",
        "Wait. A container that never answers is given up after InvocationTimeoutSeconds.",
    ),
)

PLATFORM = (
    Cause(
        "timed-out",
        ended(Ending.TIMED_OUT),
        "The container did not answer within InvocationTimeoutSeconds; it may still be computing.",
        "Raise InvocationTimeoutSeconds (3600 at most, 900 by default), send less, or make the container end "
        "by itself before that.",
    ),
    Cause(
        "expired",
        ended(Ending.EXPIRED),
        "It waited in the queue longer than its RequestTTLSeconds.",
        "Submit it again. Keep less queued than is completed in the TTL, raise the TTL (21600 at most), or "
        "add instances.",
    ),
    Cause(
        "input-denied",
        ended(Ending.DOWNLOAD_FAILED, _DENIED),
        "The endpoint's role may not read the input.",
        "Give the role s3:GetObject on the input's bucket, and kms:Decrypt where it is encrypted.",
    ),
    Cause(
        "input-missing",
        ended(Ending.DOWNLOAD_FAILED, _MISSING),
        "There was no object at InputLocation when it was downloaded. InvokeEndpointAsync does not look.",
        "Upload first, then submit, and keep the object until the result is there. Compare the key letter by "
        "letter: events write it URL-encoded.",
    ),
    Cause(
        "download-failed",
        ended(Ending.DOWNLOAD_FAILED),
        "The input could not be downloaded.",
        "Submit it again; S3's answer stands below.",
    ),
    Cause(
        "output-denied",
        ended(Ending.UPLOAD_FAILED, _DENIED),
        "The endpoint's role may not write the output: it never completes, and nobody is told.",
        "Give the role s3:PutObject on S3OutputPath and S3FailurePath. AmazonSageMakerFullAccess reaches "
        "only buckets with “sagemaker” in their names.",
    ),
    Cause(
        "upload-failed",
        ended(Ending.UPLOAD_FAILED),
        "The result could not be written to S3.",
        "Submit it again; see that the output's bucket is there.",
    ),
    Cause(
        "lost-unhealthy",
        lost(f"{GONE}unhealthy"),
        "Its instance was found unhealthy while the container worked, and was replaced: the request is lost.",
        "Let /ping answer in under 2 s while the model works: from a thread or process of its own. "
        + _RESUBMIT,
    ),
    Cause(
        "lost-scale-in",
        lost(LEAVING),
        "Its instance was stopped (scale-in or an update) while the container worked: the request is lost.",
        "Count work in flight in the scaling policy, or make the scale-in cooldown longer than the longest "
        "job. " + _RESUBMIT,
    ),
    Cause(
        "lost",
        lost(),
        "Its instance went away while the container worked: the request is lost, and nobody is told.",
        "Signal 9 without a fault injected is mostly memory. " + _RESUBMIT,
    ),
    Cause(
        "dropped",
        ended(Ending.DROPPED),
        "Its endpoint was deleted while it waited or ran.",
        "Let the backlog run empty before an endpoint is deleted. Submit it again elsewhere.",
    ),
    Cause(
        "not-notified",
        ended(Ending.COMPLETED, " was not told: "),
        "It completed and its result is in S3, but SNS did not take the notification.",
        "See that the topic exists and that the role may sns:Publish to it; read the result by its location.",
    ),
    Cause(
        "completed",
        ended(Ending.COMPLETED),
        "It completed: the result is at its OutputLocation.",
        "Nothing to do.",
    ),
    Cause(
        "being-delivered",
        lambda seen: True,
        "The container has answered; its result is on the way to S3.",
        "Wait. If it stays so, the upload fails silently: see that the role may write to S3OutputPath.",
    ),
)

CAUSES = (*NEVER_ACCEPTED, *STILL_WAITING, *CONTAINER_ANSWERED, *PLATFORM)
"""The first that fits is told; the last one always fits."""


def cause_of(seen: Evidence) -> Cause:
    return next(cause for cause in CAUSES if cause.fits(seen))
