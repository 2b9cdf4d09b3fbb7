"""Several processes on one listening socket: starts them, replaces those that die, ends them all.

A process reads its orders from standard input: the handover in one line, then `go`. It reports on standard output:
`waiting` once it is ready, `serving` once it answers, `failed` if it cannot. When its standard input ends, it ends
too, so that a killed supervisor leaves no process behind.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, cast

from fauxscale.clock import stopwatch, wait
from fauxscale.errors import FauxscaleError

GO = b"go\n"
# A process that dies sooner than this after its start is not replaced at once: the pause doubles each time.
_SOON = 5.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 10.0
# Processes that were asked to end have this long before they are killed.
_END_SECONDS = 5.0


class WorkersFailed(FauxscaleError, RuntimeError):
    """Raised if the workers cannot begin to serve; the message is one line. `misuse`: the request itself is wrong."""

    def __init__(self, message: str, *, misuse: bool = False) -> None:
        super().__init__(message)
        self.misuse = misuse


@dataclass(slots=True, eq=False)
class _Worker:
    """A process, and since when it serves; None while it waits for its turn."""

    process: Process
    since: float | None = None


class Supervisor:
    """Keeps `count` processes of `command` serving on `sock`, and one more, already loaded, that takes the place of one
    that dies.

    `handover` makes the line for each process, given the number of the socket's descriptor.
    """

    def __init__(
        self, command: Sequence[str], handover: Callable[[int], bytes], sock: socket.socket, count: int
    ) -> None:
        self._command = command
        self._handover = handover
        self._sock = sock
        self._count = count
        self._workers: set[_Worker] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ending: asyncio.Event | None = None
        self._spare: asyncio.Task[_Worker] | None = None
        self._preparing: set[asyncio.Task[_Worker]] = set()
        self._starting: set[asyncio.Task[_Worker]] = set()
        self.notes: list[str] = []  # a worker's description of what it serves, for the banner

    async def serve(self, ready: Callable[[], None]) -> None:
        """Serve until `end()`; `ready` is called when all answer. Raises WorkersFailed if they cannot."""
        self._loop, self._ending = asyncio.get_running_loop(), asyncio.Event()
        ending = asyncio.ensure_future(self._ending.wait())
        tasks: list[asyncio.Future[Any]] = [ending]
        try:
            # All at once: each takes half a second to load.
            starting = [asyncio.ensure_future(self._begun()) for _ in range(self._count)]
            tasks += starting
            all_begun = asyncio.gather(*starting)
            tasks.append(all_begun)
            both: list[asyncio.Future[Any]] = [all_begun, ending]
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            if self._ending.is_set():
                return
            begun = await all_begun
            ready()
            self._prepare_spare()
            kept = [asyncio.ensure_future(self._keep(worker)) for worker in begun]
            tasks += kept
            until: list[asyncio.Future[Any]] = [*kept, ending]
            done, _ = await asyncio.wait(until, return_when=asyncio.FIRST_COMPLETED)
            for one in done:
                one.result()
        finally:
            await self._end_all(tasks)

    def end(self) -> None:
        """Ask all to end. From any thread."""
        if self._loop is not None and self._ending is not None:
            with suppress(RuntimeError):  # it has ended
                self._loop.call_soon_threadsafe(self._ending.set)

    async def _keep(self, worker: _Worker) -> None:
        """Wait for a worker to die, and replace it, for ever."""
        pause, log = 0.0, logging.getLogger("fauxscale")
        while True:
            status = await worker.process.wait()
            self._forget(worker)
            died, dead = stopwatch(), worker.process.pid
            pause = (
                0.0
                if died - (worker.since or 0.0) > _SOON
                else min(pause * 2 or _FIRST_PAUSE, _LONGEST_PAUSE)
            )
            # The first death is replaced at once, whenever it comes.
            await wait(pause if pause > _FIRST_PAUSE else 0.0)
            waited = self._spare is not None and self._spare.done()
            while True:
                try:
                    worker = await self._next()
                    break
                except WorkersFailed as failure:
                    pause = min(pause * 2 or _FIRST_PAUSE, _LONGEST_PAUSE)
                    log.error(
                        "no worker takes the place of %d: %s; trying again in %.1f s", dead, failure, pause
                    )
                    await wait(pause)
            log.warning(
                "worker %d ended (%s); another serves since %.2f s later%s",
                dead,
                _said(status),
                stopwatch() - died,
                "" if waited else " (it had to be loaded)",
            )

    async def _next(self) -> _Worker:
        """Have the waiting process begin to serve, and prepare another. Raises WorkersFailed."""
        taken = self._spare
        self._prepare_spare()  # first: two that die at once take one each
        assert taken is not None
        return await self._go(await taken)

    def _prepare_spare(self) -> None:
        self._spare = asyncio.ensure_future(self._waiting())
        self._preparing.add(self._spare)
        self._spare.add_done_callback(self._preparing.discard)

    async def _begun(self) -> _Worker:
        return await self._go(await self._waiting())

    async def _waiting(self) -> _Worker:
        """Start a process and wait until it is loaded. Raises WorkersFailed."""
        start = asyncio.ensure_future(self._start())
        self._starting.add(start)
        start.add_done_callback(self._starting.discard)
        # A start that is cancelled half way can leave a pipe open (CPython 3.11, asyncio.base_subprocess).
        worker = await asyncio.shield(start)
        await self._tell(worker.process, self._handover(self._sock.fileno()))
        told = await self._told(worker, "waiting")
        self.notes = [str(note) for note in cast("list[object]", told.get("notes", []))]
        return worker

    async def _start(self) -> _Worker:
        process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=PIPE,
            stdout=PIPE,
            pass_fds=(self._sock.fileno(),),
            # Ctrl-C is for the supervisor, which tells the others: so none of them looks dead to it.
            process_group=0,
        )
        worker = _Worker(process)
        self._workers.add(worker)
        return worker

    async def _go(self, worker: _Worker) -> _Worker:
        """Have a waiting process begin to serve. Raises WorkersFailed."""
        await self._tell(worker.process, GO)
        await self._told(worker, "serving")
        worker.since = stopwatch()
        return worker

    async def _tell(self, process: Process, line: bytes) -> None:
        assert process.stdin is not None
        with suppress(ConnectionError):  # it has died; reading its answer finds out
            process.stdin.write(line)
            await process.stdin.drain()

    async def _told(self, worker: _Worker, wanted: str) -> dict[str, object]:
        """Read the next line of a process. Raises WorkersFailed if it is another one, or none."""
        assert worker.process.stdout is not None
        line = await worker.process.stdout.readline()
        told: dict[str, object] = json.loads(line) if line else {}
        if told.get("state") == wanted:
            return told
        status = await _ended(worker.process, at_once=bool(line))
        self._forget(worker)
        message = str(told.get("failed") or f"a worker ended ({_said(status)}) before it answered")
        raise WorkersFailed(message, misuse=bool(told.get("misuse")))

    def _forget(self, worker: _Worker) -> None:
        """Forget a process that has ended, and close its pipes: asyncio closes them after reading the output to its
        end, and its loop may be closed before that."""
        self._workers.discard(worker)
        worker.process._transport.close()  # type: ignore[attr-defined]  # Process has no close of its own

    async def _end_all(self, tasks: Sequence[asyncio.Future[Any]]) -> None:
        """End every process, and wait until it has ended."""
        tasks = [*tasks, *self._preparing]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, *self._starting, return_exceptions=True)
        running = [worker.process for worker in self._workers]
        for process in running:
            with suppress(ProcessLookupError):
                process.terminate()
        ends = [asyncio.ensure_future(process.wait()) for process in running]
        if ends:
            _, late = await asyncio.wait(ends, timeout=_END_SECONDS)
            for process in running if late else ():
                if process.returncode is None:
                    with suppress(ProcessLookupError):
                        process.kill()
            await asyncio.gather(*ends)
        for worker in tuple(self._workers):
            self._forget(worker)


async def _ended(process: Process, *, at_once: bool) -> int:
    """End a process, `at_once` or after its time to end by itself, and return its exit status."""
    # One that is killed when it has just died has no status any more: 255 (CPython 3.11, asyncio and Popen both ask).
    with suppress(TimeoutError):
        return await asyncio.wait_for(process.wait(), 0 if at_once else _END_SECONDS)
    with suppress(ProcessLookupError):
        process.kill()
    return await process.wait()


def _said(status: int) -> str:
    return f"signal {-status}" if status < 0 else f"exit status {status}"


def tell(**line: object) -> None:
    """Send the supervisor of this process a line. It may have been killed."""
    with suppress(OSError):
        os.write(sys.__stdout__.fileno() if sys.__stdout__ else 1, json.dumps(line).encode() + b"\n")
