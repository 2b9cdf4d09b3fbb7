"""Calls a second on a shared store: by one process in memory, then by one and by two workers on Redis; what each costs.

Eight clients send as fast as they are answered, on the same machine: with as many workers as cores they take theirs
from the workers. Rows are rounds in turn, so that all are measured in the same weather.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from bench.uploads import body, photo
from tests.redis_server import RedisServer
from tests.tools import find

CLIENTS = 8
ROUNDS = 5
SECONDS = 3.0


@dataclass
class Measured:
    """The rounds of one row: calls a second, milliseconds of the server's CPU a call, and of Redis."""

    rates: list[float] = field(default_factory=list[float])
    server: list[float] = field(default_factory=list[float])
    redis: list[float] = field(default_factory=list[float])
    scripts: float = 0.0
    stored: float = 0.0


@dataclass
class Running:
    """A server, its processes, and the Redis it stands on."""

    port: int
    pids: Callable[[], list[int]]
    redis: RedisServer | None = None


def request(path: str, headers: str, data: bytes, method: str = "POST") -> bytes:
    length = f"Content-Length: {len(data)}\r\n" if data else ""
    return f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{headers}{length}\r\n".encode() + data


REQUESTS = {
    "a list of models": request(
        "/lumenfall/openai/v1/models", "Authorization: Bearer lmnfl_bench.bench\r\n", b"", "GET"
    ),
    "an upload of 74 KB": request(
        "/ideogram/upscale",
        "Api-Key: bench\r\nContent-Type: multipart/form-data; boundary=b\r\n",
        body(photo(0.074, "JPEG")),
    ),
}


@contextlib.contextmanager
def running(workers: int) -> Generator[Running]:
    """A server of so many workers on a Redis of its own; 0 is one process that keeps its state in memory."""
    with contextlib.ExitStack() as opened:
        redis = opened.enter_context(RedisServer()) if workers else None
        command = [sys.executable, "-m", "fauxscale", "serve", "--port", "0", "--json", "--quiet"]
        if redis is not None:
            command += ["--workers", str(workers), "--store", redis.url]
        process = opened.enter_context(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        opened.callback(process.terminate)
        assert process.stdout is not None
        port = int(json.loads(process.stdout.readline())["url"].rpartition(":")[2])

        def pids() -> list[int]:
            found = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
            return [process.pid, *map(int, found)]

        yield Running(port, pids, redis)


def cpu(pids: list[int]) -> float:
    """Seconds of CPU that these processes have had."""
    ticks = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def client(port: int, sent: bytes, until: float) -> int:
    """Send one request again and again; how often it was answered."""
    calls = 0
    with socket.create_connection(("127.0.0.1", port)) as line:
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while time.perf_counter() < until:
            line.sendall(sent)
            said = b""
            while b"\r\n\r\n" not in said:
                said += line.recv(65536)
            head, _, rest = said.partition(b"\r\n\r\n")
            if b" 200 " not in head[:16]:
                raise SystemExit(f"answered {head[:200]!r}")
            (length,) = (
                int(one.split(b":")[1])
                for one in head.split(b"\r\n")
                if one.lower().startswith(b"content-length")
            )
            while len(rest) < length:
                rest += line.recv(65536)
            calls += 1
    return calls


def measure(server: Running, sent: bytes, into: Measured) -> None:
    """One round."""
    pids, redis = server.pids(), server.redis
    before, redis_before = cpu(pids), cpu([redis.pid]) if redis else 0.0
    scripts, stored = (_scripts(redis), _stored(redis)) if redis else (0, 0)
    begun = time.perf_counter()
    with ThreadPoolExecutor(CLIENTS) as pool:
        ends = [pool.submit(client, server.port, sent, begun + SECONDS) for _ in range(CLIENTS)]
        calls = sum(end.result() for end in ends)
    into.rates.append(calls / (time.perf_counter() - begun))
    into.server.append(1_000 * (cpu(pids) - before) / calls)
    if redis is not None:
        into.redis.append(1_000 * (cpu([redis.pid]) - redis_before) / calls)
        into.scripts = (_scripts(redis) - scripts) / calls
        into.stored = (_stored(redis) - stored) / calls


def _scripts(redis: RedisServer) -> int:
    """Batches: calls of the script, each a round trip."""
    with redis.client() as asked:
        told = asked.info("commandstats")
        return sum(
            int(one["calls"]) for name, one in told.items() if name in ("cmdstat_evalsha", "cmdstat_eval")
        )


def _stored(redis: RedisServer) -> int:
    with redis.client() as asked:
        return int(asked.info("memory")["used_memory_dataset"])


def main() -> None:
    if find("redis-server") is None:
        print("workers: no redis-server is installed")
        return
    print(f"{CLIENTS} clients on the same machine; medians of {ROUNDS} rounds of {SECONDS:g} s in turn")
    print(f"  {'':20} {'calls/s':>8} {'server ms':>10} {'Redis ms':>9} {'scripts':>8} {'bytes kept':>11}")
    rows = {"memory": 0, "Redis, 1 worker": 1, "Redis, 2 workers": 2}
    with contextlib.ExitStack() as opened:
        servers = {name: opened.enter_context(running(workers)) for name, workers in rows.items()}
        for what, sent in REQUESTS.items():
            found = {name: Measured() for name in servers}
            for server in servers.values():
                measure(server, sent, Measured())  # warms it up
            for _ in range(ROUNDS):
                for name, server in servers.items():
                    measure(server, sent, found[name])
            print(f"  {what}")
            for name, row in found.items():
                on_redis = (
                    f"{statistics.median(row.redis):9.2f} {row.scripts:8.1f} {row.stored:11,.0f}"
                    if row.redis
                    else ""
                )
                rate, spent = statistics.median(row.rates), statistics.median(row.server)
                print(f"    {name:18} {rate:8,.0f} {spent:10.2f} {on_redis}")
