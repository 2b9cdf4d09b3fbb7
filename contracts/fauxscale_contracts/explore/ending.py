"""Classifies how a test ended, from its error: its own assertion, an accident, or an error raised on purpose."""

from __future__ import annotations

import os
import sys
import sysconfig
from fnmatch import fnmatchcase
from json import JSONDecodeError
from pathlib import Path
from traceback import walk_tb

from .played import Ending

# Exceptions of programs that did not check a value, which nobody raises on purpose.
_SURPRISES = (KeyError, IndexError, TypeError, AttributeError, JSONDecodeError)
# Modules with which tests check pictures: an error from there is the test's own finding.
_CHECKS = ("_pytest.", "PIL.")
_OF_TESTS = ("test_*.py", "*_test.py", "conftest.py")
_INSTALLED = tuple(str(Path(one).resolve()) for one in {*sysconfig.get_paths().values(), sys.prefix})


def ending_of(error: BaseException, root: Path | None = None) -> tuple[Ending, str]:
    """Classify how a run ended with this error, and describe the error. `root`: the folder of the user's project."""
    said = f"{type(error).__name__}: {error}".splitlines()[0][:200]
    where = _last_own_file(error, (root or Path.cwd()).resolve())
    in_test = where is None or any(fnmatchcase(where.name, pattern) for pattern in _OF_TESTS)
    # `pytest.raises` fails while it handles an error that the client did raise.
    alone = error.__context__ is None or isinstance(error.__context__, AssertionError)
    checks = isinstance(error, AssertionError) or _raised_in(error).startswith(_CHECKS)
    if in_test and alone and checks:
        return "assertion", said
    if not in_test and isinstance(error, _SURPRISES):
        return "surprise", f"{said} in {where.name if where else 'its code'}"
    return "failed", said


def _raised_in(error: BaseException) -> str:
    """The module that raised an error."""
    names = [str(frame.f_globals.get("__name__", "")) for frame, _ in walk_tb(error.__traceback__)]
    return names[-1] if names else ""


def _last_own_file(error: BaseException, root: Path) -> Path | None:
    """The innermost file of the project in the error's traceback; installed packages are not the project's."""
    last: Path | None = None
    for frame, _ in walk_tb(error.__traceback__):
        file = Path(frame.f_code.co_filename)
        if is_own(file, root):
            last = file
    return last


def is_own(file: Path, root: Path) -> bool:
    """Whether a file belongs to the project in this folder, and is no installed package."""
    plain = os.path.normpath(file)
    return file.is_absolute() and Path(plain).is_relative_to(root) and not plain.startswith(_INSTALLED)
