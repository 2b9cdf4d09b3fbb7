"""Four workers on one Redis, for hostile runs: started as users start them, reached over sockets."""

from __future__ import annotations

import http.client
import json
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from typing import IO, Any

from fauxscale.control import API
from tests.processes import children
from tests.redis_server import RedisServer

from .at_once import Call, Reply

WORKERS = 4


class Line:
    """A client with one connection, which is opened anew where it broke."""

    def __init__(self, address: str, patience: float = 60) -> None:
        self._address, self._patience = address, patience
        self._connection: http.client.HTTPConnection | None = None

    def send(self, call: Call) -> Reply | None:
        """The reply; None where the connection broke before it was whole."""
        connection = self._connection or http.client.HTTPConnection(self._address, timeout=self._patience)
        self._connection = connection
        try:
            connection.request(call.method, call.path, body=call.body, headers=dict(call.headers))
            reply = connection.getresponse()
            return Reply(reply.status, reply.read())
        except (OSError, http.client.HTTPException):
            self.close()
            return None

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class Fleet:
    """A supervisor, its workers, and the Redis they share. `log` is what they said."""

    def __init__(self, redis: RedisServer, process: subprocess.Popen[str], url: str, log: IO[str]) -> None:
        self.redis, self.process, self.url = redis, process, url
        self.address = url.partition("//")[2]
        self._log = log
        self._lock = threading.Lock()

    def workers(self) -> list[int]:
        """Their processes, the one that waits among them: it is the last."""
        return children(self.process.pid)

    def control(self, method: str, path: str, body: object = None, patience: float = 30) -> dict[str, Any]:
        """Make a call of the control API: again, as long as workers or Redis are dying."""
        sent = b"" if body is None else json.dumps(body).encode()
        until = time.monotonic() + patience
        line = Line(self.address)
        try:
            while True:
                reply = line.send(Call(method, f"{API}{path}", {}, sent))
                if reply is not None and 200 <= reply.status < 300:
                    return reply.json()
                if time.monotonic() > until or (reply is not None and reply.status != 503):
                    raise AssertionError(f"{method} {path}: {reply and (reply.status, reply.body[:200])}")
                time.sleep(0.05)
        finally:
            line.close()

    def said(self) -> str:
        with self._lock:
            self._log.seek(0)
            return self._log.read()

    def replaced(self) -> tuple[list[float], list[float]]:
        """How long it took until another served, for each worker that died: one that waited, one that had to be
        loaded, since the one before had died too short a time ago."""
        found = re.findall(r"another serves since ([\d.]+) s later( \()?", self.said())
        waited = [float(seconds) for seconds, loaded in found if not loaded]
        return waited, [float(seconds) for seconds, loaded in found if loaded]


@contextmanager
def fleet(*, durable: bool = False, workers: int = WORKERS, patience: float = 1) -> Generator[Fleet]:
    """`fauxscale serve --workers 4` on a Redis of its own, whose replies may take so long."""
    command = [sys.executable, "-m", "fauxscale", "serve", "--port", "0", "--json", "--quiet"]
    with RedisServer(durable=durable) as redis, tempfile.TemporaryFile("w+") as log:
        options = ["--workers", str(workers), "--store", f"{redis.url}?socket_timeout={patience:g}"]
        process = subprocess.Popen([*command, *options], stdout=subprocess.PIPE, stderr=log, text=True)
        try:
            assert process.stdout is not None
            ready = process.stdout.readline()
            log.seek(0)
            assert ready, log.read()
            yield Fleet(redis, process, json.loads(ready)["url"], log)
        finally:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(20)
            process.kill()
            process.communicate()
