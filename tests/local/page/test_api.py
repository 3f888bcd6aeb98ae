"""What lies beneath /_quire/, over a real endpoint."""

from __future__ import annotations

import http.client
import json
from typing import Any
from urllib.parse import urlsplit

import pytest

from quire_endpoint.local.admin import Admin, AdminFailed
from quire_endpoint.local.faults import FaultKind
from tests.local.page.conftest import Stand, await_that


def test_state_shows_endpoint_instances_and_requests(stand: Stand) -> None:
    stand.invoke("long", "seconds=30")
    stand.runs("long")
    state = stand.admin.get("/state", requests=1)
    (endpoint,) = state["endpoints"]
    assert (endpoint["name"], endpoint["status"]) == ("stub", "InService")
    assert (endpoint["current_instance_count"], endpoint["max_concurrent_invocations"]) == (1, 2)
    assert endpoint["queue"] == {"waiting": 0, "in_flight": 1, "oldest_age_seconds": None}
    (instance,) = endpoint["instances"]
    assert (instance["phase"], instance["in_flight"]) == ("in service", ["long"])
    (request,) = state["requests"]
    assert (request["inference_id"], request["ending"]) == ("long", None)
    assert [span["name"] for span in request["spans"]] == ["queued", "downloaded", "model"]
    assert state["fault_kinds"] == list(FaultKind)
    assert any(line.startswith("in-flight-fate=") for line in state["switches"])
    stand.admin.post("/endpoints/stub/kill-instance")
    assert stand.ended("long")["name"] == "lost"


def test_pages_done_come_from_the_containers_log(stand: Stand) -> None:
    line = json.dumps({"inference_id": "paged", "pages_done": 3, "pages_total": 40})
    stand.invoke("paged", f"seconds=2;says={line}")
    pages = await_that(
        lambda: stand.admin.get("/state", requests=1)["requests"][0]["pages"], "its pages are seen"
    )
    assert pages == {"done": 3, "total": 40}
    assert stand.ended("paged")["pages"] == {"done": 3, "total": 40}


@pytest.mark.parametrize(
    ("orders", "name"),
    [
        ("", "completed"),
        ("status=422", "request-refused"),
        ("status=500", "container-failed"),
        ("fault=chunked", "no-content-length"),
        ("fault=big-headers", "headers-too-long"),
    ],
)
def test_containers_answer_is_explained(stand: Stand, orders: str, name: str) -> None:
    stand.invoke(f"of-{name}", orders)
    told = stand.ended(f"of-{name}")
    assert told["name"] == name
    assert told["happenings"][0]["step"] == "received"
    assert told["happenings"][-1]["step"] == "ended"
    assert ("two words" in (told["failure_object"] or "")) == orders.startswith("status=")
    assert bool(told["data_log"]) == bool(orders)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (FaultKind.DENIED_DOWNLOAD, "input-denied"),
        (FaultKind.FAILING_DOWNLOAD, "download-failed"),
        (FaultKind.DENIED_UPLOAD, "output-denied"),
        (FaultKind.FAILING_UPLOAD, "upload-failed"),
    ],
)
def test_injected_fault_is_explained(stand: Stand, kind: FaultKind, name: str) -> None:
    stand.admin.post("/faults", {"kind": kind.value, "times": 1})
    stand.invoke(f"of-{kind}")
    assert stand.ended(f"of-{kind}")["name"] == name
    assert stand.admin.get("/faults") == {"faults": []}


@pytest.mark.parametrize("name", ["nothing.txt", "2024/denied-403.pdf", "forbidden/could not be read.pdf"])
def test_missing_input_is_explained_whatever_its_name(stand: Stand, name: str) -> None:
    missing = stand.made.input.beneath(name)
    stand.invoke(f"of {name}", InputLocation=str(missing))
    assert stand.ended(f"of {name}")["name"] == "input-missing"


