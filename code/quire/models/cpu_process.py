"""How a process that will run a model on the CPU is set up: to be called before torch is imported."""

from __future__ import annotations

from collections.abc import MutableMapping

_SPIN_COUNT = "1000"

_KERNELS_KEPT = "4096"
"""oneDNN keeps 1024 by default. A line canvas takes about 55 for each size of batch."""


def prepare_cpu_process(environ: MutableMapping[str, str]) -> None:
    """Idle threads soon sleep, and large blocks of memory come in large pages. What the user set stands.

    Between two kernels OpenMP's threads spin for milliseconds by default. Beside other busy processes on the
    same cores that was seen to take up to three times the processor time and twice the wall time. A short
    spin keeps the quick hand-over of an idle machine.

    Tensors of tens of megabytes are given back to the kernel and faulted in anew for every layer, 4 KiB at a
    time; torch can ask for transparent huge pages instead. bench/networks.py counts the faults.

    Kernels are made for the shapes that are met: as many are kept as there are (models/portions.py).
    """
    if "OMP_WAIT_POLICY" not in environ:
        environ.setdefault("GOMP_SPINCOUNT", _SPIN_COUNT)
    environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
    environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", _KERNELS_KEPT)
