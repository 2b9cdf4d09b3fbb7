"""Slow, silent, leaving and flooding peers, two thousand at once, and honest calls beside them.

The server, the peers and the honest client are three processes, so that the times of the last are the server's.
"""

from __future__ import annotations

import io
import json
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from statistics import quantiles

import httpx
from PIL import Image

from tests.pictures import picture
from tests.served import serving_logged

from .harness import Limits
from .measures import descriptors, peak, resident
from .results import Result, machine

COUNT = 2_000
SECONDS = 60.0
P99_MS = 25.0
LOG_BYTES = 64 * 1024
MEMORY_MIB = 256
# A peer that stops is ended after 10 s, on the next look a second later; and it has to be accepted, and to be told.
LIFE_SECONDS = 15.0
ENDED = ("silent", "half a head", "slow head", "slow body", "bad chunks")
REACHED = (
    "slow body",
    "reads nothing",
    "leaves amid an upload",
    "leaves amid a download",
    "floods",
    "bad chunks",
)
ACCEPTED = ("reads nothing", "leaves amid a download", "floods")
HEALTH = "/__fauxscale/api/health"


class Honest:
    """A client that calls as clients do, and notes how long each call took."""

    def __init__(self, url: str, dice: random.Random) -> None:
        self._url, self._dice = url, dice
        self._photo = picture()
        self.times: dict[str, list[float]] = {}
        self.failures: Counter[str] = Counter()

    def call(self, seconds: float) -> None:
        """Call some thirty times a second, half of the time on a connection that is kept."""
        until = time.monotonic() + seconds
        fresh = httpx.Limits(max_keepalive_connections=0)
        with (
            httpx.Client(base_url=self._url, trust_env=False) as kept,
            httpx.Client(base_url=self._url, trust_env=False, limits=fresh) as new,
        ):
            while time.monotonic() < until:
                http, how = self._dice.choice([(kept, "a kept connection"), (new, "a new connection")])
                try:
                    self._call(http)
                except (httpx.TransportError, AssertionError) as error:
                    self.failures[f"{error!r} on {how}"] += 1
                time.sleep(self._dice.uniform(0.01, 0.04))

    def _call(self, http: httpx.Client) -> None:
        what = self._dice.choice(["health", "health", "upscale", "download"])
        if what == "health":
            self._timed(what, lambda: http.get(HEALTH))
            return
        files = {"image_file": ("a.png", self._photo)}
        form = {"image_request": "{}"}
        headers = {"api-key": "honest"}
        reply = self._timed("upscale", lambda: http.post("/upscale", headers=headers, data=form, files=files))
        if what == "download":
            link = reply.json()["data"][0]["url"]
            self._timed(what, lambda: http.get(link))

    def _timed(self, what: str, send: Callable[[], httpx.Response]) -> httpx.Response:
        begun = time.perf_counter()
        reply = send()
        assert reply.status_code == 200, reply.status_code
        self.times.setdefault(what, []).append(time.perf_counter() - begun)
        return reply

    @property
    def all_times(self) -> list[float]:
        return [one for times in self.times.values() for one in times]


def percentiles(times: list[float]) -> tuple[float, float]:
    """The median and the 99th percentile, in ms."""
    hundredths = quantiles(times, n=100) if len(times) > 1 else times * 99
    return 1000 * hundredths[49], 1000 * hundredths[98]


