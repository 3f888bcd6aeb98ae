"""`quire local up`, as a user starts it, uses it and stops it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import boto3
import pytest

from quire_endpoint.local.first_endpoint import make
from quire_endpoint.local.own_folder import MARK
from quire_endpoint.local.specs import EndpointStatus
from quire_endpoint.local.up import LocalEndpoint, LocalSettings
from quire_endpoint.local.up_options import FirstEndpoint, parse
from tests.fakes.processes import descendants, signal_another_thread
from tests.local.page.conftest import STUB, Stand, await_that

PATIENCE_SECONDS = 60.0
CREDENTIALS = {"aws_access_key_id": "local", "aws_secret_access_key": "local"}


@dataclass(frozen=True)
class Up:
    """A running `quire local up`; `log` is what it printed."""

    process: subprocess.Popen[bytes]
    log: Path
    place: Path

    def said(self, pattern: str) -> re.Match[str]:
        """Once it is said."""

        def found() -> re.Match[str] | None:
            assert self.process.poll() is None, self.log.read_text()
            return re.search(pattern, self.log.read_text(), re.MULTILINE)

        match = await_that(found, pattern)
        assert isinstance(match, re.Match)
        return match

    @property
    def url(self) -> str:
        return self.said(r"^Ready after .* at (\S+)\. ")[1]

    def quire(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return quire(*arguments, AWS_ENDPOINT_URL=self.url)

    def ended(self) -> tuple[int, str]:
        """Its status, and all that it printed."""
        status = self.process.wait(PATIENCE_SECONDS)
        return status, self.log.read_text()


def environ(**more: str) -> dict[str, str]:
    repository = Path(__file__).parents[2]
    return {**os.environ, "PYTHONPATH": str(repository), "NO_COLOR": "1", "COLUMNS": "200", **more}


def quire(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "quire_endpoint.command", *arguments],
        env=environ(**more),
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
    )


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Up]]:
    """Starts one with the stub as its container; `before` is a command that runs it."""
    with contextlib.ExitStack() as started:

        def up(*options: str, before: tuple[str, ...] = ()) -> Up:
            log = tmp_path / f"up-{uuid.uuid4().hex}.log"
            given = ["--port", "0", "--serve", str(STUB), *options]
            with log.open("wb") as file:
                process = subprocess.Popen(
                    [*before, sys.executable, "-m", "quire_endpoint.command", "local", "up", *given],
                    env=environ(TMPDIR=str(tmp_path)),
                    stdout=file,
                    stderr=file,
                    start_new_session=True,
                )
            started.callback(end, process)
            return Up(process, log, tmp_path)

        yield up


def end(process: subprocess.Popen[bytes]) -> None:
    for pid in [*descendants(process.pid), process.pid] if process.poll() is None else []:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.wait()


def is_alive(pid: int) -> bool:
    """A zombie is not."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def test_the_whole_day_of_a_local_endpoint(start: Callable[..., Up]) -> None:
    up = start("--endpoint", "stub", "--concurrency", "3", "--assume", "in-flight-fate=redelivered")
    up.said(r"^Endpoint stub is InService after ")
    printed = up.log.read_text()
    assert f"export AWS_ENDPOINT_URL={up.url}\n" in printed
    assert "export AWS_DEFAULT_REGION=us-east-1\n" in printed
    assert f"Page: {up.url}/_quire/\n" in printed
    assert "in-flight-fate=redelivered  (" in printed
    status = up.quire("local", "status").stdout
    assert re.search(r"^stub +InService +1 of 1 +3 +0 +0", status, re.MULTILINE), status
    assert re.search(r"^i-\w+ +stub +in service ", status, re.MULTILINE), status
    killed = up.quire("local", "kill-instance", "stub").stdout
    assert re.fullmatch(r"i-\w+ of stub is killed\.\n", killed)
    assert up.quire("local", "down").stdout == f"{up.url} is stopping.\n"
    assert up.ended()[0] == 0
    assert "told to go down: stopping.\nStopped.\n" in up.log.read_text()
    assert not list(up.place.glob("quire-local-*")), "without --data nothing is left"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signal_stops_everything(start: Callable[..., Up], number: signal.Signals) -> None:
    up = start("--endpoint", "stub")
    up.said("InService")
    containers = descendants(up.process.pid)
    assert containers
    up.process.send_signal(number)
    status, said = up.ended()
    assert (status, said.splitlines()[-2:]) == (0, [f"{number.name}: stopping.", "Stopped."])
    assert not [pid for pid in containers if is_alive(pid)]
    assert not list(up.place.glob("quire-local-*"))


