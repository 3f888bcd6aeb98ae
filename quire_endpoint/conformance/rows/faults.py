"""Which faults can the local endpoint be asked for, and what does the caller see of them?"""

from __future__ import annotations

from quire_endpoint.conformance.deployment import Deployed
from quire_endpoint.conformance.plans import FAULTY, Plan
from quire_endpoint.conformance.refusal import refused
from quire_endpoint.conformance.row import Claim, Proof, Subject, expect, same
from quire_endpoint.conformance.stage import Stage, Ticket

_ASKED = "quire local fault"
_FATE = "no AWS statement; switch in-flight-fate"
_SILENT = "aws/deep-learning-containers, test of openfold3"
_MODEL = "botocore, sagemaker-runtime 2017-05-13"
_LONG_SECONDS = 600.0


def _claim(sentence: str, proof: Proof, source: str, plans: tuple[Plan, ...] = (FAULTY,)) -> Claim:
    return Claim(Subject.FAULTS, sentence, proof, source, plans, is_local=True)


def _started(stage: Stage, deployed: Deployed, seconds: float) -> Ticket:
    """A request that the container works on."""
    ticket = stage.invoke(deployed, {"seconds": seconds, "text": "done"})
    words = [f"conformance: request {ticket.inference_id}"]
    stage.readings.await_line(deployed.name, words, is_data_log=False)
    return ticket


def _not_written(stage: Stage, kind: str) -> Ticket:
    """A request that meets the fault, and ends without an output object."""
    deployed = stage.endpoint(FAULTY)
    with stage.mischief.fault(kind, deployed.name):
        ticket = stage.invoke(deployed, {"text": "done"})
        stage.target.wait(90)
    found = stage.found(ticket)
    expect(found is None or not found.is_output, "an output object")
    stage.succeeded(stage.invoke(deployed))
    return ticket


@_claim(
    "A request whose instance dies is lost by default: nothing is written, nobody told.", Proof.ASSUMED, _FATE
)
def killed_and_lost(stage: Stage) -> None:
    deployed = stage.endpoint(FAULTY)
    ticket = _started(stage, deployed, 300)
    stage.mischief.kill_instance(deployed.name)
    stage.target.wait(240)
    stage.succeeded(stage.invoke(deployed), _LONG_SECONDS)
    same((stage.found(ticket), stage.mailbox.of(ticket.inference_id)), (None, []))


def _delivered(stage: Stage, fate: str, times: int) -> None:
    """The one that died among them."""
    with Stage(stage.target.under(f"in-flight-fate={fate}")) as other:
        deployed = other.endpoint(FAULTY)
        ticket = _started(other, deployed, 300)
        other.mischief.kill_instance(deployed.name)
        other.succeeded(ticket, _LONG_SECONDS)
        other.target.wait(60)
        lines = other.readings.log_lines(deployed.name, is_data_log=False)
        same(sum(f"conformance: request {ticket.inference_id}" in line for line in lines), times)


@_claim("On demand it is delivered again, to the next instance.", Proof.ASSUMED, _FATE, ())
def killed_and_redelivered(stage: Stage) -> None:
    _delivered(stage, "redelivered", 2)


@_claim(
    "On demand it is delivered twice more, and both deliveries may be answered.", Proof.ASSUMED, _FATE, ()
)
def killed_and_duplicated(stage: Stage) -> None:
    _delivered(stage, "duplicated", 3)


@_claim("Slow S3 makes a request late, and lets it succeed.", Proof.ASSUMED, _ASKED)
def slow_s3(stage: Stage) -> None:
    deployed = stage.endpoint(FAULTY)
    with stage.mischief.fault("slow-download", deployed.name, seconds=90):
        ticket = stage.invoke(deployed)
        stage.target.wait(60)
        same(stage.found(ticket), None)
        stage.succeeded(ticket)


@_claim(
    "An input that cannot be read is counted in RequestDownloadFailures.",
    Proof.DOCUMENTED,
    "Developer Guide, async-inference-monitor",
)
def failing_download(stage: Stage) -> None:
    _not_written(stage, "failing-download")
    name = stage.endpoint(FAULTY).name
    stage.readings.await_value("RequestDownloadFailures", name, "Count", has_variant=True)


