"""Memory: each kind of answer and each format at its largest legal size, one after the other, on a server of its own.

`python -m tests.torture.memory BYTES` is that server, with so much memory for renderings. The short form has a
sixteenth of the pixels and of that memory.
"""

from __future__ import annotations

import base64
import io
import itertools
import json
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

import httpx
from PIL import Image, ImageFile

from fauxscale import MockServer
from fauxscale.images.peaks import memory_to_enlarge
from fauxscale.images.probe import probe
from fauxscale.settings import Settings

from .harness import Limits
from .measures import peak, resident
from .results import Result, load, machine

COUNT = 32
SIDE, SHORT_SIDE = 5_000, 1_250
AVIF_SIDE = 800
"""Lumenfall's AVIF results have 1,600 pixels a side at most."""
MOST_FILE = 10_000_000
ALLOWANCE = 640 * 1024 * 1024
"""Beside renderings: uploads (64 MiB), results (128 MiB, or a larger one), and one as text in a reply, of 340 MB."""
KEY = "memory-key"
FORMATS = ("png", "jpeg", "webp", "gif", "avif")
_PROMISE = (
    "an answer takes no more memory than renderings may (rendering_memory, or what the one under way asks for), "
    f"and {ALLOWANCE // 2**20} MiB, and none is a 5xx"
)


@dataclass(frozen=True, slots=True)
class Case:
    """An answer, the format in it, and the kind of picture that is sent for it."""

    answer: str
    format: str
    source: str

    def __str__(self) -> str:
        return f"{self.answer} {self.format} of {self.source}"


SOURCES: dict[str, tuple[str, str, dict[str, object]]] = {
    "JPEG": ("JPEG", "RGB", {}),
    "progressive JPEG": ("JPEG", "RGB", {"progressive": True, "subsampling": 0}),
    "PNG with alpha": ("PNG", "RGBA", {"compress_level": 1}),
    "WebP with alpha": ("WEBP", "RGBA", {"method": 0}),
}
"""What is sent: format, mode and options."""


@lru_cache(maxsize=2)
def source(name: str, side: int, seed: int) -> bytes:
    """The noisiest picture of this kind and size that is not too large as a file."""
    kind, mode, options = SOURCES[name]
    bands = Image.getmodebands(mode)
    dice = random.Random(f"{seed} {name}")
    if kind == "PNG":  # noise in which each row repeats itself: other noise is four times too large
        tile = Image.frombytes(mode, (256, side), dice.randbytes(bands * 256 * side))
        image = Image.new(mode, (side, side))
        for left in range(0, side, tile.width):
            image.paste(tile, (left, 0))
    else:
        image = Image.frombytes(mode, (side, side), dice.randbytes(bands * side * side))
        if bands == 4:  # as noise it alone is too large a file: it is stored without loss
            image.putalpha(Image.radial_gradient("L").resize((side, side)))
    ImageFile.MAXBLOCK = 1 << 26  # where a progressive file has to fit
    for quality in (60, 30, 15, 8, 4, 1):
        file = io.BytesIO()
        image.save(file, kind, **options, **({} if kind == "PNG" else {"quality": quality}))
        if file.tell() <= MOST_FILE:
            return file.getvalue()
    raise AssertionError(f"{name} of {side} pixels a side does not fit")


def cases(seed: int) -> Sequence[Case]:
    """Every case, in an order drawn from the seed."""
    # What a rendering takes hangs on the format and on the source; what an answer adds hangs on its bytes alone.
    made = [Case("link", *one) for one in itertools.product(FORMATS, SOURCES)]
    made += [Case("base64 of ten", format_, "JPEG") for format_ in FORMATS]
    made += [Case(answer, "png", "PNG with alpha") for answer in ANSWERS]
    random.Random(seed).shuffle(made)
    return made


