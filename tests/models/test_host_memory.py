"""Does memory that tensors gave back come again without a page fault?"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Mapping

import pytest

from tests.fakes.running_engine import CODE

FAULTS = """
import resource, sys
from quire.models.host_memory import keep_freed_memory
if sys.argv[1] == "kept":
    assert keep_freed_memory({})
import torch
def work():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    several = [torch.ones(5 * 1024 * 1024) for _ in range(4)]
    del several
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
torch.set_num_threads(1)
print(min(work() for _ in range(30)))
"""


def printed(program: str, environ: Mapping[str, str], *arguments: str) -> str:
    command = [sys.executable, "-c", program, *arguments]
    environ = {**environ, "PYTHONPATH": str(CODE)}
    return subprocess.run(command, env=environ, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


def faults(how: str) -> int:
    """Of four tensors of 20 MiB, the fewest of thirty times."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    return int(printed(FAULTS, {**plain, "THP_MEM_ALLOC_ENABLE": "1"}, how))


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="no glibc: its malloc is what is told")
def test_freed_memory_is_taken_again() -> None:
    assert faults("kept") < 100 < faults("as it is")


TOLD = """
import os
from quire.models.host_memory import keep_freed_memory
print(keep_freed_memory(os.environ))
"""


@pytest.mark.parametrize("name", ["MALLOC_TRIM_THRESHOLD_", "GLIBC_TUNABLES"])
def test_what_the_user_set_stands(name: str) -> None:
    assert printed(TOLD, {**os.environ, name: ""}) == "False"