def test_signal_that_another_thread_gets_stops_it(start: Callable[..., Up]) -> None:
    up = start("--endpoint", "stub")
    up.said("InService")
    signal_another_thread(up.process.pid, signal.SIGTERM)
    status, said = up.ended()
    assert (status, said.splitlines()[-2:]) == (0, ["SIGTERM: stopping.", "Stopped."])


def test_terminal_that_is_closed_gives_containers_their_time(start: Callable[..., Up]) -> None:
    """Both the kernel and the shell may say that it is: that is not asking twice. Nobody reads what is said
    from then on."""
    up = start("--endpoint", "stub", "--env", "STUB_TERM=drain")
    up.said("InService")
    for _ in range(3):
        up.process.send_signal(signal.SIGHUP)
    status, said = up.ended()
    assert (status, said.splitlines()[-2:]) == (0, ["SIGHUP: stopping.", "Stopped."])


def test_nohup_is_respected(start: Callable[..., Up]) -> None:
    up = start("--endpoint", "stub", before=("nohup",))
    up.said("InService")
    up.process.send_signal(signal.SIGHUP)
    assert "stub" in up.quire("local", "status").stdout
    up.process.send_signal(signal.SIGTERM)
    assert up.ended()[0] == 0
    assert "SIGHUP" not in up.log.read_text()


def test_nobody_to_read_what_it_says_keeps_it_from_nothing(start: Callable[..., Up]) -> None:
    """Its output goes to a program that ends."""
    up = start("--endpoint", "stub", before=("bash", "-c", '"$@" 2>&1 | head -3; wait', "up"))
    url = up.url
    await_that(lambda: " InService " in quire("local", "status", AWS_ENDPOINT_URL=url).stdout, "in service")
    containers = descendants(up.process.pid)
    quire("local", "down", AWS_ENDPOINT_URL=url)
    up.process.wait(PATIENCE_SECONDS)
    await_that(lambda: not [pid for pid in containers if is_alive(pid)], "all has gone")
    assert not list(up.place.glob("quire-local-*"))


def test_second_signal_kills_what_does_not_stop(start: Callable[..., Up]) -> None:
    up = start("--endpoint", "stub", "--env", "STUB_TERM=ignore")
    up.said("InService")
    containers = descendants(up.process.pid)
    up.process.send_signal(signal.SIGINT)
    up.said("SIGINT: stopping")
    up.process.send_signal(signal.SIGINT)
    status, said = up.ended()
    assert status == 130
    assert "Killing what is left." in said
    await_that(lambda: not [pid for pid in containers if is_alive(pid)], "the containers are gone")
    assert not list(up.place.glob("quire-local-*"))


def test_endpoint_that_cannot_start_says_why(start: Callable[..., Up]) -> None:
    up = start("--endpoint", "stub", "--env", "STUB_EXIT=3", "--env", "STUB_SAYS=no such model")
    failed = up.said(r"^Endpoint stub is Failed: .*")
    assert "no such model" in failed[0] or "no such model" in up.log.read_text()


def test_first_endpoint_that_is_refused_ends_it(start: Callable[..., Up]) -> None:
    up = start("--endpoint", "no_such_name")
    status, said = up.ended()
    assert status == 1
    assert "quire: the endpoint no_such_name was not made: An error occurred (ValidationException)" in said


