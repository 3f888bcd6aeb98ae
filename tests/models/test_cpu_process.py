"""A process that is prepared spins less and faults less, unless its user decided otherwise."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from quire.models.cpu_process import prepare_cpu_process

HUGE_PAGES = Path("/sys/kernel/mm/transparent_hugepage/enabled")

FAULTS = """
import resource, torch
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
before = faults()
torch.zeros(100 << 20, dtype=torch.uint8)
print(faults() - before)
"""


def prepared(**environ: str) -> dict[str, str]:
    prepare_cpu_process(environ)
    return environ


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, {"GOMP_SPINCOUNT": "1000"}),
        ({"GOMP_SPINCOUNT": "7"}, {"GOMP_SPINCOUNT": "7"}),
        ({"OMP_WAIT_POLICY": "active"}, {"OMP_WAIT_POLICY": "active"}),
    ],
)
def test_spinning_is_short_unless_the_user_decides(given: dict[str, str], expected: dict[str, str]) -> None:
    others = {"THP_MEM_ALLOC_ENABLE": "1", "ONEDNN_PRIMITIVE_CACHE_CAPACITY": "4096"}
    assert prepared(**given) == {**expected, **others}


def test_users_own_choice_of_pages_stands() -> None:
    assert prepared(THP_MEM_ALLOC_ENABLE="0")["THP_MEM_ALLOC_ENABLE"] == "0"


@pytest.mark.skipif(
    not HUGE_PAGES.is_file() or "[never]" in HUGE_PAGES.read_text(),
    reason="this machine gives no transparent huge pages",
)
def test_large_tensors_come_in_large_pages() -> None:
    def faults(environ: dict[str, str]) -> int:
        done = subprocess.run(
            [sys.executable, "-c", FAULTS], env=environ, check=True, capture_output=True, text=True
        )
        return int(done.stdout)

    assert faults(prepared()) < (100 << 20) // 4096 // 10
