"""What a process that runs a model keeps of the memory that its tensors give back."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping

_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD = -1, -2, -3
"""From glibc's malloc.h."""

_MOST_IN_HEAP_BYTES = 32 * 1024**2
"""The most that glibc takes for M_MMAP_THRESHOLD where a pointer has 64 bits."""

_KEPT_BYTES = 2**31 - 1
"""The most that mallopt's int holds: in effect, nothing is given back."""

_GROWTH_BYTES = 64 * 1024**2

_USERS_OWN = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_TOP_PAD_", "MALLOC_MMAP_THRESHOLD_", "GLIBC_TUNABLES")


def keep_freed_memory(environ: Mapping[str, str]) -> bool:
    """Whether the C library was told to keep what is freed for the next tensor of that size. It would give it
    back to the kernel layer for layer, and have it cleared and faulted in anew (docs/decisions/0009 has the
    figures). What the user set by an environment variable stands, as does a library that is not glibc."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None or any(name in environ for name in _USERS_OWN):
        return False
    wanted = (
        (_M_MMAP_THRESHOLD, _MOST_IN_HEAP_BYTES),
        (_M_TRIM_THRESHOLD, _KEPT_BYTES),
        (_M_TOP_PAD, _GROWTH_BYTES),
    )
    taken = [mallopt(parameter, value) == 1 for parameter, value in wanted]
    return all(taken)