def test_logs_stay_where_data_is_named(start: Callable[..., Up], tmp_path: Path) -> None:
    model = tmp_path / "model"
    model.mkdir()
    (model / "weights.bin").write_bytes(b"w" * 1000)
    options = ("--data", str(tmp_path / "kept"), "--endpoint", "stub", "--model", str(model))
    for _ in range(2):
        up = start(*options, "--env", "STUB_SAYS=the container is up")
        up.said("InService")
        up.process.send_signal(signal.SIGTERM)
        assert up.ended()[0] == 0
    logs = [path for path in (tmp_path / "kept" / "logs").rglob("*") if path.is_file()]
    assert sum(path.read_text().count("the container is up") for path in logs) == 2


def test_folder_is_one_endpoints_alone(start: Callable[..., Up], tmp_path: Path) -> None:
    kept = str(tmp_path / "kept")
    first = start("--data", kept, "--endpoint", "stub")
    first.said("InService")
    s3 = boto3.client("s3", endpoint_url=first.url, region_name="us-east-1", **CREDENTIALS)
    s3.put_object(Bucket="sagemaker-us-east-1-123456789012", Key="k", Body=b"mine")
    status, said = start("--data", kept).ended()
    assert (status, said) == (
        1,
        f"quire: another local endpoint runs in {kept}: name another folder\n",
    )
    assert s3.get_object(Bucket="sagemaker-us-east-1-123456789012", Key="k")["Body"].read() == b"mine"
    s3.close()


