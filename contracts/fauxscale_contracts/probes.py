"""The smallest questions that show whether a service still answers as recorded, and what each may cost."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BytesIO

import httpx

from .contract.exchange import Exchange, Reply, Request
from .contract.multipart import Part, join

# Dollars for one upscaled picture, at each of the services (their price lists, 2026).
PRICE = 0.06
NO_KEY = "drift-probe-no-such-key"


@dataclass(frozen=True, slots=True)
class Ask:
    """What a probe sends to: the base URL its clients use, and the headers with the key."""

    base_url: str
    headers: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Probe:
    """One question. In dollars: `cost` if all is as recorded, `risk` if the service takes what it should refuse.

    A probe that costs must succeed; one that is `free` succeeds with a good key and never costs.
    """

    id: str
    operation: str
    make: Callable[[Ask], Request]
    cost: float = 0.0
    risk: float = 0.0
    valid_key: bool = True
    free: bool = False

    @property
    def most(self) -> float:
        return max(self.cost, self.risk)


class Unreachable(Exception):
    """A service that could not be probed, and why: no drift can be told of it."""


def picture(side: int = 64) -> bytes:
    """A small picture with edges and slopes."""
    from PIL import Image

    image = Image.linear_gradient("L").crop((0, 0, side, side)).convert("RGB")
    image.paste((200, 30, 60), (0, 0, side // 3, side // 3))
    out = BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def _form(path: str, fields: Mapping[str, str], file: str | None) -> Callable[[Ask], Request]:
    def make(ask: Ask) -> Request:
        parts = [Part(name, data=value.encode()) for name, value in fields.items()]
        if file is not None:
            parts.append(Part(file, "drift.png", "image/png", picture()))
        content_type, body = join(parts)
        return Request("POST", ask.base_url + path, (*ask.headers, ("Content-Type", content_type)), body)

    return make


def _json(path: str, *, with_picture: bool) -> Callable[[Ask], Request]:
    def make(ask: Ask) -> Request:
        address = f"data:image/png;base64,{base64.b64encode(picture()).decode()}"
        body = json.dumps({"image_url": address} if with_picture else {"prompt": "a cat"}).encode()
        headers = (*ask.headers, ("Content-Type", "application/json"))
        return Request("POST", ask.base_url + path, headers, body)

    return make


def _get(path: str) -> Callable[[Ask], Request]:
    return lambda ask: Request("GET", ask.base_url + path, ask.headers)


def _gateway(name: str, model: str) -> tuple[Probe, ...]:
    edits, path = f"{name}.edits", "/images/edits"
    fields = {"model": model, "prompt": "a cat"}
    return (
        Probe("a small picture", edits, _form(path, fields, "image"), cost=PRICE),
        Probe("no picture", edits, _form(path, fields, None)),
        Probe("a wrong key", edits, _form(path, fields, "image"), valid_key=False),
        Probe("the models", f"{name}.models", _get("/models"), free=True),
    )


_UPSCALE = "/fal-ai/ideogram/upscale"
PROBES: Mapping[str, tuple[Probe, ...]] = {
    "ideogram": (
        Probe(
            "a small picture",
            "ideogram.upscale",
            _form("/upscale", {"image_request": "{}"}, "image_file"),
            cost=PRICE,
        ),
        Probe("no picture", "ideogram.upscale", _form("/upscale", {"image_request": "{}"}, None)),
        Probe(
            "a value too large",
            "ideogram.upscale",
            _form("/upscale", {"image_request": '{"resemblance": 101}'}, "image_file"),
            risk=PRICE,
        ),
        Probe(
            "a wrong key",
            "ideogram.upscale",
            _form("/upscale", {"image_request": "{}"}, "image_file"),
            valid_key=False,
        ),
    ),
    "aigateway": _gateway("aigateway", "ideogram/ideogram-upscale"),
    "lumenfall": _gateway("lumenfall", "ideogram-upscale"),
    "fal": (
        Probe("a small picture", "fal.run", _json(_UPSCALE, with_picture=True), cost=PRICE),
        Probe("no picture", "fal.run", _json(_UPSCALE, with_picture=False)),
        Probe("a wrong key", "fal.run", _json(_UPSCALE, with_picture=True), valid_key=False),
    ),
}
_KEYS = {"ideogram": ("Api-Key", ""), "fal": ("Authorization", "Key ")}


async def run(
    provider: str, base_url: str, key: str, http: httpx.AsyncClient, *, timeout: float = 120.0
) -> dict[str, Exchange]:
    """Every probe's exchange by the probe's id, and that of the first result's link as `its picture`.

    A whole answer may take `timeout` seconds. Raises Unreachable if the service cannot be reached, is in trouble,
    or refuses the key or the one paid probe.
    """
    found: dict[str, Exchange] = {}
    for probe in PROBES[provider]:
        exchange = await ask(provider, probe, base_url, key, http, timeout=timeout)
        _is_well(exchange)
        found[probe.id] = exchange
        if probe.cost:
            _must_do(exchange)
            if (link := _first_link(exchange)) is not None:
                picture = await _send(http, Request("GET", link), f"{provider}.download", timeout)
                _is_well(picture)
                found["its picture"] = picture
    return found


async def ask(
    provider: str, probe: Probe, base_url: str, key: str, http: httpx.AsyncClient, *, timeout: float
) -> Exchange:
    """One probe, whatever is answered. Raises Unreachable if nothing is, or a redirect."""
    name, prefix = _KEYS.get(provider, ("Authorization", "Bearer "))
    headers = ((name, prefix + (key if probe.valid_key else NO_KEY)),)
    request = probe.make(Ask(base_url.rstrip("/"), headers))
    return await _send(http, request, probe.operation, timeout)


async def _send(http: httpx.AsyncClient, request: Request, operation: str, timeout: float) -> Exchange:
    place = request.url.partition("?")[0]
    try:
        # Of the whole answer: the library's own time-outs begin anew with every byte.
        async with asyncio.timeout(timeout):
            answer = await http.request(
                request.method, request.url, headers=list(request.headers), content=request.body
            )
    except (TimeoutError, httpx.TimeoutException):
        raise Unreachable(f"{request.method} {place} gave no whole answer within {timeout:g} s") from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise Unreachable(f"{request.method} {place} failed: {error or type(error).__name__}") from None
    if answer.is_redirect:
        target = answer.headers.get("location", "nowhere")
        raise Unreachable(f"{request.method} {place} was redirected to {target}: is --base-url right?")
    headers = tuple(pair for pair in answer.headers.multi_items() if pair[0] != "content-encoding")
    if "content-encoding" in answer.headers:  # undone, and the length with it
        headers = tuple(pair for pair in headers if pair[0] != "content-length")
    return Exchange(request, Reply(answer.status_code, headers, answer.content), operation)


def said(exchange: Exchange) -> str:
    """Where a call went and what was answered, in one line."""
    reply = exchange.reply
    assert reply is not None  # _send raises where none came
    text = " ".join(reply.body[:300].decode(errors="replace").split())
    return f"{exchange.request.url.partition('?')[0]} answered {reply.status}: {text}"


def _is_well(exchange: Exchange) -> None:
    """No probe asks for these answers: they are of this moment, and say nothing of drift."""
    status = exchange.reply.status if exchange.reply else 0
    if status == 429 or status >= 500:
        why = "too many calls" if status == 429 else "the service is in trouble"
        raise Unreachable(f"{why}: {said(exchange)}")


def _must_do(exchange: Exchange) -> None:
    """Refusals of this key and of this wallet say nothing of drift either."""
    why = {401: "the key was refused", 403: "the key was refused", 402: "there is no credit left"}
    if exchange.reply is not None and exchange.reply.status in why:
        raise Unreachable(f"{why[exchange.reply.status]}: {said(exchange)}")


def _first_link(exchange: Exchange) -> str | None:
    """Where the first result is: `data[0].url`, or `images[0].url`."""
    try:
        body = json.loads(exchange.reply.body if exchange.reply else b"")
        found = (body.get("data") or body.get("images"))[0].get("url")
    except (ValueError, AttributeError, TypeError, LookupError, RecursionError):
        return None
    return found if isinstance(found, str) and found.startswith(("http://", "https://")) else None