def test_one_whose_id_begins_as_anothers_is_not_taken_for_it(stand: Stand) -> None:
    for name, status in (("job-1", 500), ("job-12", 413), ("a-job-1", 422), ("job-1.pdf", 503)):
        stand.invoke(name, f"status={status};says=began {name}: hello")
        stand.ended(name)
    told = stand.ended("job-1")
    assert told["name"] == "container-failed"
    assert [line.partition("[sagemaker logs] ")[2][:7] for line in told["data_log"]] == ["[job-1]"]
    assert told["container_log"] == ["began job-1: hello"]


def test_an_id_that_is_used_again_is_told_of_its_last_use(stand: Stand) -> None:
    stand.invoke("again", "status=413")
    assert stand.ended("again")["name"] == "body-too-large"
    stand.invoke("again")
    told = await_that(
        lambda: (
            said := stand.admin.get("/why", inference_id="again"),
            said if said["name"] == "completed" else None,
        )[1],
        "its second use completes",
    )
    assert [step["step"] for step in told["happenings"]].count("received") == 1
    assert told["data_log"] == []


def test_timeout_is_explained(stand: Stand) -> None:
    stand.invoke("of-timeout", "seconds=5", InvocationTimeoutSeconds=1)
    assert stand.ended("of-timeout")["name"] == "timed-out"


def test_lost_one_is_told_with_its_instances_end(stand: Stand) -> None:
    stand.invoke("of-lost", "seconds=30")
    stand.runs("of-lost")
    (view,) = stand.local.host.instances("stub")
    order = {"instance_id": view.instance_id, "fate": "lost"}
    assert stand.admin.post("/endpoints/stub/kill-instance", order) == {"instance_id": view.instance_id}
    told = stand.ended("of-lost")
    assert told["name"] == "lost"
    assert any("gone: " in line and "KILL" in line for line in told["instance_log"])


def test_notification_is_a_stretch_of_its_own_and_its_failure_is_explained(stand: Stand) -> None:
    topic = stand.client("sns").create_topic(Name="told")["TopicArn"]
    stand.notify("told", topic)
    stand.invoke("is-told", endpoint_name="told")
    assert stand.ended("is-told")["name"] == "completed"
    (request,) = stand.admin.get("/state", requests=1)["requests"]
    assert [span["name"] for span in request["spans"]][-2:] == ["uploaded", "notified"]
    stand.admin.post("/faults", {"kind": "failing-notification", "times": 1})
    stand.invoke("is-not-told", endpoint_name="told")
    assert stand.ended("is-not-told")["name"] == "not-notified"
    stand.client("sagemaker").delete_endpoint(EndpointName="told")
    await_that(lambda: stand.local.host.names() == ["stub"], "it is gone")


def test_scaled_to_zero_is_explained(stand: Stand) -> None:
    stand.local.host.set_desired_count("stub", 0)
    await_that(lambda: not stand.local.host.instances("stub"), "no instance is left")
    stand.invoke("waits")
    assert stand.admin.get("/why", inference_id="waits")["name"] == "no-instances"
    stand.local.host.set_desired_count("stub", 1)
    assert stand.ended("waits")["name"] == "completed"


def test_faults_come_and_go(stand: Stand) -> None:
    added = stand.admin.post("/faults", {"kind": "throttling", "share": 0.5, "endpoint_name": "other"})
    assert (added["kind"], added["share"], added["times"]) == ("throttling", 0.5, None)
    assert stand.admin.get("/faults")["faults"] == [added]
    assert stand.admin.delete(f"/faults/{added['number']}") == {"faults": []}
    stand.admin.post("/faults", {"kind": "unavailable"})
    assert stand.admin.get("/why", inference_id="never")["name"] == "unavailable"
    assert stand.admin.delete("/faults") == {"faults": []}
    assert stand.admin.get("/why", inference_id="never")["name"] == "unknown"


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"kind": "earthquake"}, "kind is one of slow-download, "),
        ({}, "kind is one of"),
        ({"kind": "throttling", "chance": 1}, "a fault has no chance; it has endpoint_name, kind, seconds"),
        ({"kind": "throttling", "share": 0}, "share is above 0"),
        ({"kind": "no-list-bucket", "endpoint_name": "words"}, "of no endpoint in particular"),
        ({"kind": "throttling", "times": "often"}, "often"),
        ({"kind": "throttling", "times": float("inf")}, "inf"),
        ({"kind": "throttling", "share": float("nan")}, "share is above 0"),
        ({"kind": "slow-upload", "seconds": float("inf")}, "seconds is from 0 to 86400, a day"),
        ({"kind": "slow-upload", "seconds": float("nan")}, "seconds is from 0 to"),
        ({"kind": "slow-upload", "seconds": 1e10}, "seconds is from 0 to"),
    ],
)
def test_impossible_fault_is_refused(stand: Stand, asked: dict[str, Any], said: str) -> None:
    with pytest.raises(AdminFailed, match=said):
        stand.admin.post("/faults", asked)
    assert stand.admin.get("/faults") == {"faults": []}


