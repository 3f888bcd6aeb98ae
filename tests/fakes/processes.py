"""What /proc tells of processes that a test has started, and of those below them."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path


def descendants(pid: int) -> list[int]:
    """Everything below `pid`; nothing below one that has just ended."""
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        children = [int(word) for task in tasks for word in (task / "children").read_text().split()]
    except OSError:
        return []
    return [*children, *(below for child in children for below in descendants(child))]


def command_line(pid: int) -> bytes:
    """Words that end with a zero byte each; empty once the process is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def is_alive(pid: int) -> bool:
    """Neither gone nor a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def signal_another_thread(pid: int, number: int) -> None:
    """To a thread of `pid` that is not its main one, as the kernel may with any signal to a process."""
    other = next(task.name for task in Path(f"/proc/{pid}/task").iterdir() if task.name != str(pid))
    if ctypes.CDLL(None, use_errno=True).tgkill(pid, int(other), number):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
