"""A local endpoint's instances are containers of a real engine. Any image with a Python will do: what runs in
it is the stub."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path

import pytest

from quire_endpoint.local.instances.engine_launcher import LABEL, EngineLauncher
from quire_endpoint.s3_location import S3Location
from tests.fakes.running_fleet import BUCKET, STUB, fleet_of, invoke, spec_of
from tests.image.running_image import engine

ARCHIVE = S3Location(BUCKET, "model.tar.gz")
ROUTE_EVERYWHERE = "00000000"


@pytest.fixture
def launcher(image: str) -> EngineLauncher:
    return EngineLauncher(
        os.environ["CONTAINER_ENGINE"], ["--volume", f"{STUB}:/stub.py:ro", "--entrypoint", "/stub.py"]
    )


def containers() -> list[str]:
    """Names of those that fleets have started and that are still there."""
    listed = engine("ps", "--all", "--filter", f"label={LABEL}", "--format", "{{.Names}}")
    return listed.stdout.split()


def test_instances_come_are_killed_and_go(image: str, launcher: EngineLauncher, tmp_path: Path) -> None:
    with fleet_of(tmp_path, spec_of({"MY": "7"}, image=image, data=ARCHIVE), launcher) as running:
        (tmp_path / "weights").write_text("w")
        with tarfile.open(tmp_path / "model.tar.gz", "w:gz") as tar:
            tar.add(tmp_path / "weights", "weights")
        running.objects.put(ARCHIVE, tmp_path / "model.tar.gz", None)
        running.fleet.set_desired_count(2)
        first, second = running.in_service(2)
        report = invoke(first.port, answer="report")
        assert report["pid"] == 1
        assert report["model"] == ["weights"]
        assert report["environment"]["MY"] == "7"
        name = f"quire-{first.instance_id}"
        assert name in containers()
        assert engine("exec", name, "touch", "/opt/ml/model/more").returncode != 0, "it is mounted read-only"
        running.await_that(lambda: "stub container starts" in running.lines(first.instance_id))
        running.fleet.kill(first.instance_id)
        running.await_that(lambda: first.instance_id in running.listener.causes)
        running.in_service(2)
    assert running.listener.causes[first.instance_id] == "ended with exit status 137"
    assert running.listener.causes[second.instance_id] == "ended with exit status 0"
    assert not containers()


def test_an_isolated_one_answers_and_has_no_way_out(
    image: str, launcher: EngineLauncher, tmp_path: Path
) -> None:
    with fleet_of(tmp_path, spec_of(image=image, is_network_isolated=True), launcher) as running:
        running.fleet.set_desired_count(1)
        running.await_that(lambda: running.fleet.current_count or running.fleet.failure_reason)
        if "unsupported network option" in (running.fleet.failure_reason or ""):
            pytest.skip("this podman makes no network without a way out: podman 4.9 with netavark does")
        (instance,) = running.in_service()
        routes = invoke(instance.port, answer="report")["routes"]
    if "podman" in os.environ["CONTAINER_ENGINE"]:  # docker's has a way that leads nowhere
        assert not [route for route in routes if route.split()[1] == ROUTE_EVERYWHERE]


def test_an_image_that_is_not_there_fails_the_deployment(launcher: EngineLauncher, tmp_path: Path) -> None:
    with fleet_of(tmp_path, spec_of(image="localhost/no-such-image:1"), launcher) as running:
        running.fleet.set_desired_count(1)
        assert "localhost/no-such-image:1 is not here and cannot be pulled" in running.failure()