@pytest.mark.parametrize(
    ("method", "path", "said"),
    [
        ("post", "/endpoints/nobody/kill-instance", "no endpoint 'nobody' runs here"),
        ("post", "/stop", "stopped by what started it"),
        ("delete", "/faults/77", "no fault has the number 77"),
        ("get", "/why", "name an inference_id"),
        ("get", "/nothing", "not found"),
    ],
)
def test_what_cannot_be_done_is_said(stand: Stand, method: str, path: str, said: str) -> None:
    with pytest.raises(AdminFailed, match=said):
        getattr(stand.admin, method)(path)


def test_unknown_instance_is_not_killed(stand: Stand) -> None:
    with pytest.raises(AdminFailed, match="stub has no instance i-0"):
        stand.admin.post("/endpoints/stub/kill-instance", {"instance_id": "i-0"})


@pytest.mark.parametrize("body", ["{", "[1]", "7", '"i-0"', '{"instance_id": 7}', '{"fate": "saved"}'])
def test_what_is_no_order_kills_nobody(stand: Stand, body: str) -> None:
    before = stand.local.host.instances("stub")
    headers = {"Content-Type": "application/json"}
    assert asked(stand, "POST", "/_quire/endpoints/stub/kill-instance", headers, body) == 400
    assert [view.instance_id for view in stand.local.host.instances("stub")] == [
        view.instance_id for view in before
    ]


def test_without_a_body_any_instance_is_killed(stand: Stand) -> None:
    (before,) = stand.local.host.instances("stub")
    assert asked(stand, "POST", "/_quire/endpoints/stub/kill-instance", {}) == 200
    await_that(
        lambda: (
            [view.instance_id for view in stand.local.host.instances("stub")]
            not in ([], [before.instance_id])
        ),
        "another takes its place",
    )


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/a b", "http://[::1", "ftp://x", "nowhere"])
def test_an_address_that_is_none_is_said(url: str) -> None:
    with pytest.raises(AdminFailed, match="no local endpoint answers at"):
        Admin(url).get("/state")


def test_nobody_there_is_said() -> None:
    with pytest.raises(AdminFailed, match=r"no local endpoint answers at \S+:1 .*quire local up"):
        Admin("http://127.0.0.1:1").get("/state")


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("GET", "/_quire/state", {"Host": "evil.example:80"}),
        ("POST", "/_quire/faults", {"Origin": "http://evil.example"}),
        ("DELETE", "/_quire/faults", {"Origin": "null"}),
        ("DELETE", "/_quire/faults", {"Origin": "http://localhost:3000"}),
    ],
)
def test_other_sites_pages_are_refused(stand: Stand, method: str, path: str, headers: dict[str, str]) -> None:
    """By a name that was made to lead here, or by a form that a visitor's browser sends."""
    assert asked(stand, method, path, headers) == 403


def test_own_page_is_not_refused(stand: Stand) -> None:
    assert asked(stand, "DELETE", "/_quire/faults", {"Origin": stand.local.url}) == 200
    assert asked(stand, "GET", "/_quire/", {}) == 200


def asked(stand: Stand, method: str, path: str, headers: dict[str, str], body: str | None = None) -> int:
    place = urlsplit(stand.local.url)
    assert place.hostname is not None
    connection = http.client.HTTPConnection(place.hostname, place.port, timeout=10)
    try:
        connection.request(method, path, body, headers)
        return connection.getresponse().status
    finally:
        connection.close()
