"""What a run pays first: a server's whole process until it answers, its first upload and its hundredth.

`python -m bench.cold NAME=PYTHON …` has the servers of other environments take turns with this one's.
"""

from __future__ import annotations

import http.client
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence

from bench.uploads import body, photo

ROUNDS = 15
SERVE = ("-m", "fauxscale", "serve", "--port", "0", "--json", "--quiet")
RIVALS: Mapping[str, Sequence[str]] = {
    "bare": (sys.executable, "-m", "bench.bare"),
    "fauxscale": (sys.executable, *SERVE),
}


def life(command: Sequence[str], data: bytes) -> tuple[float, float, float]:
    """Seconds until a new process answers a call, of its first upload, and of the hundredth."""
    launched = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        port = int(line) if line.strip().isdigit() else int(json.loads(line)["url"].rpartition(":")[2])
        connection = http.client.HTTPConnection("127.0.0.1", port)
        connection.request("GET", "/nothing")
        connection.getresponse().read()
        ready = time.perf_counter() - launched
        uploads: list[float] = []
        for _ in range(100):
            started = time.perf_counter()
            headers = {"Api-Key": "bench", "Content-Type": "multipart/form-data; boundary=b"}
            connection.request("POST", "/ideogram/upscale", data, headers)
            reply = connection.getresponse()
            reply.read()
            if reply.status != 200:
                raise SystemExit(f"answered {reply.status}")
            uploads.append(time.perf_counter() - started)
        connection.close()
        process.terminate()
    return ready, uploads[0], uploads[-1]


def main(others: Mapping[str, Sequence[str]] | None = None) -> None:
    rivals = {**RIVALS, **(others or {})}
    data = body(photo(0.09, "JPEG"))
    seen: dict[str, list[tuple[float, float, float]]] = {name: [] for name in rivals}
    for command in rivals.values():
        life(command, data)  # what Python keeps of its modules is written
    for number in range(ROUNDS):
        names = list(rivals)
        shift = number % len(names)
        for name in names[shift:] + names[:shift]:
            seen[name].append(life(rivals[name], data))
    print(f"whole processes, JPEG of 0.1 MB, median of {ROUNDS}, ms (and the times that of fauxscale)")
    print(f"  {'':12}{'until it answers':>18}{'first upload':>18}{'hundredth':>18}")
    ours = [statistics.median(times) for times in zip(*seen["fauxscale"], strict=True)]
    for name, lives in seen.items():
        medians = [statistics.median(times) for times in zip(*lives, strict=True)]
        told = (
            f"{1000 * one:10.1f} ({one / own:.2f})".rjust(18) for one, own in zip(medians, ours, strict=True)
        )
        print(f"  {name:12}{''.join(told)}")


if __name__ == "__main__":
    named = (one.partition("=") for one in sys.argv[1:])
    main({name: (python, *SERVE) for name, _, python in named})
