"""Memory and cost after many calls on one account, and the latency of JSON while pictures are made on every core."""

from __future__ import annotations

import http.client
import json
import os
import struct
import threading
import zlib
from collections.abc import Callable

from bench.load import Load, has_wrk, load
from bench.rivals import fauxscale, form, picture
from bench.servers import Request, Server, serving

CALLS = 100_000
UPLOADS = 1_000
SLICE_SECONDS = 10
MIB = 1024 * 1024
UPLOAD_CAP, JOURNAL_CAP = 64, 16
"""MiB of uploads in memory, and of the journal, by default."""
P99_REQUIRED, P99_HOPED = 10, 5


def room(charges: int, cap: int) -> float:
    """MiB that memory may grow by: a cap and a fifth, 20 MiB, and 100 bytes a charge."""
    return cap * 1.2 + 20 + 100 * charges / MIB


def distinct(png: bytes, number: int) -> bytes:
    """The same picture as another file: with a number in a chunk of text, behind the 33 bytes of signature and IHDR."""
    text = b"tEXtnumber\0%d" % number
    chunk = struct.pack(">I", len(text) - 4) + text + struct.pack(">I", zlib.crc32(text))
    return png[:33] + chunk + png[33:]


def _send(server: Server, request: Request) -> dict[str, object]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    try:
        connection.request(request.method, request.path, request.body or None, dict(request.headers))
        reply = connection.getresponse()
        data = reply.read()
        if reply.status != 200:
            raise SystemExit(f"answered {reply.status}")
        return json.loads(data) if request.method == "POST" else {}
    finally:
        connection.close()


def many_calls(server: Server) -> None:
    """Upload a small picture again and again: what a call costs at the beginning and at the end, and the memory."""
    request = form(fauxscale(), picture(32, "PNG", 60))
    load(server, request, connections=4, seconds=2)
    before, done = server.memory(), 0
    slices: list[Load] = []
    while done < CALLS:
        slices.append(load(server, request, connections=4, seconds=SLICE_SECONDS))
        done += slices[-1].requests
    grown, may = server.memory() - before, room(done, JOURNAL_CAP)
    print(f"  {done:,} uploads on one account")
    print(f"    CPU us a call at first {slices[0].cpu:.0f}, at the end {slices[-1].cpu:.0f}")
    print(f"    memory grew by {grown:.1f} MiB; may grow by {may:.1f}")


def many_pictures(server: Server) -> None:
    """Upload pictures of 1 MB that all differ."""
    png = picture(790, "PNG", 60)
    _send(server, form(fauxscale(), png))
    before = server.memory()
    for number in range(UPLOADS):
        _send(server, form(fauxscale(), distinct(png, number)))
    grown, may = server.memory() - before, room(UPLOADS, UPLOAD_CAP + JOURNAL_CAP)
    print(f"  {UPLOADS:,} uploads of {len(png) / 1e6:.1f} MB, all different")
    print(f"    memory grew by {grown:.1f} MiB; may grow by {may:.1f}")


def while_rendering(server: Server) -> None:
    """Ask for JSON while as many clients as there are cores download pictures that have yet to be made."""
    png = picture(1024, "PNG", 30)
    stop = threading.Event()

    def render(first: int) -> None:
        number = first
        while not stop.is_set():
            number += 1
            reply = _send(server, form(fauxscale(), distinct(png, number)))
            results: list[dict[str, str]] = reply["data"]  # type: ignore[assignment]  # as Ideogram answers
            _send(server, Request(path="/" + results[0]["url"].split("/", 3)[3]))

    clients = [
        threading.Thread(target=render, args=(UPLOADS * (number + 2),))
        for number in range(os.cpu_count() or 1)
    ]
    asked = fauxscale().json
    idle = load(server, asked, connections=1, seconds=3)
    for one in clients:
        one.start()
    busy = load(server, asked, connections=1, seconds=10)
    stop.set()
    for one in clients:
        one.join()
    print(f"  p99 of JSON, ms: idle {idle.most:.2f}, all cores rendering {busy.most:.2f}", end="")
    print(f"; required {P99_REQUIRED}, hoped for {P99_HOPED}")


def main() -> None:
    print("one server, many calls")
    ours = fauxscale()
    for measure in _MEASURES:
        if measure is many_pictures or has_wrk():
            with serving(ours.name, ours.command, ours.probe) as server:
                measure(server)


_MEASURES: tuple[Callable[[Server], None], ...] = (many_calls, many_pictures, while_rendering)
