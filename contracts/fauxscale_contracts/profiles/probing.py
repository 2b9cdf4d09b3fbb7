"""Sends a profile's probes to a service: the smallest requests that show whether it still answers as recorded."""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import time
from collections.abc import Mapping
from io import BytesIO
from types import MappingProxyType
from typing import Any, cast
from urllib.parse import urlsplit

import httpx

from fauxscale.clock import wait
from fauxscale.errors import FauxscaleError
from fauxscale.hosts import is_loopback
from fauxscale_contracts.contract.exchange import Exchange, Headers, Reply, Request
from fauxscale_contracts.contract.multipart import Part, join

from .loading import load
from .profile import Job, Probe, Profile

NO_KEY = "drift-probe-no-such-key"
_PAUSE = 0.5  # seconds between two polls of a job


class Unreachable(FauxscaleError):
    """Raised for a service that could not be probed, with the reason: nothing is known about drift."""


async def run(
    profile: Profile,
    base_url: str,
    key: str,
    http: httpx.AsyncClient,
    *,
    timeout: float = 120.0,
    sent: Mapping[str, Exchange] = MappingProxyType({}),
) -> dict[str, Exchange]:
    """Send every probe except those `sent` before; returns the exchanges by the probe's id, and that of the first
    result as `its picture`.

    A whole answer may take `timeout` seconds, and so may a job. Raises Unreachable if the service cannot be
    reached, is in trouble, or refuses the key or the one paid probe.
    """
    found: dict[str, Exchange] = {}
    for probe in profile.probes:
        exchange = sent.get(probe.id) or await ask(profile, probe, base_url, key, http, timeout=timeout)
        _check_well(exchange)
        found[probe.id] = exchange
        if probe.cost:
            _check_admitted(exchange)
            if profile.job is not None and profile.job.path:
                exchange = await _finished(profile, profile.job, exchange, base_url, key, http, timeout)
                found["its job"] = exchange
            picture = await _first_picture(profile, exchange, base_url, http, timeout)
            if picture is not None:
                found["its picture"] = picture
    return found


async def ask(
    profile: Profile,
    probe: Probe,
    base_url: str,
    key: str,
    http: httpx.AsyncClient,
    *,
    timeout: float,
    picture: bytes | None = None,
) -> Exchange:
    """Send one probe, perhaps with another picture, and return the exchange. Raises Unreachable if there is no answer,
    or a redirect."""
    return await _send(http, request(profile, probe, base_url, key, picture), probe.operation, timeout)


async def read(profile: Profile, link: str, http: httpx.AsyncClient, timeout: float) -> Exchange:
    """Read a link. Raises Unreachable if there is no answer, or a redirect."""
    return await _send(http, Request("GET", link), profile.download, timeout)


def is_known(profile: Profile, base_url: str, link: str) -> bool:
    """Whether a link is on the service that the user named, on this machine, or on a host of the contract: no other
    host is called, whatever an answer says."""
    host = urlsplit(link).hostname or ""
    named = host == urlsplit(base_url).hostname
    return named or is_loopback(host) or load(profile.name).find("GET", link) is not None


def request(profile: Profile, probe: Probe, base_url: str, key: str, picture: bytes | None = None) -> Request:
    """Make the request of a probe, with a key that was never issued if it needs a wrong one."""
    headers = _key_headers(profile, key if probe.valid_key else NO_KEY)
    url = base_url.rstrip("/") + probe.path
    if probe.encoding == "none":
        return Request(probe.method, url, headers)
    data = (sample_picture(profile.side) if picture is None else picture) if probe.picture else b""
    if probe.encoding == "form":
        parts = [Part(name, data=value.encode()) for name, value in probe.fields.items()]
        if probe.picture:
            parts.append(Part(probe.picture, "drift.png", "image/png", data))
        content_type, body = join(parts)
    else:
        members = dict(probe.fields)
        if probe.picture:
            members[probe.picture] = f"data:image/png;base64,{base64.b64encode(data).decode()}"
        content_type, body = "application/json", json.dumps(members).encode()
    return Request(probe.method, url, (*headers, ("Content-Type", content_type)), body)


