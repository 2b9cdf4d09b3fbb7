"""The handler behind every link: verifies, renders on first look, serves GET, HEAD and ranges."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import replace
from functools import partial

from starlette.responses import Response

from fauxscale.dispatch.provider import Call, Endpoint
from fauxscale.errors import ApiError, Problem
from fauxscale.faults import AppliedFault, from_json
from fauxscale.images.renderer import Rendition

from .upscale import picture_of

_RANGE = re.compile(r"bytes=(\d{0,15})-(\d{0,15})")


def links_at(provider: str, path: str) -> Endpoint:
    """The endpoint behind a provider's links. `path` is theirs, in Starlette's syntax, with the parameter `id`."""
    return Endpoint(
        operation=f"{provider}.download",
        method="GET",
        path=path,
        handler=read_link,
        needs_key=False,
        limited=False,
        kind="download",
    )


async def read_link(call: Call) -> Response:
    """Answer a read of the link whose id is the path parameter `id`; also a browser's question before one."""
    if call.request.method == "OPTIONS":
        allowed = {"access-control-allow-methods": "GET, HEAD", "access-control-allow-headers": "*"}
        return Response(status_code=204, headers=allowed)
    rendition = await call.accounts.rendition(call.params["id"])
    if rendition is None or rendition.path != call.path or rendition.provider != call.provider.name:
        raise ApiError(
            Problem.LINK_UNKNOWN,
            "Not found",
            reason="no link of this address was given out, or it was purged or reset since",
        )
    if rendition.signed:
        call.accounts.signer.verify(
            call.path, call.request.scope["query_string"], rendition.account, call.now
        )
    if rendition.revoked or call.now >= rendition.exp:
        raise _expired(rendition)
    if rendition.configured:
        call.orders.append(AppliedFault("", from_json(json.loads(rendition.configured)), magic=True))
    call.entry.results = [{"link": rendition.id, "width": rendition.width, "height": rendition.height}]
    await call.apply(("download", "picture"))
    if "expire" in call.flags:
        rendition = replace(rendition, revoked=True)
        await call.account.links.change(rendition)
        raise _expired(rendition)
    if "purge" in call.flags:
        await call.account.links.purge(rendition)
        raise ApiError(Problem.LINK_UNKNOWN, "Not found", reason="configured: the picture was purged")
    if (to := next((one for one in call.flags if one.startswith("redirect=")), None)) is not None:
        return Response(status_code=302, headers={"location": to.removeprefix("redirect=") or _itself(call)})
    data = await picture_of(call, rendition)
    # A large result takes a while to hash: not on the loop that answers everybody else.
    digest = await call.accounts.renditions.run(partial(hashlib.sha256, data))
    return _answer(call, rendition, data, digest.hexdigest()[:32])


def _itself(call: Call) -> str:
    query = call.request.scope["query_string"].decode("latin-1")
    return str(call.request.scope["path"]) + (f"?{query}" if query else "")


def _expired(rendition: Rendition) -> ApiError:
    when = (
        "when it was ordered to" if rendition.revoked else f"at exp={rendition.exp} by this account's clock"
    )
    return ApiError(Problem.LINK_EXPIRED, "Link expired", reason=f"the link died {when}")


def _answer(call: Call, rendition: Rendition, data: bytes, tag: str) -> Response:
    from fauxscale.images.formats import MEDIA_TYPES

    etag = f'"{tag}"'
    headers = {
        "etag": etag,
        "accept-ranges": "bytes",
        # A cache would go on serving what has expired by the account's clock; the tag makes asking cheap.
        "cache-control": "no-cache",
        "content-disposition": f'inline; filename="{rendition.path.rsplit("/", 1)[-1]}"',
        "x-content-type-options": "nosniff",
    }
    media_type = MEDIA_TYPES[rendition.format]
    asked = call.request.headers
    if etag in asked.get("if-none-match", "") or asked.get("if-none-match", "").strip() == "*":
        return Response(status_code=304, headers=headers)
    span = None
    # Of anything but GET a range is none (RFC 9110 §14.2): HEAD tells the whole length.
    if call.request.method == "GET" and asked.get("if-range", etag) == etag:
        span = _span(asked.get("range", ""), len(data))
    if span is None:
        return Response(data, headers=headers, media_type=media_type)
    first, last = span
    if first > last:
        return Response(status_code=416, headers=headers | {"content-range": f"bytes */{len(data)}"})
    headers["content-range"] = f"bytes {first}-{last}/{len(data)}"
    return Response(data[first : last + 1], status_code=206, headers=headers, media_type=media_type)


def _span(header: str, size: int) -> tuple[int, int] | None:
    """First and last byte of a single range, first > last if it cannot be met, None to send everything.

    Several ranges at once are answered with everything, as RFC 9110 §14.2 lets a server do.
    """
    found = _RANGE.fullmatch(header.strip())
    if found is None or found[1] == found[2] == "":
        return None
    if found[1] == "":
        wanted = int(found[2])
        return (max(0, size - wanted), size - 1) if wanted else (1, 0)
    first = int(found[1])
    last = min(int(found[2]), size - 1) if found[2] else size - 1
    if found[2] and int(found[2]) < first:
        return None
    return (first, last) if first < size else (1, 0)
