"""The preflight tells what the machine offers, and ends an image for CUDA that has no GPU to use."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.served import ROOT, served
from quire.process.gpus import Driver, Gpu, cuda_devices, driver_of
from quire.process.preflight import Machine, Torch, complaint_about, find_torch, look
from quire.process.run_samples import free_port
from quire.words.settings import Settings
from tests.fakes.running_engine import stub_folder

TORCH_FOR_CUDA = "from typing import Optional\n__version__ = '2.10.0+cu128'\ncuda: Optional[str] = '12.8'\n"
AMI = "pin InferenceAmiVersion al2-ami-sagemaker-inference-gpu-3-1"

REPORT = """<?xml version="1.0" ?>
<!DOCTYPE nvidia_smi_log SYSTEM "nvsmi_device_v12.dtd">
<nvidia_smi_log>
  <driver_version>{driver}</driver_version>
  <cuda_version>{cuda}</cuda_version>
  <attached_gpus>1</attached_gpus>
  <gpu id="00000000:00:1E.0">
    <product_name>NVIDIA A10G</product_name>
    <fb_memory_usage><total>23028 MiB</total><reserved>470 MiB</reserved><used>0 MiB</used>
      <free>22556 MiB</free></fb_memory_usage>
  </gpu>
</nvidia_smi_log>
"""


def machine(torch: Torch | None, driver: Driver | None, *visible: str) -> Machine:
    return Machine(
        torch=torch,
        driver=driver,
        visible_gpus=visible,
        cores=4,
        memory_bytes=16 << 30,
        free_memory_bytes=12 << 30,
        memory_limit_bytes=None,
        scratch="/tmp",
        free_scratch_bytes=1 << 30,
    )


CUDA_12, CUDA_13, CPU = Torch("2.10.0+cu128", "12.8"), Torch("2.13.0+cu130", "13.0"), Torch("2.13.0", None)


@pytest.mark.parametrize(
    ("found", "device"),
    [
        (machine(CUDA_12, Driver("550.163.01", "12.4"), "0"), "auto"),
        (machine(CUDA_12, Driver("470.256.02", "12.8"), "0"), "auto"),  # with a compatibility package
        (machine(CUDA_12, Driver("525.60.13"), "0"), "cuda"),
        (machine(CUDA_13, Driver("580.95.05", "13.0"), "0"), "auto"),
        (machine(Torch("9", "99.0"), Driver("1", "1.0"), "0"), "auto"),  # of a CUDA that nobody knows yet
        (machine(CUDA_12, None), "cpu"),
        (machine(CPU, None), "auto"),
        (machine(None, None), "auto"),
    ],
)
def test_nothing_is_complained_of_where_torch_may_work(found: Machine, device: str) -> None:
    assert complaint_about(found, device) is None


@pytest.mark.parametrize(
    ("found", "says"),
    [
        (machine(CUDA_12, None), "there is no NVIDIA driver; use a GPU instance, or set QUIRE_DEVICE=cpu"),
        (machine(CUDA_12, Driver("470.256.02", "11.4"), "0"), f"470.256.02 is older than 525; {AMI}"),
        (machine(CUDA_12, Driver("470.256.02"), "0"), f"470.256.02 is older than 525; {AMI}"),
        (machine(CUDA_13, Driver("550.163.01", "12.4"), "0"), "al2023-ami-sagemaker-inference-gpu-4-1"),
        (machine(CUDA_12, Driver("550.163.01", "12.4")), "sees no GPU of the NVIDIA driver 550.163.01"),
    ],
)
def test_a_gpu_that_cannot_be_used_is_one_sentence(found: Machine, says: str) -> None:
    complaint = complaint_about(found, "auto") or ""
    assert says in complaint
    assert "\n" not in complaint


def test_what_nvidia_smi_says_is_read() -> None:
    driver = driver_of(REPORT.format(driver="550.163.01", cuda="12.4").encode())
    assert driver == Driver("550.163.01", "12.4", (Gpu("NVIDIA A10G", 23028 << 20, 22556 << 20),))
    assert driver_of(REPORT.format(driver="550.163.01", cuda="N/A").encode()).cuda is None
    with pytest.raises(ValueError, match="no driver version"):
        driver_of(b"<nvidia_smi_log/>")


@pytest.mark.parametrize(
    ("device", "visible", "names"),
    [
        ("auto", "0,1", ["0", "1"]),
        ("auto", " GPU-5f, MIG-2 ", ["GPU-5f", "MIG-2"]),
        ("auto", "", []),
        ("auto", "-1", []),
        ("cuda", "1,-1,0", ["1"]),
        ("cpu", "0", []),
    ],
)
def test_device_workers_are_named_as_cuda_would_name_them(
    device: str, visible: str, names: list[str]
) -> None:
    assert cuda_devices(device, {"CUDA_VISIBLE_DEVICES": visible}) == names


def test_torch_is_told_without_being_imported() -> None:
    program = "import sys; from quire.process.preflight import find_torch; print(find_torch().version)"
    program += "; assert 'torch' not in sys.modules"
    environ = {**os.environ, "PYTHONPATH": str(ROOT / "code")}
    told = subprocess.run([sys.executable, "-c", program], env=environ, capture_output=True, text=True)
    assert (told.stdout.strip(), told.stderr) == (getattr(find_torch(), "version", ""), "")


def test_the_machine_is_looked_at(tmp_path: Path) -> None:
    found = look(Settings.from_environ({"QUIRE_SCRATCH_DIR": str(tmp_path)}), {})
    assert 0 < found.free_memory_bytes <= found.memory_bytes
    assert found.free_scratch_bytes > 0
    assert found.cores == len(os.sched_getaffinity(0))


@pytest.fixture
def cuda_image(tmp_path: Path) -> dict[str, str]:
    """The image's mark, a torch that was built for CUDA before the real one, and no GPU."""
    (tmp_path / "packages" / "torch").mkdir(parents=True)
    (tmp_path / "packages" / "torch" / "__init__.py").write_text("raise ImportError('not to be imported')")
    (tmp_path / "packages" / "torch" / "version.py").write_text(TORCH_FOR_CUDA)
    stub_folder(tmp_path / "ml")
    return {
        "PREFLIGHT": "strict",
        "PYTHONPATH": str(tmp_path / "packages"),
        "SAGEMAKER_BASE_DIR": str(tmp_path / "ml"),
        "CUDA_VISIBLE_DEVICES": "",
    }


