"""Calls as clients make them, right and wrong ones, to be judged."""

from __future__ import annotations

import json
from collections.abc import Iterable

from fauxscale_contracts import Exchange, Reply, Request
from fauxscale_contracts.contract.multipart import Part, join

IDEOGRAM = "https://api.ideogram.ai/upscale"
# The smallest thing that reads as a PNG header: 2 x 2 pixels.
TINY = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\2\0\0\0\2\b\0\0\0\0"


def form_call(
    parts: Iterable[Part],
    *,
    url: str = IDEOGRAM,
    headers: tuple[tuple[str, str], ...] = (("Api-Key", "abcdefgh"),),
) -> Exchange:
    """A POST of a multipart form."""
    content_type, body = join(parts)
    return Exchange(Request("POST", url, (*headers, ("Content-Type", content_type)), body))


def upscale_parts(
    request: object | None = None,
    *,
    picture: bytes = TINY,
    label: str | None = "image/png",
    filename: str | None = "a.png",
) -> list[Part]:
    """The two parts of an Ideogram upscale, as its own samples send them."""
    text = request if isinstance(request, bytes) else json.dumps({} if request is None else request).encode()
    return [Part("image_request", data=text), Part("image_file", filename, label, picture)]


def upscale(request: object | None = None, **picture: object) -> Exchange:
    """An Ideogram upscale. Keywords as in `upscale_parts`."""
    return form_call(upscale_parts(request, **picture))  # type: ignore[arg-type]  # passed through by name


def json_call(url: str, body: object, *, key: str = "Bearer abcdefgh", method: str = "POST") -> Exchange:
    """A call with a JSON body."""
    headers = (("Authorization", key), ("Content-Type", "application/json"))
    return Exchange(Request(method, url, headers, json.dumps(body).encode()))


def answered(call: Exchange, status: int, body: object, *headers: tuple[str, str]) -> Exchange:
    """The same call with a JSON reply, or with one of bytes under the headers given."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    kind = () if isinstance(body, bytes) else (("content-type", "application/json"),)
    return Exchange(call.request, Reply(status, (*kind, *headers), data), call.operation)
