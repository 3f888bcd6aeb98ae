"""An image is run by docker or podman as SageMaker would run it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from quire_endpoint.local.instances.engine_launcher import EngineLauncher
from tests.fakes.processes import is_alive
from tests.fakes.running_fleet import STUB, RunningFleet, fleet_of, invoke, spec_of

ISOLATED = "quire-local-isolated"


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Its folder; the program is found by its name."""
    for name in ("docker", "podman"):
        (tmp_path / name).symlink_to(STUB.with_name("engine_without_containers.py"))
    folder = tmp_path / "engine"
    folder.mkdir()
    monkeypatch.setenv("ENGINE_FOLDER", str(folder))
    return folder


def told(folder: Path) -> list[list[str]]:
    return [json.loads(line) for line in (folder / "told").read_text().splitlines()]


def runs(folder: Path) -> list[list[str]]:
    return [command for command in told(folder) if command[0] == "run"]


def pid_in(folder: Path, running: RunningFleet) -> int:
    (view,) = running.fleet.views()
    return int((folder / f"quire-{view.instance_id}").read_text())


def test_it_runs_as_on_sagemaker(tmp_path: Path, engine: Path) -> None:
    spec = spec_of({"MY_SETTING": "7 = seven"})
    with fleet_of(tmp_path, spec, EngineLauncher(str(tmp_path / "docker"), ["--shm-size", "1g"])) as running:
        running.fleet.set_desired_count(1)
        (instance,) = running.in_service()
        assert invoke(instance.port, answer="report")["environment"]["MY_SETTING"] == "7 = seven"
        running.await_that(lambda: "stub container starts" in running.lines(instance.instance_id))
        pid = pid_in(engine, running)
    (command,) = runs(engine)
    model = command[command.index("--volume") + 1]
    assert command == [
        *("run", "--rm", "--name", f"quire-{instance.instance_id}", "--label", "quire.local"),
        *("--network", "bridge", "--publish", f"127.0.0.1:{instance.port}:8080"),
        *("--volume", model, "--env=MY_SETTING=7 = seven", "--shm-size", "1g", "image", "serve"),
    ]
    assert model.endswith(":/opt/ml/model:ro")
    assert not any("AWS" in word for word in command)
    assert told(engine)[:2] == [["image", "inspect", "image"], ["pull", "image"]]
    assert ["kill", "--signal", "TERM", f"quire-{instance.instance_id}"] in told(engine)
    assert running.listener.causes[instance.instance_id] == "ended with exit status 0"
    assert not is_alive(pid)


def test_an_image_that_is_here_is_not_pulled(tmp_path: Path, engine: Path) -> None:
    (engine / "images").write_text("image\n")
    with fleet_of(tmp_path, spec_of(), EngineLauncher(str(tmp_path / "docker"))) as running:
        running.fleet.set_desired_count(1)
        running.in_service()
    assert not [command for command in told(engine) if command[0] == "pull"]


def test_a_killed_one_is_replaced(tmp_path: Path, engine: Path) -> None:
    with fleet_of(tmp_path, spec_of(), EngineLauncher(str(tmp_path / "docker"))) as running:
        running.fleet.set_desired_count(1)
        (first,) = running.in_service()
        running.fleet.kill(first.instance_id)
        running.await_that(lambda: running.listener.causes)
        assert running.listener.causes[first.instance_id] == "ended with exit status 137"
        (second,) = running.in_service()
        assert second.instance_id != first.instance_id


def test_an_image_that_cannot_be_had_fails_the_deployment(tmp_path: Path, engine: Path) -> None:
    spec = spec_of(image="nowhere/reader:1")
    with fleet_of(tmp_path, spec, EngineLauncher(str(tmp_path / "docker"))) as running:
        running.fleet.set_desired_count(1)
        reason = running.failure()
    assert "the image nowhere/reader:1 is not here and cannot be pulled" in reason
    assert "repository does not exist" in reason


@pytest.mark.parametrize("is_killed", [True, False])
def test_a_pull_that_does_not_end_is_given_up_with_its_instance(
    tmp_path: Path, engine: Path, is_killed: bool
) -> None:
    spec = spec_of(image="endless/reader:1")
    with fleet_of(tmp_path, spec, EngineLauncher(str(tmp_path / "docker"))) as running:
        running.fleet.set_desired_count(1)
        running.await_that((engine / "pulls").exists)
        pid = int(running.await_that((engine / "pulls").read_text))
        (view,) = running.fleet.views()
        if is_killed:
            running.fleet.kill(view.instance_id)
        running.fleet.set_desired_count(0)
        running.await_that(lambda: not running.fleet.views())
        assert running.fleet.failure_reason is None
    assert not is_alive(pid)


def test_an_engine_that_is_not_there_fails_the_deployment(tmp_path: Path) -> None:
    with fleet_of(tmp_path, spec_of(), EngineLauncher("no-such-engine")) as running:
        running.fleet.set_desired_count(1)
        assert "No such file or directory: 'no-such-engine'" in running.failure()


@pytest.mark.parametrize(
    ("program", "option"),
    [
        ("docker", "com.docker.network.bridge.enable_ip_masquerade=false"),
        ("podman", "no_default_route=1"),
    ],
)
def test_network_isolation_is_a_network_without_a_way_out(
    tmp_path: Path, engine: Path, program: str, option: str
) -> None:
    spec = spec_of(is_network_isolated=True)
    with fleet_of(tmp_path, spec, EngineLauncher(str(tmp_path / program))) as running:
        running.fleet.set_desired_count(2)
        running.in_service(2)
    made = [command for command in told(engine) if command[:2] == ["network", "create"]]
    assert made
    assert all(command == ["network", "create", "--opt", option, ISOLATED] for command in made)
    assert all(command[command.index("--network") + 1] == ISOLATED for command in runs(engine))