def ended(environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
    given = {"SAGEMAKER_BIND_TO_PORT": str(free_port()), "QUIRE_BIND_HOST": "127.0.0.1"}
    return subprocess.run(
        [sys.executable, str(ROOT / "serve"), "serve"],
        env={**os.environ, **given, **environ},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_image_for_cuda_without_a_gpu_ends_with_3_and_one_sentence(cuda_image: dict[str, str]) -> None:
    done = ended(cuda_image)
    assert done.returncode == 3
    assert done.stderr.startswith("quire: no GPU can be used: its torch is built for CUDA 12.8")
    assert done.stderr.count("\n") == 1
    (line,) = (json.loads(line) for line in done.stdout.splitlines() if '"preflight"' in line)
    assert line["machine"]["torch"] == {"version": "2.10.0+cu128", "cuda": "12.8"}
    assert line["machine"]["free_scratch_bytes"] > 0


def test_driver_that_is_too_old_is_named_with_the_ami_that_helps(
    cuda_image: dict[str, str], tmp_path: Path
) -> None:
    nvidia_smi = tmp_path / "nvidia-smi"
    nvidia_smi.write_text(f"#!/bin/sh\ncat <<'END'\n{REPORT.format(driver='470.256.02', cuda='11.4')}END\n")
    nvidia_smi.chmod(0o755)
    done = ended({**cuda_image, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"})
    assert done.returncode == 3
    assert f"470.256.02 is older than 525; {AMI}" in done.stderr
    assert '"driver":{"version":"470.256.02","cuda":"11.4"' in done.stdout


@pytest.mark.parametrize("change", [{"QUIRE_DEVICE": "cpu"}, {"PREFLIGHT": ""}])
def test_it_serves_on_the_cpu_when_told_to_and_in_a_checkout(
    cuda_image: dict[str, str], change: dict[str, str]
) -> None:
    with served(**{**cuda_image, **change}) as container:
        container.await_healthy()
        assert "built for CUDA" not in container.log.read_text()
