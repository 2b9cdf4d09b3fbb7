"""Temporary folders of a process; those that a killed process left are removed at the next start."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

_PREFIX = "fauxscale-of-"  # the prefix; nothing else is ever removed
_LOCK = "lock"


class TemporaryFolder:
    """A folder in the system's temporary one, locked as long as this process lives. Created at once."""

    def __init__(self) -> None:
        # Only a locked folder gets the name by which others look for its lock.
        unnamed = Path(tempfile.mkdtemp(prefix="fauxscale-"))
        self._lock = os.open(unnamed / _LOCK, os.O_CREAT | os.O_RDWR, 0o600)
        _locked(self._lock)
        self.path = unnamed.with_name(_PREFIX + unnamed.name.removeprefix("fauxscale-"))
        unnamed.rename(self.path)

    def remove(self) -> None:
        """Remove the folder and all its content. May be called twice."""
        if self._lock >= 0:
            os.close(self._lock)  # first: except on Linux, open files cannot be removed
            self._lock = -1
            shutil.rmtree(self.path, ignore_errors=True)


def remove_orphans() -> None:
    """Remove the temporary folders whose process was killed.

    This is decided by the lock, not by a process id, which may be another's by now: the lock ends with its process
    in any case. Folders of living processes and of other users are left alone, and all of them if files have no
    locks (Windows).
    """
    if sys.platform == "win32":
        return
    with suppress(OSError):
        for entry in list(os.scandir(tempfile.gettempdir())):
            if entry.name.startswith(_PREFIX) and entry.is_dir(follow_symlinks=False):
                with suppress(OSError):  # removed by another start at the same time, or not ours to open
                    _remove_orphan(Path(entry.path))


def _remove_orphan(folder: Path) -> None:
    if sys.platform == "win32":
        return
    lock = os.open(folder / _LOCK, os.O_RDWR | os.O_NOFOLLOW)
    try:
        if _locked(lock):
            for file in folder.iterdir():
                if file.name != _LOCK:  # last, in case this process is killed meanwhile
                    file.unlink()
            shutil.rmtree(folder)
    finally:
        os.close(lock)


def _locked(lock: int) -> bool:
    """Take the lock, unless a living process has it. Without locks, answer as if one had it."""
    if sys.platform == "win32":
        return False
    import fcntl

    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
