"""How are containers fed, watched and stopped?"""

from __future__ import annotations

import re
from typing import Any

from quire_endpoint.conformance.deployment import MODEL_FILES
from quire_endpoint.conformance.plans import (
    BARE,
    DELETED,
    MAIN,
    NEVER_HEALTHY,
    SERIAL,
    SICK,
    SLOW_TO_START,
    STUBBORN,
)
from quire_endpoint.conformance.row import Claim, NotCheckable, Proof, Subject, expect, same
from quire_endpoint.conformance.stage import Stage

_CODE_GUIDE = "Developer Guide, your-algorithms-inference-code"
_FAQ = "Developer Guide, async-inference-troubleshooting"
_REPLACED_SECONDS = 1800.0
_SIZES = {name: len(content) for name, content in MODEL_FILES.items()}
_KILLED_AFTER_SECONDS = 30.0


@Claim(
    Subject.MODEL_FOLDER,
    "ModelDataUrl's archive is unpacked to /opt/ml/model.",
    Proof.DOCUMENTED,
    "botocore, sagemaker 2017-07-24",
    (MAIN,),
)
def archive_unpacked(stage: Stage) -> None:
    same(stage.ask(stage.endpoint(MAIN))["model"], _SIZES)


@Claim(
    Subject.MODEL_FOLDER,
    "Of an uncompressed S3Prefix, a file's path is its key without the prefix.",
    Proof.DOCUMENTED,
    "botocore, sagemaker 2017-07-24",
    (SERIAL,),
)
def prefix_laid_out(stage: Stage) -> None:
    same(stage.ask(stage.endpoint(SERIAL))["model"], _SIZES)


@Claim(
    Subject.MODEL_FOLDER,
    "Without model data /opt/ml/model is there and empty.",
    Proof.AWS_CODE,
    "aws/deep-learning-containers, sagemaker_entrypoint.sh of whisperx",
    (BARE,),
)
def empty_model_folder(stage: Stage) -> None:
    told = stage.ask(stage.endpoint(BARE))
    same((told["has_model_folder"], told["model"]), (True, {}))


@Claim(Subject.MODEL_FOLDER, "/opt/ml/model cannot be written to.", Proof.DOCUMENTED, _CODE_GUIDE, (MAIN,))
def model_is_read_only(stage: Stage) -> None:
    told = stage.ask(stage.endpoint(MAIN))
    if told["is_model_writable"] and not told["is_model_writable_by_mode"]:
        raise NotCheckable("the container is a process of root, whom no file mode stops")
    expect(not told["is_model_writable"], "the container wrote there")


@Claim(Subject.PINGS, "/ping is asked again and again.", Proof.DOCUMENTED, _CODE_GUIDE, (MAIN,))
def pings_go_on(stage: Stage) -> None:
    deployed = stage.endpoint(MAIN)
    before = stage.ask(deployed)["pings"]
    stage.target.until(lambda: stage.ask(deployed)["pings"] > before or None, 60, "further ping")


@Claim(
    Subject.PINGS,
    "An endpoint is InService once /ping answers 200, and not before.",
    Proof.DOCUMENTED,
    _CODE_GUIDE,
    (SLOW_TO_START,),
    minutes=5,
)
def in_service_after_ping(stage: Stage) -> None:
    deployed = stage.endpoint(SLOW_TO_START)
    told = stage.clients.sagemaker.describe_endpoint(EndpointName=deployed.name)
    took = (told["LastModifiedTime"] - told["CreationTime"]).total_seconds()
    wanted = float(SLOW_TO_START.environment["CONFORMANCE_START_SECONDS"])
    expect(took >= wanted - 1, f"in service after {took:.0f} s; /ping answers 200 after {wanted:.0f} s")


