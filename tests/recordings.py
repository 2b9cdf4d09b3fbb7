"""Recordings made on the spot: a stand-in plays the service, the recorder stands before it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx

from fauxscale import MockServer
from fauxscale.recordings.har import Recording
from fauxscale_contracts.profiles.installed import profile
from fauxscale_contracts.record.proxy import Recorder


def key_header(provider: str, key: str) -> dict[str, str]:
    name, prefix = profile(provider).key_header
    return {name: prefix + key}


class Through:
    """A client whose calls go through a recorder to `upstream`; `lines` is what the recorder told."""

    def __init__(self, upstream: str, folder: Path, *, timeout: float = 30.0) -> None:
        self.lines: list[str] = []
        self.failures = 0
        self._upstream, self._recording, self._timeout = upstream, Recording(folder), timeout

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        async def ask() -> httpx.Response:
            async with httpx.AsyncClient() as onward:
                recorder = Recorder(
                    self._upstream, self._recording, self.lines.append, timeout=self._timeout, client=onward
                )
                transport = httpx.ASGITransport(recorder)
                async with httpx.AsyncClient(transport=transport, base_url="http://recorder") as http:
                    response = await http.request(method, path, **options)
            self.failures += recorder.failures
            return response

        return asyncio.run(ask())


def upscale(photo: bytes, request: str = "{}") -> dict[str, Any]:
    """What httpx needs for an Ideogram upscale."""
    return {"data": {"image_request": request}, "files": {"image_file": ("a.png", photo, "image/png")}}


def record_ideogram(
    mock: MockServer, folder: Path, photo: bytes, request: str = "{}", *, key: str = ""
) -> httpx.Response:
    """One upscale and its picture, recorded."""
    key = key or mock.account().api_key("ideogram")
    through = Through(mock.base_url("ideogram"), folder)
    return through.ask("POST", "/upscale", headers=key_header("ideogram", key), **upscale(photo, request))
