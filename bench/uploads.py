"""Uploads a second against a bare Starlette handler on the same server: what judging and remembering cost."""

from __future__ import annotations

import contextlib
import http.client
import io
import json
import subprocess
import sys
import time
from collections.abc import Callable, Generator

from PIL import Image

from bench.ratios import compare

ROUNDS = 9
CALLS = 40


def photo(megabytes: float, kind: str = "PNG") -> bytes:
    """A picture of about this size: noise on a gradient, so that it compresses as photos do."""
    side = 1024 if megabytes > 0.5 else 256
    while True:
        noise = Image.effect_noise((side, side), 18).convert("RGB")
        out = io.BytesIO()
        Image.blend(noise, Image.linear_gradient("L").resize((side, side)).convert("RGB"), 0.5).save(
            out, kind
        )
        if out.tell() >= megabytes * 1e6:
            return out.getvalue()
        side = int(side * 1.04)


def body(picture: bytes) -> bytes:
    return (
        b'--b\r\nContent-Disposition: form-data; name="image_request"\r\n\r\n{"resemblance": 55}\r\n'
        b'--b\r\nContent-Disposition: form-data; name="image_file"; filename="a.png"\r\n'
        b"Content-Type: image/png\r\n\r\n" + picture + b"\r\n--b--\r\n"
    )


@contextlib.contextmanager
def running(*command: str) -> Generator[int]:
    """A server in a process of its own; gives its port."""
    process = subprocess.Popen([sys.executable, "-m", *command], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        yield int(line) if line.strip().isdigit() else int(json.loads(line)["url"].rpartition(":")[2])
    finally:
        process.terminate()
        process.wait()


def rate(port: int, data: bytes) -> Callable[[], float]:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    headers = {"Api-Key": "bench", "Content-Type": "multipart/form-data; boundary=b"}

    def run() -> float:
        started = time.perf_counter()
        for _ in range(CALLS):
            connection.request("POST", "/ideogram/upscale", data, headers)
            reply = connection.getresponse()
            reply.read()
            if reply.status != 200:
                raise SystemExit(f"answered {reply.status}")
        return CALLS / (time.perf_counter() - started)

    return run


def main() -> None:
    print(
        "uploads a second, bare Starlette (parses the same form, throws it away) = 1.00; no picture is looked at"
    )
    quiet = ("serve", "--port", "0", "--json", "--quiet")
    with running("fauxscale", *quiet) as ours, running("bench.bare") as bare:
        for megabytes, kind in ((0.09, "JPEG"), (1.0, "PNG"), (1.8, "PNG"), (9.0, "PNG")):
            data = body(photo(megabytes, kind))
            rivals = {"bare": rate(bare, data), "fauxscale": rate(ours, data)}
            ratio = compare(rivals, rounds=ROUNDS, reference="bare")["fauxscale"]
            print(f"  {kind:4} {len(data) / 1e6:5.2f} MB  {ratio:5.2f}")
