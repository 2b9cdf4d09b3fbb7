"""Ends the processes that programs leave behind: their process groups, and on Linux also detached ones.

Windows has no process groups to end: there only the program itself is ended.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
_LINUX = sys.platform == "linux" and (_PROC / "self" / "stat").exists()
_SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER of <linux/prctl.h>, Linux 3.4 and later
# Two seconds: a killed process needs a moment to end, and may have started another before.
_ROUNDS, _PAUSE = 200, 0.01


@dataclass(frozen=True, slots=True)
class _Process:
    pid: int
    parent: int
    group: int
    dead: bool
    """A process that has ended and whose status was not collected."""


def end_all(group: int, mark: str) -> bool:
    """Kill a process group, and on Linux every process with a variable `mark`. Returns whether any was alive."""
    if not _LINUX:
        return end_group(group)
    sign = f"\0{mark}=".encode()
    return _end(
        lambda: [
            one.pid
            for one in _processes()
            if not one.dead and (one.group == group or _is_marked(one.pid, sign))
        ]
    )


def end_group(group: int) -> bool:
    """Kill a process group. Returns whether there was one."""
    try:
        if sys.platform == "win32":
            os.kill(group, signal.SIGTERM)  # ends it at once; the signal has another name there
        else:
            os.killpg(group, signal.SIGKILL)
    except OSError:  # it is gone, or another user's
        return False
    return True


@contextmanager
def adopting() -> Generator[None]:
    """While inside, orphans of programs become children of this process (Linux). Those alive at the end are killed,
    even if they changed their environment; earlier children are left alone."""
    if not _LINUX:
        yield
        return
    before = {one.pid for one in _processes() if one.parent == os.getpid()}
    _adopt(1)
    try:
        yield
    finally:
        _end(lambda: _below(os.getpid(), before))
        _adopt(0)


def _adopt(orphans: int) -> None:
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_SUBREAPER, orphans, 0, 0, 0)


def _end(alive: Callable[[], list[int]]) -> bool:
    """Kill until none is alive. Returns whether any was at first. On Linux."""
    if sys.platform == "win32":
        return False
    for tried in range(_ROUNDS):
        pids = alive()
        if not pids:
            return tried > 0
        for pid in pids:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        threading.Event().wait(_PAUSE)
    return True


def _below(top: int, spared: set[int]) -> list[int]:
    """The living descendants of a process except the `spared` and theirs. Collects dead children. On Linux."""
    if sys.platform == "win32":
        return []
    children: dict[int, list[_Process]] = {}
    for one in _processes():
        if one.pid not in spared:
            children.setdefault(one.parent, []).append(one)
    for one in children.get(top, []):
        if one.dead:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(one.pid, os.WNOHANG)
    found, ahead = list[int](), [top]
    while ahead:
        for one in children.get(ahead.pop(), []):
            ahead.append(one.pid)
            if not one.dead:
                found.append(one.pid)
    return found


def _processes() -> Iterator[_Process]:
    for pid in (int(one) for one in os.listdir(_PROC) if one.isdigit()):
        try:
            # The name, in brackets, may contain anything, brackets too.
            state, parent, group = (_PROC / str(pid) / "stat").read_bytes().rpartition(b") ")[2].split()[:3]
        except (OSError, ValueError):
            continue  # gone by now
        yield _Process(pid, int(parent), int(group), state in (b"Z", b"X"))


def _is_marked(pid: int, sign: bytes) -> bool:
    try:
        return sign in b"\0" + (_PROC / str(pid) / "environ").read_bytes()
    except OSError:
        return False  # another user's, or gone
