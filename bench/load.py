"""Load by wrk, which must be installed: how many requests a second a server answers, and what each costs it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from bench.servers import Request, Server

SCRIPT = Path(__file__).parent / "load.lua"
_LOAD = re.compile(r"LOAD (\d+) (\d+) (\d+) (\d+) (\d+)")


@dataclass(frozen=True, slots=True)
class Load:
    """What came of it: requests, how many of them a second, milliseconds of half and of 99 of 100, microseconds of
    the server's CPU for each; how many failed."""

    requests: int
    rate: float
    half: float
    most: float
    cpu: float
    failed: int


def has_wrk() -> bool:
    return shutil.which("wrk") is not None


def load(server: Server, request: Request, *, connections: int, seconds: int) -> Load:
    """Send a request over so many connections for so many seconds."""
    with tempfile.TemporaryDirectory() as folder:
        headers, body = Path(folder, "headers"), Path(folder, "body")
        headers.write_text("".join(f"{name}: {value}\n" for name, value in request.headers.items()))
        body.write_bytes(request.body)
        before = server.cpu()
        done = subprocess.run(
            ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "20s", "-s", str(SCRIPT),
             f"http://127.0.0.1:{server.port}{request.path}"],
            env={**os.environ, "LOAD_METHOD": request.method, "LOAD_HEADERS": str(headers), "LOAD_BODY": str(body)},
            capture_output=True,
            text=True,
            check=True,
        )  # fmt: skip
        spent = server.cpu() - before
    found = _LOAD.search(done.stdout)
    if found is None:
        raise RuntimeError(f"wrk said {done.stdout[-300:]!r}")
    count, micros, half, most, failed = map(int, found.groups())
    return Load(count, count / (micros / 1e6), half / 1000, most / 1000, spent / max(1, count) * 1e6, failed)