def test_port_that_is_taken_costs_nobody_anything(start: Callable[..., Up], tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert start("--port", str(taken.getsockname()[1]), "--data", str(tmp_path / "new")).ended()[0] == 1
    assert [path.name for path in (tmp_path / "new").iterdir()] == [MARK]


def test_folder_that_is_somebodys_is_left_alone(start: Callable[..., Up], tmp_path: Path) -> None:
    work = tmp_path / "work" / "s3" / "bodies" / "thesis.tex"
    work.parent.mkdir(parents=True)
    work.write_text("years of work")
    status, said = start("--data", str(tmp_path / "work")).ended()
    assert status == 1
    assert said == (
        f"quire: {tmp_path / 'work' / 's3'} is no local endpoint's, and one would delete it: name another "
        "folder\n"
    )
    assert work.read_text() == "years of work"


def test_data_that_is_no_folder_is_said(start: Callable[..., Up], tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    status, said = start("--data", str(tmp_path / "file")).ended()
    assert (status, said.splitlines()) == (1, [said.strip()])
    assert said.startswith(f"quire: {tmp_path / 'file'} cannot be used: ")
    (tmp_path / "broken").mkdir()
    for name in (MARK, "s3"):
        (tmp_path / "broken" / name).touch()
    status, said = start("--data", str(tmp_path / "broken")).ended()
    assert (status, said.splitlines()) == (1, [said.strip()])
    assert said.startswith("quire: cannot start: ")


def test_model_that_cannot_be_stored_is_said(start: Callable[..., Up], tmp_path: Path) -> None:
    deep = tmp_path.joinpath("model", *["d" * 200] * 6)
    deep.mkdir(parents=True)
    (deep / "weights").touch()
    status, said = start("--endpoint", "stub", "--model", str(tmp_path / "model")).ended()
    assert status == 1
    assert "Traceback" not in said
    last = said.splitlines()[-2:]
    assert last[0] == "Stopped."
    assert last[1].startswith("quire: the endpoint stub was not made: Failed to upload ")


def test_concurrency_that_is_not_the_containers_is_shouted(start: Callable[..., Up]) -> None:
    asked = ("--endpoint", "stub", "--instances", "2", "--concurrency", "8", "--env", "STUB_CONCURRENCY=1")
    up = start(*asked)
    warning = up.said(r"^quire: stub: (WARNING: the endpoint sends 8 invocations at once .*)$")[1]
    up.said(r"^Endpoint stub is InService")
    assert f"stub: {warning}\n" in up.quire("local", "status").stdout
    up.process.send_signal(signal.SIGTERM)
    assert up.ended()[1].count("WARNING") == 1, "once, however many instances"


def test_relative_folder_is_the_containers_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    model = tmp_path / "model"
    model.mkdir()
    (model / "weights.bin").touch()
    with LocalEndpoint(LocalSettings(Path("here"), serve=(str(STUB),))) as local:
        made = make(FirstEndpoint("stub", 1, 1, {}, model, "ml.g5.xlarge", "x"), local.url, "us-east-1")
        stand = Stand(local, made)
        await_that(lambda: local.host.state("stub").status is EndpointStatus.IN_SERVICE, "in service")
        stand.invoke("one", "answer=report")
        assert stand.ended("one")["name"] == "completed"
        (answer,) = local.objects.beneath(made.output)
        assert json.loads(answer.path.read_bytes())["model"] == ["weights.bin"]


def test_port_that_is_taken_is_said_is_said(start: Callable[..., Up]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        status, said = start("--port", str(port)).ended()
    assert status == 1
    assert said.startswith(f"quire: cannot listen on port {port}: ")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--speed", "60"), "--scaled-containers"),
        (("--speed", "0", "--scaled-containers"), "0 is not from 0.001 to 86400"),
        (("--speed", "nan", "--scaled-containers"), "nan is not from 0.001 to 86400"),
        (("--speed", "inf", "--scaled-containers"), "inf is not from 0.001 to 86400"),
        (("--speed", "fast"), "fast is no number"),
        (("--provision-seconds", "inf"), "inf is not from 0 to 86400"),
        (("--provision-seconds", "-1"), "-1 is not from 0 to 86400"),
        (("--assume", "redelivery-seconds=inf"), "redelivery-seconds"),
        (("--assume", "in-flight-fate=nowhere"), "in-flight-fate cannot be 'nowhere' (lost, redelivered"),
        (("--assume", "gravity=off"), "with one of these names: in-flight-fate, "),
        (("--endpoint", "x", "--env", "novalue"), "--env novalue: write NAME=VALUE"),
        (("--endpoint", "x", "--model", "/nowhere"), "--model /nowhere: there is no such"),
        (("--serve", "x", "--image-engine", "docker"), "not allowed with"),
        (("--image-engine", "lorry"), "invalid choice"),
        (("--port", "70000"), "70000 is no port"),
    ],
)
def test_impossible_options_are_refused(
    options: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        parse(options)
    assert said in capsys.readouterr().err


def test_engine_is_the_first_that_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SystemExit, match="2"):
        parse(["--image-engine", "auto"])
    assert "--image-engine auto: there is no docker and no podman on PATH" in capsys.readouterr().err
    for name in ("podman", "docker"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
        assert parse(["--image-engine", "auto"]).engine == name
    assert parse(["--image-engine", "podman"]).engine == "podman"


def test_command_of_several_words_is_taken_apart() -> None:
    assert parse(["--serve", "node 'a server.js'"]).serve == ("node", "a server.js")
    assert parse(["--serve", str(STUB)]).serve == (str(STUB),)
    assert parse([]).serve == ()


def test_help_explains_every_option() -> None:
    said = quire("local", "up", "--help").stdout
    for option in ("--port", "--serve", "--image-engine", "--data", "--speed", "--assume", "--endpoint"):
        assert option in said


def test_a_thread_that_dies_ends_it_with_a_clear_last_line(start: Callable[..., Up], tmp_path: Path) -> None:
    """Of a log that cannot be written any more."""
    up = start("--data", str(tmp_path / "kept"), "--endpoint", "stub", "--env", "STUB_TERM=ignore")
    up.said("InService")
    containers = descendants(up.process.pid)
    logs = tmp_path / "kept" / "logs"
    shutil.rmtree(logs)
    logs.write_text("no folder, so that none can be made in its place")
    up.quire("local", "kill-instance", "stub")
    status, said = up.ended()
    assert status == 1
    assert re.fullmatch(r"quire: .+ died of (NotADirectory|FileExists)Error: .*", said.splitlines()[-1]), said
    assert "Traceback (most recent call last):" in said
    assert not [pid for pid in containers if is_alive(pid)]


def test_other_commands_do_not_load_what_only_the_endpoint_needs() -> None:
    program = (
        "import sys, quire_endpoint.command\n"
        "print([name for name in ('moto', 'flask', 'waitress') if name in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env=environ(), capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "[]\n"
