"""A program in any language as a candidate: started for each picture, and nothing of it is left afterwards."""

from __future__ import annotations

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

from fauxscale_contracts.violations import brief

from .candidate import Made, Task, Unable

_KEPT = 16  # pieces of 4 KiB of what a program says; a flood must not fill the memory
_PIECE = 4096
# What a scenario may ask of a client beside the picture.
_OPTIONS = ("prompt", "resemblance", "detail", "seed")


class Program:
    """A command with `{image}` and `{output}` in it, and perhaps `{prompt}`, `{resemblance}`, `{detail}`, `{seed}`,
    which are empty where a scenario asks for none.

    It succeeds when it exits with 0 and `{output}` is there; it fails cleanly when it exits with another
    status and `{output}` is not.
    """

    def __init__(self, command: Sequence[str], env: Mapping[str, str] | None = None) -> None:
        """Raises Unable for a command that cannot work."""
        self._command = tuple(command)
        self._env = dict(env or {})
        for placeholder in ("{image}", "{output}"):
            if not any(placeholder in word for word in self._command):
                raise Unable(f"the command has no {placeholder}: the program is told its files that way")
        if not self._command or shutil.which(self._command[0]) is None:
            raise Unable(f"{self._command[0]!r} is not a program that can be started")

    def takes(self, options: Mapping[str, object]) -> bool:
        return all(any(f"{{{name}}}" in word for word in self._command) for name in options)

    def run(self, task: Task) -> Made:
        with tempfile.TemporaryDirectory(prefix="conform-", ignore_cleanup_errors=True) as folder:
            # The name tells nothing: bytes decide what a file is.
            image, output = Path(folder, "image"), Path(folder, "output.png")
            image.write_bytes(task.image)
            places = dict.fromkeys(_OPTIONS, "") | {"image": str(image), "output": str(output)}
            places |= {name: str(value) for name, value in task.options.items()}
            code, said, left = self._start(places, dict(task.endpoint.env), task.limit)
            picture = output.read_bytes() if output.is_file() else None
            others = sorted(one.name for one in Path(folder).iterdir() if one not in (image, output))
            notes = [said] if said else []
            notes += ["left processes running"] if left else []
            notes += [f"wrote {', '.join(others)} beside the output"] if others else []
            note = "; ".join(notes)
            if code is None:
                return Made("hung", picture, f"killed after {task.limit:g} s" + (f"; {note}" if note else ""))
            if code < 0:
                return Made("crashed", picture, f"died of {_signal(-code)}" + (f"; {note}" if note else ""))
            return Made(
                "failed" if code else "returned", picture, f"exit {code}" + (f"; {note}" if note else "")
            )

    def _start(
        self, places: Mapping[str, str], env: Mapping[str, str], limit: float
    ) -> tuple[int | None, str, bool]:
        """Its exit status (None: killed at the limit), the last line on stderr, whether it left children."""
        command = [_filled(word, places) for word in self._command]
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={**os.environ, **self._env, **env},
                start_new_session=True,
            )
        except OSError as error:
            raise Unable(f"{command[0]} cannot be started: {error.strerror}") from error
        tails: list[deque[bytes]] = [deque(maxlen=_KEPT), deque(maxlen=_KEPT)]
        assert process.stdout is not None
        assert process.stderr is not None
        readers = [
            threading.Thread(target=_drain, args=(pipe, tail), daemon=True)
            for pipe, tail in zip((process.stdout, process.stderr), tails, strict=True)
        ]
        for reader in readers:
            reader.start()
        try:
            code: int | None = process.wait(limit)
        except subprocess.TimeoutExpired:
            code = None
        left = _end_group(process.pid, alive=code is None)
        process.wait()
        for reader in readers:
            reader.join(1)  # a child in a session of its own may hold the pipe
        return code, _last_line(b"".join(tails[1])), left


def _filled(word: str, places: Mapping[str, str]) -> str:
    for name, value in places.items():
        word = word.replace(f"{{{name}}}", value)
    return word


def _drain(pipe: IO[bytes], tail: deque[bytes]) -> None:
    with pipe:
        while piece := os.read(pipe.fileno(), _PIECE):
            tail.append(piece)


def _end_group(group: int, *, alive: bool) -> bool:
    """Kill what is left of a process group. Whether a program that had ended left something behind."""
    try:
        os.killpg(group, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return False
    return not alive


def _last_line(said: bytes) -> str:
    lines = [line for line in said.decode(errors="replace").splitlines() if line.strip()]
    return brief(lines[-1], 120) if lines else ""


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