class Caller:
    """Asks the server under test, and reads what it answers without keeping it."""

    def __init__(self, url: str) -> None:
        self.http = httpx.Client(base_url=url, timeout=1_800, trust_env=False)

    def lumenfall(self, case: Case, data: bytes) -> int:
        form = {"model": "ideogram-upscale", "output_format": case.format, "n": "1"}
        if case.answer != "link":
            form |= {"response_format": "b64_json", "n": "10"}
        return self._linked("/lumenfall/openai/v1/images/edits", form, "image", data, case.answer == "link")

    def ideogram(self, case: Case, data: bytes) -> int:
        return self._linked("/ideogram/upscale", {"image_request": "{}"}, "image_file", data, True)

    def inspector(self, case: Case, data: bytes) -> int:
        """The picture of the inspector, which is read by no link."""
        status = self._linked("/ideogram/upscale", {"image_request": "{}"}, "image_file", data, False)
        row = self.http.get("/__fauxscale/api/inspector/calls").json()["calls"][0]
        path = f"/__fauxscale/api/inspector/pictures/{row['account']}/{row['n']}/after"
        return status if status != 200 else self.read("GET", path)

    def aigateway(self, case: Case, data: bytes) -> int:
        form = {"model": "ideogram/ideogram-upscale", "prompt": "a", "response_format": "b64_json"}
        return self._linked("/aigateway/v1/images/edits", form, "image", data, False)

    def ranges(self, case: Case, data: bytes) -> int:
        """A link that is read whole, by its end, and by its head."""
        link = self._link("/ideogram/upscale", {"image_request": "{}"}, "image_file", data)
        asked = [self.read("GET", link), self.read("GET", link, {"range": "bytes=-1000000"})]
        return max(*asked, self.read("HEAD", link))

    def fal(self, case: Case, data: bytes) -> int:
        return self.read("POST", "/fal/run/fal-ai/ideogram/upscale", self._fal, self._named(data))

    def fal_queue(self, case: Case, data: bytes) -> int:
        path = "/fal/queue/fal-ai/ideogram/upscale"
        job = self.http.post(path, headers=self._fal, content=self._named(data))
        return job.status_code if job.is_error else self.read("GET", job.json()["response_url"], self._fal)

    def read(
        self, method: str, path: str, headers: dict[str, str] | None = None, content: bytes | None = None
    ) -> int:
        """Read an answer to its end and forget it; returns its status."""
        with self.http.stream(method, path, headers=headers, content=content) as reply:
            for _ in reply.iter_raw():
                pass
            return reply.status_code

    _fal = {"authorization": f"Key {KEY}", "content-type": "application/json"}  # noqa: RUF012  # read only

    def _named(self, data: bytes) -> bytes:
        """The input of fal's model: the picture in it, and wanted in the answer."""
        packed = base64.b64encode(data).decode()
        address = f"data:application/octet-stream;base64,{packed}"
        return json.dumps({"image_url": address, "sync_mode": True}).encode()

    def _linked(self, path: str, form: dict[str, str], part: str, data: bytes, followed: bool) -> int:
        if followed:
            return self.read("GET", self._link(path, form, part, data))
        headers = {"api-key": KEY, "authorization": f"Bearer {KEY}"}
        request = self.http.build_request("POST", path, data=form, files={part: ("a", data)}, headers=headers)
        reply = self.http.send(request, stream=True)
        try:
            for _ in reply.iter_raw():
                pass
            return reply.status_code
        finally:
            reply.close()

    def _link(self, path: str, form: dict[str, str], part: str, data: bytes) -> str:
        headers = {"api-key": KEY, "authorization": f"Bearer {KEY}"}
        reply = self.http.post(path, data=form, files={part: ("a", data)}, headers=headers)
        if reply.is_error:
            raise Refused(reply.status_code, reply.text)
        return str(reply.json()["data"][0]["url"])


class Refused(Exception):
    """An upload was answered with an error: its status and body."""


