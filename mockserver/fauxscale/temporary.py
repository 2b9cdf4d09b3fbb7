"""Temporary folders of a process; those that a killed process left are removed at the next start."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

_PREFIX = "fauxscale-of-"  # a process; nothing else is ever removed
_LOCK = "lock"


class TemporaryFolder:
    """A folder in the system's temporary one, locked as long as this process lives. Made at once."""

    def __init__(self) -> None:
        # Only a folder that is locked gets the name by which others would look for its lock.
        unnamed = Path(tempfile.mkdtemp(prefix="fauxscale-"))
        self._lock = os.open(unnamed / _LOCK, os.O_CREAT | os.O_RDWR, 0o600)
        _locked(self._lock)
        self.path = unnamed.with_name(_PREFIX + unnamed.name.removeprefix("fauxscale-"))
        unnamed.rename(self.path)

    def remove(self) -> None:
        """Remove the folder and all that is in it. May be called twice."""
        if self._lock >= 0:
            os.close(self._lock)  # first: elsewhere than on Linux, what is open cannot be removed
            self._lock = -1
            shutil.rmtree(self.path, ignore_errors=True)


def remove_orphans() -> None:
    """Remove the temporary folders whose process was killed.

    The lock tells, and not a process id, which may be another's by now: it goes with its process, however that ends.
    Those of living processes and of other users are left alone, and all of them where files have no locks (Windows).
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
                if file.name != _LOCK:  # to the end, so that who is killed meanwhile leaves an orphan again
                    file.unlink()
            shutil.rmtree(folder)
    finally:
        os.close(lock)


def _locked(lock: int) -> bool:
    """Take the lock, unless a process that lives has it. Without locks, say that one has."""
    if sys.platform == "win32":
        return False
    import fcntl

    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