@Claim(
    Subject.PINGS,
    "A container that is not healthy within its start-up window makes the endpoint Failed, with a reason.",
    Proof.DOCUMENTED,
    _CODE_GUIDE,
    (NEVER_HEALTHY,),
    minutes=15,
)
def never_healthy(stage: Stage) -> None:
    deployed = stage.creating(NEVER_HEALTHY)
    stage.deployment.await_status(deployed.name, "Failed")
    told = stage.clients.sagemaker.describe_endpoint(EndpointName=deployed.name)
    expect("ping" in told.get("FailureReason", ""), told.get("FailureReason"))


def _replaced(stage: Stage, **wish: Any) -> None:
    """Raises Differs unless another container answers some time after the wish was obeyed."""
    deployed = stage.endpoint(SICK)
    before = stage.ask(deployed, _REPLACED_SECONDS)["boot"]
    stage.invoke(deployed, {"text": "ill", **wish})
    stage.target.until(
        lambda: stage.ask(deployed, _REPLACED_SECONDS)["boot"] != before or None,
        _REPLACED_SECONDS,
        "new container",
    )
    same(stage.deployment.status(deployed.name), "InService")


@Claim(
    Subject.PINGS,
    "A container whose pings fail in service is replaced.",
    Proof.DOCUMENTED,
    _FAQ,
    (SICK,),
    minutes=15,
)
def unhealthy_replaced(stage: Stage) -> None:
    _replaced(stage, ping_status=503)


@Claim(
    Subject.PINGS,
    "A ping that is answered after more than 2 s has failed.",
    Proof.DOCUMENTED,
    _CODE_GUIDE,
    (SICK,),
    minutes=15,
)
def slow_ping_replaced(stage: Stage) -> None:
    _replaced(stage, ping_seconds=4)


@Claim(
    Subject.PINGS,
    "A container that exits is replaced.",
    Proof.ASSUMED,
    "as an unhealthy one is",
    (SICK,),
    minutes=15,
)
def exited_replaced(stage: Stage) -> None:
    _replaced(stage, exit_status=3)


@Claim(
    Subject.STOPPING,
    "A container that is stopped gets SIGTERM.",
    Proof.DOCUMENTED,
    _CODE_GUIDE,
    (DELETED,),
    minutes=5,
)
def sigterm(stage: Stage) -> None:
    deployed = stage.endpoint(DELETED)
    stage.clients.sagemaker.delete_endpoint(EndpointName=deployed.name)
    stage.readings.await_line(deployed.name, ["conformance: SIGTERM"], is_data_log=False)


@Claim(
    Subject.STOPPING,
    "A container that lives on after SIGTERM is killed 30 s later.",
    Proof.DOCUMENTED,
    _CODE_GUIDE,
    (STUBBORN,),
    minutes=5,
)
def sigkill(stage: Stage) -> None:
    deployed = stage.endpoint(STUBBORN)
    stage.clients.sagemaker.delete_endpoint(EndpointName=deployed.name)
    line = stage.readings.await_line(deployed.name, ["conformance: SIGTERM"], is_data_log=False)
    asked = _moment(line)
    stage.target.wait((_KILLED_AFTER_SECONDS + 10) * stage.target.speed)
    lines = stage.readings.log_lines(deployed.name, is_data_log=False)
    lived = max(_moment(one) for one in lines if "conformance: alive" in one) - asked
    expect(_KILLED_AFTER_SECONDS - 5 <= lived <= _KILLED_AFTER_SECONDS + 3, f"it lived for {lived:.1f} s")


def _moment(line: str) -> float:
    """The container's own clock, which is the wall's."""
    found = re.search(r" at ([\d.]+)", line)
    assert found, line
    return float(found[1])


ROWS = (
    archive_unpacked,
    prefix_laid_out,
    empty_model_folder,
    model_is_read_only,
    pings_go_on,
    in_service_after_ping,
    never_healthy,
    unhealthy_replaced,
    slow_ping_replaced,
    exited_replaced,
    sigterm,
    sigkill,
)
