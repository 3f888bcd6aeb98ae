"""How many workers, calls and GPUs a handler gets."""

from __future__ import annotations

from pathlib import Path

import pytest

from quire.handlers.program import Program
from quire.process.handler_plan import plan_handlers
from quire.words.settings import Settings

OWN_MODEL = Program(Path("inference.py"), False, frozenset({"model_fn", "predict_fn"}))
OUR_MODEL = Program(Path("inference.py"), False, frozenset({"output_fn"}))


@pytest.mark.parametrize(
    ("program", "environ", "workers", "calls"),
    [
        (OWN_MODEL, {}, 1, 1),
        (OWN_MODEL, {"CUDA_VISIBLE_DEVICES": "0,1,2"}, 3, 1),
        (OWN_MODEL, {"CUDA_VISIBLE_DEVICES": "0,1,2", "QUIRE_DEVICE": "cpu"}, 1, 1),
        (OWN_MODEL, {"CUDA_VISIBLE_DEVICES": "0", "SAGEMAKER_MODEL_SERVER_WORKERS": "4"}, 4, 1),
        (OUR_MODEL, {}, 1, 4),
        (OUR_MODEL, {"CUDA_VISIBLE_DEVICES": "0,1,2"}, 1, 4),
        (OUR_MODEL, {"QUIRE_MAX_CONCURRENT_INVOCATIONS": "20"}, 1, 20),
        (OUR_MODEL, {"SAGEMAKER_MODEL_SERVER_WORKERS": "3"}, 3, 2),
        (OUR_MODEL, {"SAGEMAKER_MODEL_SERVER_WORKERS": "8"}, 8, 1),
    ],
)
def test_workers_and_calls(program: Program, environ: dict[str, str], workers: int, calls: int) -> None:
    given = {"CUDA_VISIBLE_DEVICES": "", **environ}
    plan = plan_handlers(program, Settings.from_environ(given), given)
    assert (plan.num_workers, plan.calls_at_once) == (workers, calls)


def test_gpus_are_shared_out_only_where_there_are_several() -> None:
    environ = {"CUDA_VISIBLE_DEVICES": "4,GPU-7", "SAGEMAKER_MODEL_SERVER_WORKERS": "3"}
    plan = plan_handlers(OWN_MODEL, Settings.from_environ(environ), environ)
    seen = [plan.environ_of(number)["CUDA_VISIBLE_DEVICES"] for number in range(3)]
    assert seen == ["4", "GPU-7", "4"]
    environ["CUDA_VISIBLE_DEVICES"] = "4"
    assert plan_handlers(OWN_MODEL, Settings.from_environ(environ), environ).environ_of(0) == {}


@pytest.mark.parametrize(
    ("workers", "seen"),
    [("1", ["4,GPU-7,0"]), ("2", ["4,0", "GPU-7"]), ("3", ["4", "GPU-7", "0"]), ("0", ["4", "GPU-7", "0"])],
)
def test_fewer_workers_than_gpus_see_all_of_them_together(workers: str, seen: list[str]) -> None:
    environ = {"CUDA_VISIBLE_DEVICES": "4,GPU-7,0", "SAGEMAKER_MODEL_SERVER_WORKERS": workers}
    plan = plan_handlers(OWN_MODEL, Settings.from_environ(environ), environ)
    assert [plan.environ_of(n)["CUDA_VISIBLE_DEVICES"] for n in range(plan.num_workers)] == seen