def torture(seed: int, limits: Limits) -> Result:
    """Besiege a server with `limits.count` peers at once for a minute, or less, and measure honest calls meanwhile."""
    seconds = min(SECONDS, limits.seconds)
    result = Result(
        "peers",
        f"beside {limits.count:,} hostile peers honest calls never fail, and 99 of 100 take {P99_MS:.0f} ms at most",
        seed,
        machine=machine(),
        date=f"{datetime.now(UTC):%Y-%m-%d}",
    )
    with serving_logged() as (url, pid, log):
        path = _large_result(url)
        calm = Honest(url, random.Random(f"{seed} calm"))
        calm.call(min(10.0, seconds))
        before, waited, since = descriptors(pid).total(), _waited(pid), time.monotonic()
        honest = Honest(url, random.Random(f"{seed} honest"))
        command = [sys.executable, "-m", "tests.torture.hostile", url, path, str(seed), str(limits.count)]
        with subprocess.Popen([*command, str(seconds)], stdout=subprocess.PIPE, text=True) as siege:
            honest.call(seconds)
            told = json.loads(siege.communicate()[0])
        waited = (_waited(pid) - waited) / (time.monotonic() - since)
        left = _left(pid, before)
        log.seek(0, io.SEEK_END)
        written = log.tell()
        result.peak_mib = peak(pid) / 2**20
        result.figures["memory afterwards"] = f"{resident(pid) / 2**20:,.0f} MiB"
    result.seconds = seconds
    result.figures |= {"peers at once": f"{limits.count:,}"}
    result.figures |= {"log": f"{written:,} bytes", "descriptors left": str(left)}
    result.figures["waited for a processor"] = f"{waited:.0%} of the time"
    _tell(result, told, calm, honest)
    if written > LOG_BYTES:
        result.failures.append(f"{written:,} bytes of log")
    if left:
        result.failures.append(f"{left} descriptors left open")
    if result.peak_mib > MEMORY_MIB:
        result.failures.append(f"{result.peak_mib:,.0f} MiB of memory")
    result.save(limits.kept)
    return result


def _large_result(url: str) -> str:
    """Have a large picture made: the path of its link. More than the kernel keeps for a reader."""
    noise = io.BytesIO()
    Image.frombytes("RGB", (1_000, 1_000), random.Random(0).randbytes(3_000_000)).save(
        noise, "JPEG", quality=90
    )
    with httpx.Client(base_url=url, timeout=60, trust_env=False) as http:
        files = {"image_file": ("a.jpg", noise.getvalue())}
        reply = http.post("/upscale", headers={"api-key": "k"}, data={"image_request": "{}"}, files=files)
        link = str(reply.json()["data"][0]["url"])
        assert len(http.get(link).content) > 6_000_000
    return "/" + link.split("/", 3)[3]


def _waited(pid: int) -> float:
    """Seconds that the event loop of a process could have run and had no processor: that of a busy machine."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e9


def _left(pid: int, before: int) -> int:
    """How many descriptors more than before the server has some time after the peers left."""
    until = time.monotonic() + 15
    while (left := descriptors(pid).total() - before) > 0 and time.monotonic() < until:
        time.sleep(0.1)
    return max(left, 0)


def _tell(result: Result, told: dict[str, dict[str, float]], calm: Honest, honest: Honest) -> None:
    """Put what was measured into the result, and hold it to what was promised."""
    for kind, count in told["seen"].items():
        result.histogram[kind] = int(count)
    result.count = sum(result.histogram.values())
    result.reached = sum(result.histogram.get(kind, 0) for kind in REACHED)
    result.accepted = sum(result.histogram.get(kind, 0) for kind in ACCEPTED)
    result.slowest_ms = 1000 * max(honest.all_times, default=0.0)
    for kind in ENDED:
        life = told["lives"].get(kind, 0.0)
        result.figures[f"longest life, {kind}"] = f"{life:.1f} s"
        if life > LIFE_SECONDS:
            result.failures.append(f"a peer ({kind}) was let be for {life:.1f} s")
    for name, client in (("without peers", calm), ("beside them", honest)):
        p50, p99 = percentiles(client.all_times)
        calls = f"{len(client.all_times):,} honest calls, {client.failures.total()} failed"
        result.figures[name] = f"{calls}, p50 {p50:.1f} ms, p99 {p99:.1f} ms"
    for what, times in sorted(honest.times.items()):
        p50, p99 = percentiles(times)
        result.figures[f"of them {what}"] = f"{len(times):,}, p50 {p50:.1f} ms, p99 {p99:.1f} ms"
    result.failures += [f"{times} x {failure}" for failure, times in honest.failures.items()]
    if (p99 := percentiles(honest.all_times)[1]) > P99_MS:
        result.failures.append(f"honest calls: p99 {p99:.1f} ms")