Answer = Callable[[Caller, Case, bytes], int]
ANSWERS: dict[str, Answer] = {
    "Ideogram's link": Caller.ideogram,
    "the inspector's picture": Caller.inspector,
    "AIgateway's base64": Caller.aigateway,
    "ranges of a link": Caller.ranges,
    "fal's data URI": Caller.fal,
    "fal's data URI, from the queue": Caller.fal_queue,
    "a link, read again": lambda caller, case, data: max(
        caller.ideogram(case, data), caller.ideogram(case, data)
    ),
}


def budget(case: Case, data: bytes, rendering: int) -> int:
    """The bytes that the server may take at its peak while it makes this answer."""
    picture = probe(data)
    asked = memory_to_enlarge(picture, 2 * picture.width, 2 * picture.height, case.format.upper())
    return max(rendering, asked) + ALLOWANCE


@contextmanager
def served(rendering: int) -> Generator[tuple[str, int]]:
    """A server with so much memory for renderings, in a process of its own: its address and its process."""
    command = [sys.executable, "-m", "tests.torture.memory", str(rendering)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip(), process.pid
        finally:
            process.stdin.close()


def torture(seed: int, limits: Limits) -> Result:
    """Have every answer made once, and measure the server's peak with each."""
    short = limits.seconds < float("inf")
    side = SHORT_SIDE if short else SIDE
    rendering = Settings().rendering_memory // (SIDE // side) ** 2
    before = load("memory", limits.kept) if limits.resume else None
    result = before.again() if before and before.seed == seed else Result("memory", _PROMISE, seed)
    result.machine, result.date = machine(), f"{datetime.now(UTC):%Y-%m-%d}"
    result.figures["pixels a side, sent"] = f"{side:,}"
    histogram, begun, spent = Counter(result.histogram), time.monotonic(), result.seconds
    with served(rendering) as (url, pid):
        caller = Caller(url)
        _try(caller, pid, Case("link", "png", "JPEG"), source("JPEG", 8, seed), rendering)  # what loads once
        for case in cases(seed)[result.count : limits.count]:
            if time.monotonic() - begun > limits.seconds:
                break
            data = source(case.source, AVIF_SIDE if case.format == "avif" else side, seed)
            since = time.monotonic()
            what, taken, allowed = _try(caller, pid, case, data, rendering)
            result.slowest_ms = max(result.slowest_ms, 1_000 * (time.monotonic() - since))
            histogram[f"{case.answer} {case.format}: {what}"] += 1
            result.count += 1
            result.reached += not what.startswith("5")
            result.accepted += what.startswith("2")
            if taken / 2**20 > result.peak_mib:
                result.peak_mib = taken / 2**20
                result.figures["most for"] = f"{case}, {taken / allowed:.0%} of what it may take"
            if what.startswith("5") or not what[:1].isdigit():
                result.failures.append(f"try {result.count - 1} {case} is answered {what}")
            if taken > allowed:
                most = f"{taken / 2**20:,.0f} MiB, of {allowed / 2**20:,.0f}"
                result.failures.append(f"try {result.count - 1} {case} takes {most}")
            result.histogram, result.seconds = dict(histogram), spent + time.monotonic() - begun
            result.figures["memory afterwards"] = f"{resident(pid) / 2**20:,.0f} MiB"
            result.save(limits.kept)
        caller.http.close()
    return result


def _try(caller: Caller, pid: int, case: Case, data: bytes, rendering: int) -> tuple[str, int, int]:
    """Have one answer made: its status, the most memory the server took meanwhile, and how much it may."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")  # the peak so far is forgotten
    ask = ANSWERS.get(case.answer, Caller.lumenfall)
    try:
        what = str(ask(caller, case, data))
    except Refused as refused:
        what = str(refused.args[0])
    except httpx.TransportError as error:
        what = repr(error)
    taken = peak(pid)
    caller.http.post("/__fauxscale/api/reset")
    return what, taken, budget(case, data, rendering)


if __name__ == "__main__":
    with MockServer(Settings(rendering_memory=int(sys.argv[1]))) as mock:
        print(mock.url, flush=True)
        sys.stdin.read()
