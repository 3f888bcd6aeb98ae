"""What multi-model-server is told of our settings."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from quire.frontend.mms_place import MmsPlace
from quire.handlers.program import BUILT_IN, Program
from quire.process.mms_settings import mms_environ
from quire.words.errors import SettingsError
from quire.words.settings import Settings

READER = Program(BUILT_IN, True, frozenset({"model_fn", "predict_fn"}))
ROOT = Path("/")
OUR_MODEL = Program(Path("inference.py"), False, frozenset({"output_fn"}))
OWN_MODEL = Program(Path("inference.py"), False, frozenset({"model_fn", "predict_fn"}))


def told(program: Program, num_gpus: int = 0, directory: Path = ROOT, **settings: str) -> dict[str, str]:
    ours = Settings.from_environ(settings)
    return mms_environ(ours, program, MmsPlace(directory), num_gpus, {**settings, "PATH": os.environ["PATH"]})


@pytest.mark.parametrize(
    ("program", "num_gpus", "settings", "workers"),
    [
        (READER, 0, {}, 4),
        (READER, 2, {"QUIRE_MAX_CONCURRENT_INVOCATIONS": "9"}, 9),
        (READER, 0, {"SAGEMAKER_MODEL_SERVER_WORKERS": "2"}, 4),
        (OUR_MODEL, 1, {}, 4),
        (OUR_MODEL, 1, {"SAGEMAKER_MODEL_SERVER_WORKERS": "2"}, 2),
        (OWN_MODEL, 0, {}, 1),
        (OWN_MODEL, 4, {}, 4),
        (OWN_MODEL, 4, {"SAGEMAKER_MODEL_SERVER_WORKERS": "8"}, 8),
    ],
)
def test_workers(program: Program, num_gpus: int, settings: dict[str, str], workers: int) -> None:
    assert told(program, num_gpus, ROOT, **settings)["MMS_DEFAULT_WORKERS_PER_MODEL"] == str(workers)


def test_the_server_counts_in_seconds_and_is_more_patient_than_any_worker() -> None:
    """The toolkit hands SAGEMAKER_MODEL_SERVER_TIMEOUT on to a server that takes it for minutes."""
    environ = told(OWN_MODEL, SAGEMAKER_MODEL_SERVER_TIMEOUT="900.5")
    assert environ["MMS_DEFAULT_RESPONSE_TIMEOUT_SECONDS"] == "3630"
    assert "SAGEMAKER_MODEL_SERVER_TIMEOUT" not in environ


@pytest.mark.parametrize(
    ("given", "bytes_"), [("1073741824", 1073741824), ("8589934592", 2147482624)], ids=["one", "eight"]
)
def test_bodies_are_as_large_as_the_settings_say_and_java_can_hold(given: str, bytes_: int) -> None:
    environ = told(READER, QUIRE_MAX_BODY_BYTES=given)
    assert environ["MMS_MAX_REQUEST_SIZE"] == str(bytes_)
    assert environ["MMS_MAX_RESPONSE_SIZE"] == "2147482624"


def test_as_many_wait_as_gunicorn_has_threads() -> None:
    assert told(READER, QUIRE_MAX_THREADS="77")["MMS_JOB_QUEUE_SIZE"] == "77"


def test_the_management_api_is_on_no_port(tmp_path: Path) -> None:
    environ = told(READER, directory=tmp_path, SAGEMAKER_BIND_TO_PORT="9001", QUIRE_BIND_HOST="127.0.0.1")
    assert environ["MMS_INFERENCE_ADDRESS"] == "http://127.0.0.1:9001"
    assert environ["MMS_MANAGEMENT_ADDRESS"] == f"unix:{tmp_path}/manage"


def test_where_nothing_may_be_executed_it_is_on_a_port_of_this_machine_alone(
    repository: Path, tmp_path: Path
) -> None:
    """As on a tmpfs that docker mounts."""
    unshare = ("unshare", "--mount", "sh", "-ec")
    mounted = 'mount -t tmpfs -o noexec tmpfs "$1"; shift; exec "$@"'
    place = str(tmp_path)
    if subprocess.run((*unshare, mounted, "-", place, "true"), capture_output=True).returncode != 0:
        pytest.skip("nothing can be mounted noexec here: run the tests as root")
    program = "import sys; from pathlib import Path; from tests.mms.test_settings import READER, told; "
    program += "print(told(READER, directory=Path(sys.argv[1]))['MMS_MANAGEMENT_ADDRESS'])"
    done = subprocess.run(
        (*unshare, mounted, "-", place, sys.executable, "-c", program, place),
        cwd=repository,
        env={**os.environ, "PYTHONPATH": os.pathsep.join((str(repository / "code"), str(repository)))},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("http://127.0.0.1:8")


def test_java_does_not_take_the_hosts_memory_for_the_containers() -> None:
    assert "MaxRAMPercentage" in told(READER)["SAGEMAKER_MODEL_SERVER_VMARGS"]
    assert told(READER, SAGEMAKER_MODEL_SERVER_VMARGS="-Xmx4g")["SAGEMAKER_MODEL_SERVER_VMARGS"] == "-Xmx4g"


def test_the_toolkits_command_is_found() -> None:
    assert told(READER)["PATH"].startswith(str(Path(sys.executable).parent))


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"SAGEMAKER_BIND_TO_PORT": "32767"}, "no port above 32766"),
        ({"QUIRE_BIND_HOST": "::"}, "no IPv6"),
        ({"JAVA_HOME": "/nowhere"}, "there is no Java"),
    ],
)
def test_what_the_server_cannot_take_is_refused(settings: dict[str, str], says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        told(READER, 0, ROOT, **settings)
