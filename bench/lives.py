"""How long MockServer takes to start (until calls are answered) and to stop, once imported."""

from __future__ import annotations

import http.client
import statistics
import time
from datetime import UTC, datetime

from fauxscale import MockServer
from tests.torture.measures import Held, peak
from tests.torture.results import Result, machine

LIVES = 200


def main() -> None:
    starts: list[float] = []
    stops: list[float] = []
    with MockServer():
        pass  # threads start, modules load
    held, begun = Held(), time.monotonic()
    for _ in range(LIVES):
        mock = MockServer()
        before = time.perf_counter()
        mock.start()
        ready = time.perf_counter()
        connection = http.client.HTTPConnection(mock.url.removeprefix("http://"))
        connection.request("GET", "/__fauxscale/api/health")
        connection.getresponse().read()
        leaving = time.perf_counter()
        mock.stop()
        starts.append((ready - before) * 1000)
        stops.append((time.perf_counter() - leaving) * 1000)
        connection.close()
    result = Result(
        "lives",
        "a server is ready when it is said to be, and leaves nothing behind",
        seed=0,
        count=LIVES,
        seconds=time.monotonic() - begun,
        slowest_ms=max(*starts, *stops),
        peak_mib=peak() / 2**20,
        failures=held.left(),
        date=f"{datetime.now(UTC):%Y-%m-%d}",
        machine=machine(),
    )
    print(
        f"MockServer, {LIVES} lives, ms: median / 99th percentile (stock uvicorn polls: its stop takes 200)"
    )
    for name, times in (("start", starts), ("stop", stops)):
        median, high = statistics.median(times), statistics.quantiles(times, n=100)[98]
        print(f"  {name:5}  {median:5.1f} / {high:5.1f}")
        result.figures[f"{name}, median and 99th percentile"] = f"{median:.1f} ms, {high:.1f} ms"
    print(f"  left   {'; '.join(result.failures) or 'nothing'}")
    result.save()
