"""Servers under load: processes with a port, the CPU time they took and the memory they hold. Linux: it reads /proc."""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import subprocess
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_START_SECONDS = 60


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request, sent again and again."""

    path: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Server:
    """A server that runs."""

    name: str
    port: int
    process: subprocess.Popen[bytes]

    def answer(self, request: Request) -> int:
        """Send a request; returns the status of the answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(request.method, request.path, request.body or None, dict(request.headers))
            reply = connection.getresponse()
            reply.read()
            return reply.status
        finally:
            connection.close()

    def cpu(self) -> float:
        """Seconds of CPU that it and its children have taken."""
        return sum(_cpu(pid) for pid in self._pids())

    def memory(self) -> float:
        """MiB that it and its children hold."""
        pages = [int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in self._pids()]
        return sum(pages) * _PAGE / 2**20

    def _pids(self) -> Iterator[int]:
        waiting = [self.process.pid]
        while waiting:
            pid = waiting.pop()
            yield pid
            children = Path(f"/proc/{pid}/task/{pid}/children")
            waiting += map(int, children.read_text().split()) if children.exists() else []


def _cpu(pid: int) -> float:
    after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(after_name[11]) + int(after_name[12])) / _TICKS  # utime and stime (proc(5))


@contextlib.contextmanager
def serving(
    name: str, command: Sequence[str], probe: Request, *, env: Mapping[str, str] | None = None
) -> Generator[Server]:
    """Start a server, `{port}` in its command being a free port, and wait until it answers the probe with 200."""
    port = free_port()
    process = subprocess.Popen(
        [one.replace("{port}", str(port)) for one in command],
        env={**os.environ, **(env or {})},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    server = Server(name, port, process)
    try:
        latest = time.monotonic() + _START_SECONDS
        while not _answers(server, probe):
            if process.poll() is not None or time.monotonic() > latest:
                raise RuntimeError(f"{name} does not answer")
            time.sleep(0.05)
        yield server
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _answers(server: Server, probe: Request) -> bool:
    try:
        return server.answer(probe) == 200
    except (OSError, http.client.HTTPException):
        return False