def sample_picture(side: int) -> bytes:
    """Draw a small picture with edges and gradients."""
    from PIL import Image

    image = Image.linear_gradient("L").crop((0, 0, side, side)).convert("RGB")
    image.paste((200, 30, 60), (0, 0, side // 3, side // 3))
    out = BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def summary(exchange: Exchange) -> str:
    """Say in one line where a call went and how it was answered."""
    reply = exchange.reply
    assert reply is not None  # _send raises if there was none
    text = " ".join(reply.body[:300].decode(errors="replace").split())
    return f"{exchange.request.url.partition('?')[0]} answered {reply.status}: {text}"


async def _send(http: httpx.AsyncClient, request: Request, operation: str, timeout: float) -> Exchange:
    place = request.url.partition("?")[0]
    began = time.perf_counter()
    try:
        # A limit for the whole answer: the library's own time-outs restart with every byte.
        async with asyncio.timeout(timeout):
            answer = await http.request(
                request.method, request.url, headers=list(request.headers), content=request.body
            )
    except (TimeoutError, httpx.TimeoutException):
        raise Unreachable(f"{request.method} {place} gave no complete reply within {timeout:g} s") from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise Unreachable(f"{request.method} {place} failed: {error or type(error).__name__}") from None
    if answer.is_redirect:
        target = answer.headers.get("location", "nowhere")
        raise Unreachable(f"{request.method} {place} was redirected to {target}: is --base-url right?")
    headers = tuple(pair for pair in answer.headers.multi_items() if pair[0] != "content-encoding")
    if "content-encoding" in answer.headers:  # decoded, so the length is wrong as well
        headers = tuple(pair for pair in headers if pair[0] != "content-length")
    reply = Reply(answer.status_code, headers, answer.content)
    return Exchange(request, reply, operation, seconds=time.perf_counter() - began)


async def _finished(
    profile: Profile,
    job: Job,
    submitted: Exchange,
    base_url: str,
    key: str,
    http: httpx.AsyncClient,
    timeout: float,
) -> Exchange:
    """Poll a job until it ends. Raises Unreachable if it does not end in time."""
    name = value_at(_json(submitted), job.id_at)
    if not isinstance(name, str | int):
        return submitted
    url = base_url.rstrip("/") + job.path.replace("{id}", str(name))
    asked = Request("GET", url, _key_headers(profile, key))
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout
    while True:
        exchange = await _send(http, asked, job.result, timeout)
        _check_well(exchange)
        status = exchange.reply.status if exchange.reply else 0
        state = value_at(_json(exchange), job.state_at) if job.state_at else status
        if state not in job.pending:
            return exchange
        if loop.time() > deadline:
            raise Unreachable(f"the job was not done within {timeout:g} s: {summary(exchange)}")
        await wait(_PAUSE)


async def _first_picture(
    profile: Profile, exchange: Exchange, base_url: str, http: httpx.AsyncClient, timeout: float
) -> Exchange | None:
    """Fetch or decode the first result; None if the reply has none, or its link is on another host."""
    results = profile.results
    if results.carrier == "body":
        return None  # the probe's own exchange has it
    found = value_at(_json(exchange), results.pointer)
    if not isinstance(found, str):
        return None
    if results.carrier == "base64":
        try:
            data = base64.b64decode(found.rpartition(",")[2], validate=True)
        except (binascii.Error, ValueError):
            return None
        media_type = f"image/{profile.result_format.lower()}"
        return Exchange(exchange.request, Reply(200, (("content-type", media_type),), data), "")
    if not found.startswith(("http://", "https://")) or not is_known(profile, base_url, found):
        return None
    picture = await read(profile, found, http, timeout)
    _check_well(picture)
    return picture


def _key_headers(profile: Profile, key: str) -> Headers:
    name, prefix = profile.key_header
    return ((name, prefix + key),)


def _check_well(exchange: Exchange) -> None:
    """Raise Unreachable for answers that no probe asks for: they are temporary, and say nothing about drift."""
    status = exchange.reply.status if exchange.reply else 0
    if status == 429 or status >= 500:
        why = "too many calls" if status == 429 else "the service is in trouble"
        raise Unreachable(f"{why}: {summary(exchange)}")


def _check_admitted(exchange: Exchange) -> None:
    """Raise Unreachable for refusals of this key and of this wallet: they say nothing about drift either."""
    why = {401: "the key was refused", 403: "the key was refused", 402: "no credit left"}
    if exchange.reply is not None and exchange.reply.status in why:
        raise Unreachable(f"{why[exchange.reply.status]}: {summary(exchange)}")


def _json(exchange: Exchange) -> Any:
    try:
        return json.loads(exchange.reply.body if exchange.reply else b"")
    except (ValueError, RecursionError):
        return None


def value_at(value: Any, pointer: str) -> Any:
    """Read the value at a JSON pointer, None if there is none."""
    for step in pointer.split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(value, Mapping):
            value = cast("Mapping[str, Any]", value).get(name)
        elif isinstance(value, list) and name.isdecimal() and int(name) < len(cast("list[object]", value)):
            value = cast("list[object]", value)[int(name)]
        else:
            return None
    return value
