"""What does EnableNetworkIsolation take away?"""

from __future__ import annotations

import json

from quire_endpoint.conformance.plans import ISOLATED
from quire_endpoint.conformance.row import Claim, NotCheckable, Proof, Subject, expect, same
from quire_endpoint.conformance.stage import Stage

_GUIDE = "Developer Guide, mkt-algo-model-internet-free"
_OPENFOLD = "aws/deep-learning-containers, test_async_endpoint.py of openfold3"


@Claim(Subject.ISOLATION, "An isolated container has no credentials.", Proof.DOCUMENTED, _GUIDE, (ISOLATED,))
def no_credentials(stage: Stage) -> None:
    same(stage.ask(stage.endpoint(ISOLATED))["credentials"], [])


@Claim(
    Subject.ISOLATION,
    "SageMaker still brings model data and requests, and takes the answers away.",
    Proof.AWS_CODE,
    _OPENFOLD,
    (ISOLATED,),
)
def data_still_moves(stage: Stage) -> None:
    expect(bool(stage.ask(stage.endpoint(ISOLATED))["model"]), "no model data")


@Claim(
    Subject.ISOLATION, "An isolated container can connect to nothing.", Proof.DOCUMENTED, _GUIDE, (ISOLATED,)
)
def no_connections(stage: Stage) -> None:
    url = stage.clients.s3.meta.endpoint_url
    address = url.partition("://")[2] if stage.target.is_local else "sts.amazonaws.com:443"
    ticket = stage.invoke(stage.endpoint(ISOLATED), {"reach": address})
    is_reached = json.loads(stage.succeeded(ticket).body)["is_reached"]
    if is_reached and stage.target.is_local:
        raise NotCheckable("the container is a process, which cannot be denied this machine's network")
    expect(not is_reached, f"{address} was reached")


ROWS = (no_credentials, data_still_moves, no_connections)
