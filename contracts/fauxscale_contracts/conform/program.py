"""Runs a program in any language as the client under test: started for each picture, ended with its children."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from .candidate import CannotRun, ClientResult, Ending, Task
from .processes import end_all, end_group
from .sanitize import Sanitizer
from .words import parse

_KEPT = 16  # pieces of 4 KiB of a program's output; a flood must not fill the memory
_PIECE = 4096
_MIB = 1024 * 1024
_LARGEST = 64 * _MIB  # of a saved file that are read; a correct one is never larger
# Placeholders that a scenario may fill besides the picture.
_OPTIONS = ("prompt", "resemblance", "detail", "seed", "resolution", "num_images")


class Program:
    """A command with `{image}` and `{output}` in it, and perhaps `{prompt}`, `{resemblance}`, `{detail}`, `{seed}`,
    which are empty if a scenario does not set them; `[--seed {seed}]` is left out then. In other lists it gets the
    files and options that are `wanted` there.

    `{output}` ends in .png. The program succeeds if it exits with 0 and `{output}` exists; it fails cleanly if it
    exits with another status and `{output}` does not exist.
    """

    def __init__(
        self,
        command: Sequence[str],
        env: Mapping[str, str] | None = None,
        *,
        wanted: Sequence[str] = ("image",),
    ) -> None:
        """Raises CannotRun for a command that cannot work."""
        self._command = tuple(command)
        self._words = parse(command, _OPTIONS)
        self._env = {**os.environ, **(env or {})}
        self._sanitizer = Sanitizer(self._env)
        self._running: set[int] = set()
        self._stopped = False
        for placeholder in (*(f"{{{name}}}" for name in wanted), "{output}"):
            if not any(placeholder in word for word in self._command):
                raise CannotRun(f"the command has no {placeholder}: files and options are passed that way")
        if not self._command or shutil.which(self._command[0]) is None:
            raise CannotRun(f"{self._command[0]!r} is not an executable program")

    def accepts(self, options: Mapping[str, object]) -> bool:
        holes = frozenset(hole for group in self._words for hole in group.holes)
        return holes >= options.keys()

    def stop(self) -> None:
        self._stopped = True
        for group in tuple(self._running):
            end_group(group)

    def run(self, task: Task) -> ClientResult:
        with tempfile.TemporaryDirectory(prefix="conform-", ignore_cleanup_errors=True) as name:
            folder = Path(name)
            # The extension says nothing: a file's bytes decide what it is.
            output = folder / ("output.txt" if task.kind == "describe" else "output.png")
            for file, data in task.files.items():
                (folder / file).write_bytes(data)
            places = dict.fromkeys(_OPTIONS, "") | {"output": str(output)}
            places |= {file: str(folder / file) for file in task.files}
            places |= {name: str(value) for name, value in task.options.items()}
            code, said, left = self._start(places, task, f"FAUXSCALE_{folder.name.replace('-', '_')}")
            ending, how = _ended(code, task.limit)
            how += f"; {said}" if said else ""
            notes = ["left processes running"] if left else []
            try:
                others = sorted({one.name for one in folder.iterdir()} - {*task.files, output.name})
            except OSError:
                return ClientResult(
                    "crashed" if ending != "hung" else ending,
                    said=f"{how}; deleted the folder of its files",
                    notes=tuple(notes),
                )
            if others:
                notes.append(f"wrote {self._sanitizer.line(', '.join(others), 120)} beside the output")
            picture, unread = _read(output)
            return ClientResult(ending, picture, how, unread, tuple(notes))

    def _start(self, places: Mapping[str, str], task: Task, mark: str) -> tuple[int | None, str, bool]:
        """Run it: its exit status (None: killed at the limit), the last line on stderr, whether it left processes."""
        command = [word for group in self._words for word in group.filled(places)]
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={**self._env, **task.endpoint.env, mark: "1"},
                start_new_session=True,
            )
        except OSError as error:
            raise CannotRun(f"{command[0]} cannot be started: {error.strerror}") from error
        self._running.add(process.pid)
        code: int | None = None
        try:
            tails, readers = _listen(process)
            if self._stopped:
                end_group(process.pid)
            with contextlib.suppress(subprocess.TimeoutExpired):
                code = process.wait(task.limit)
        finally:
            self._running.discard(process.pid)
            if code is None:
                end_group(process.pid)
                process.wait()
            left = end_all(process.pid, mark)
        for reader in readers:
            reader.join(1)  # where detached processes cannot be ended, they may hold the pipe
        return code, self._sanitizer.reason(b"".join(tails[1]), 120), left and code is not None


def _listen(process: subprocess.Popen[bytes]) -> tuple[list[deque[bytes]], list[threading.Thread]]:
    """The ends of a program's stdout and stderr, and the threads that read them."""
    tails: list[deque[bytes]] = [deque(maxlen=_KEPT), deque(maxlen=_KEPT)]
    assert process.stdout is not None
    assert process.stderr is not None
    readers = [
        threading.Thread(target=_drain, args=(pipe, tail), daemon=True)
        for pipe, tail in zip((process.stdout, process.stderr), tails, strict=True)
    ]
    for reader in readers:
        reader.start()
    return tails, readers


def _drain(pipe: IO[bytes], tail: deque[bytes]) -> None:
    with pipe:
        while piece := os.read(pipe.fileno(), _PIECE):
            tail.append(piece)


def _ended(code: int | None, limit: float) -> tuple[Ending, str]:
    if code is None:
        return "hung", f"still running after {limit:g} s, the --limit"
    if code < 0:
        return "crashed", f"killed by {_signal(-code)}"
    return "failed" if code else "returned", f"exit {code}"


def _read(output: Path) -> tuple[bytes | None, str]:
    """Read the saved file; or nothing, and why the file is no picture."""
    if not os.path.lexists(output):
        return None, ""
    if not output.is_file():
        return None, "the output is not a file"
    try:
        with output.open("rb") as file:
            if os.fstat(file.fileno()).st_size > _LARGEST:
                return None, f"the output is larger than {_LARGEST // _MIB} MiB"
            return file.read(_LARGEST), ""
    except OSError as error:
        return None, f"the output cannot be read: {error.strerror}"


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