@_claim(
    "An output that cannot be written is counted in ResponseUploadFailures.",
    Proof.DOCUMENTED,
    "Developer Guide, async-inference-monitor",
)
def failing_upload(stage: Stage) -> None:
    _not_written(stage, "failing-upload")
    name = stage.endpoint(FAULTY).name
    stage.readings.await_value("ResponseUploadFailures", name, "Count", has_variant=True)


@_claim(
    "A role that may not write the output lets requests fail silently: they never complete.",
    Proof.AWS_CODE,
    _SILENT,
)
def denied_upload(stage: Stage) -> None:
    ticket = _not_written(stage, "denied-upload")
    same((stage.found(ticket), stage.mailbox.of(ticket.inference_id)), (None, []))


@_claim("A role that may not read the input makes the request fail.", Proof.ASSUMED, "as a missing input")
def denied_download(stage: Stage) -> None:
    _not_written(stage, "denied-download")


@_claim(
    "A notification that fails takes nothing from the request; it is counted in NotificationFailures.",
    Proof.DOCUMENTED,
    "Developer Guide, async-inference-monitor",
)
def failing_notification(stage: Stage) -> None:
    deployed = stage.endpoint(FAULTY)
    with stage.mischief.fault("failing-notification", deployed.name):
        ticket = stage.invoke(deployed, {"text": "done"})
        stage.succeeded(ticket)
        stage.target.wait(60)
    same(stage.mailbox.of(ticket.inference_id), [])
    stage.readings.await_value("NotificationFailures", deployed.name, "Count", has_variant=True)


@_claim("Throttling answers ThrottlingException.", Proof.ASSUMED, "as AWS's services throttle")
def throttled(stage: Stage) -> None:
    deployed = stage.endpoint(FAULTY)
    with stage.mischief.fault("throttling", deployed.name, times=1):
        refused(lambda: stage.invoke(deployed), "ThrottlingException")
        stage.invoke(deployed)


@_claim("An unavailable service answers ServiceUnavailable with status 503.", Proof.DOCUMENTED, _MODEL)
def unavailable(stage: Stage) -> None:
    deployed = stage.endpoint(FAULTY)
    with stage.mischief.fault("unavailable", deployed.name, times=1):
        refused(lambda: stage.invoke(deployed), "ServiceUnavailable", 503)


@_claim(
    "Without s3:ListBucket a missing object is AccessDenied, status 403.",
    Proof.DOCUMENTED,
    "API reference, GetObject",
)
def no_list_bucket(stage: Stage) -> None:
    key = f"{stage.mark}/none"
    with stage.mischief.fault("no-list-bucket", None):
        refused(lambda: stage.clients.s3.get_object(Bucket=stage.target.bucket, Key=key), "AccessDenied", 403)
        refused(lambda: stage.clients.s3.head_object(Bucket=stage.target.bucket, Key=key), "403", 403)


@_claim(
    "Without capacity a new endpoint fails for InsufficientInstanceCapacity.",
    Proof.SEEN,
    "aws/deep-learning-containers, tests that try again",
    (),
)
def no_capacity(stage: Stage) -> None:
    name = f"{stage.mark}-nowhere"
    with stage.mischief.fault("no-capacity", name):
        try:
            stage.deployment.create(Plan("nowhere"))
            stage.deployment.await_status(name, "Failed")
            told = stage.clients.sagemaker.describe_endpoint(EndpointName=name)
            expect("InsufficientInstanceCapacity" in told["FailureReason"], told["FailureReason"])
        finally:
            stage.deployment.remove(name)


ROWS = (
    killed_and_lost,
    killed_and_redelivered,
    killed_and_duplicated,
    slow_s3,
    failing_download,
    failing_upload,
    denied_upload,
    denied_download,
    failing_notification,
    throttled,
    unavailable,
    no_list_bucket,
    no_capacity,
)
