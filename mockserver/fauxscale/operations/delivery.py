"""Delivery: how a result's bytes leave the server: behind a link, inside a reply as text, or as the reply itself.

It renders pictures when they are first read, and applies the faults of pictures in every form.
"""

from __future__ import annotations

import json
import re
from functools import partial

from msgspec.structs import replace
from starlette.responses import Response

from fauxscale.dispatch.inline import MARKED_FROM, base64_of
from fauxscale.dispatch.provider import Call, Endpoint
from fauxscale.dispatch.responses import PictureResponse
from fauxscale.errors import ApiError, Problem
from fauxscale.faults import (
    ExpireLink,
    PurgePicture,
    Redirected,
    RedirectRead,
    SendLink,
    SwapFormat,
    from_json,
)
from fauxscale.images.recipe import AsStored, Enlarge, Recipe
from fauxscale.images.renderer import Load, Rendition, SourceGone
from fauxscale.state.link import Link
from fauxscale.state.signing import Signer

from .altered_results import leads_to

_RANGE = re.compile(r"bytes=(\d{0,15})-(\d{0,15})")


def links_at(provider: str, path: str) -> Endpoint:
    """Make the endpoint behind a provider's links. `path` is theirs, in Starlette's syntax, with the parameter `id`."""
    return Endpoint(
        operation=f"{provider}.download",
        method="GET",
        path=path,
        handler=read_link,
        answers="picture",
        needs_key=False,
        limited=False,
        kind="download",
        any_origin=True,
    )


async def read_link(call: Call) -> Response:
    """Answer a read of the link whose id is the path parameter `id`: GET, HEAD, ranges, etags."""
    query = call.request.scope["query_string"]
    try:
        found = readable(call.link, call.provider.name, call.path, query, call.accounts.signer, call.now)
    except ApiError as refusal:
        if refusal.problem is Problem.LINK_EXPIRED and call.link is not None:
            call.entry.results = [{"link": call.link.id, "life": call.link.life}]
        raise
    if found.fault:
        call.faults.add(from_json(json.loads(found.fault)))
    call.entry.results = [{"link": found.id, "width": found.recipe.width, "height": found.recipe.height}]
    made, recipe = await _picture(call, found)
    call.entry.results = [{"link": found.id, "width": recipe.width, "height": recipe.height}]
    return _ranged(call, found, recipe, made)


def readable(link: Link | None, provider: str, path: str, query: bytes, signer: Signer, now: float) -> Link:
    """Return the link if an address with this path and query is valid at `now`, by its account's clock.

    Raises LINK_UNKNOWN, LINK_FORGED, LINK_EXPIRED.
    """
    if link is None or not link.given or (link.provider, link.path) != (provider, path):
        raise ApiError(
            Problem.LINK_UNKNOWN,
            "Not found",
            reason="no link with this address was issued, or it was purged or reset",
        )
    if link.signed:
        signer.verify(path, query, link.account, now)
    if not link.lives(now):
        raise _expired(link)
    return link


async def as_base64(call: Call, link: Link) -> str | None:
    """Encode a result in base64, to put into a reply unchanged; None if a fault asks for a link instead.

    A large one is a placeholder, which the pipeline replaces when it sends the reply.
    """
    data = await _inline(call, link)
    return None if data is None else await _packed(call, data)


async def as_data_uri(call: Call, link: Link, *, kept: bool = False) -> tuple[str, int] | None:
    """Encode a result as a data URI, as `as_base64` does, with its size in bytes; None if a link is to be sent.

    `kept`: the text is stored instead of sent, so for a large result it is the link.
    """
    data = await _inline(call, link)
    if data is None or (kept and len(data) >= MARKED_FROM):
        return None
    return f"data:{_media_type(link.recipe)};base64,{await _packed(call, data)}", len(data)


async def _packed(call: Call, data: bytes) -> str:
    if (mark := call.inlined.mark_of(data)) is not None:
        return mark
    packed = await call.accounts.workers.run(partial(base64_of, data))
    return packed.decode() if len(data) < MARKED_FROM else call.inlined.put(data, packed)


async def as_body(call: Call, link: Link, headers: dict[str, str] | None = None) -> Response:
    """Answer with a result as the reply's body."""
    await call.faults.assign(call.endpoint.operation, "inline")
    made, _ = await _picture(call, link)
    return PictureResponse(made.data, headers=headers, media_type=_media_type(link.recipe))


async def picture_of(call: Call, link: Link) -> bytes:
    """Return the encoded bytes of a result by its recipe, rendered now unless they were before.

    Raises LINK_UNKNOWN if the upload is gone; BROKEN_IMAGE, status 422, if its pixels are damaged; then the charge
    is refunded: a picture that cannot be made costs nothing.
    """
    return (await _rendered(call, link, *await leads_to(link, call.account))).data


async def _inline(call: Call, link: Link) -> bytes | None:
    await call.faults.assign(call.endpoint.operation, "inline")
    await call.faults.apply("inline")
    if link.path and call.faults.take(SendLink) is not None:
        await call.account.links.change(replace(link, given=True))
        return None
    made, _ = await _picture(call, link)
    return await call.faults.alter_picture(_media_type(link.recipe), made.data)


async def _picture(call: Call, link: Link) -> tuple[Rendition, Recipe]:
    """Make a result as it is sent, in any form: faults of reads and of pictures are applied here."""
    await call.faults.apply("download", "picture")
    if call.faults.take(ExpireLink) is not None:
        link = replace(link, revoked=True)
        await call.account.links.change(link)
        raise _expired(link)
    if call.faults.take(PurgePicture) is not None:
        await call.account.links.purge(link)
        raise ApiError(Problem.LINK_UNKNOWN, "Not found", reason="configured: the picture was purged")
    if (away := call.faults.take(RedirectRead)) is not None:
        raise Redirected(away.to)
    recipe, load = await leads_to(link, call.account)
    made = recipe
    if call.faults.take(SwapFormat) is not None:
        made = recipe.in_format("PNG" if recipe.format != "PNG" else "JPEG")
        if isinstance(recipe.step, AsStored):
            made = replace(made, step=Enlarge(recipe.width, recipe.height))
    return await _rendered(call, link, made, load), recipe


async def _rendered(call: Call, link: Link, recipe: Recipe, load: Load) -> Rendition:
    try:
        return await call.accounts.renderer.rendition(recipe, load)
    except SourceGone:
        raise ApiError(
            Problem.LINK_UNKNOWN, "Not found", reason="the upload behind this link was purged"
        ) from None
    except ApiError as refusal:
        if refusal.problem is Problem.BROKEN_IMAGE:
            refusal.status = 422
            await _refund(call, link)
        raise


async def _refund(call: Call, link: Link) -> None:
    account = call.account
    if call.entry.charge == link.charge:
        call.entry.cost = 0  # the picture was in the reply that is now a refusal
    paid = [one for one in await account.ledger.charges() if one.id == link.charge]
    for one in paid:
        await account.ledger.refund(
            replace(
                one,
                id=f"refund_{one.id[7:]}",
                at=call.now,
                micros=-one.micros,
                images=-one.images,
                refunds=one.id,
            ),
            await account.funds(),
        )


def _expired(link: Link) -> ApiError:
    when = "when a fault made it expire" if link.revoked else f"at exp={link.exp} by this account's clock"
    if link.exp is None:
        when = "before it was valid: its job has not finished"
    return ApiError(Problem.LINK_EXPIRED, "Link expired", reason=f"the link expired {when}")


def _media_type(recipe: Recipe) -> str:
    from fauxscale.images.formats import MEDIA_TYPES

    return MEDIA_TYPES[recipe.format]


def _ranged(call: Call, link: Link, recipe: Recipe, made: Rendition) -> Response:
    data, etag = made.data, f'"{made.digest[:32]}"'
    headers = {
        "etag": etag,
        "accept-ranges": "bytes",
        # A cache would go on serving what has expired by the account's clock; the tag makes revalidation cheap.
        "cache-control": "no-cache",
        "content-disposition": f'inline; filename="{link.path.rsplit("/", 1)[-1]}"',
        "x-content-type-options": "nosniff",
    }
    media_type = _media_type(recipe)
    asked = call.request.headers
    if etag in asked.get("if-none-match", "") or asked.get("if-none-match", "").strip() == "*":
        return Response(status_code=304, headers=headers)
    span = None
    # Only GET has ranges (RFC 9110 §14.2): HEAD gives the whole length.
    if call.request.method == "GET" and asked.get("if-range", etag) == etag:
        span = _span(asked.get("range", ""), len(data))
    if span is None:
        return PictureResponse(data, headers=headers, media_type=media_type)
    first, last = span
    if first > last:
        return Response(status_code=416, headers=headers | {"content-range": f"bytes */{len(data)}"})
    headers["content-range"] = f"bytes {first}-{last}/{len(data)}"
    part = memoryview(data)[first : last + 1]  # of the bytes that all readers share
    return PictureResponse(part, status_code=206, headers=headers, media_type=media_type)


def _span(header: str, size: int) -> tuple[int, int] | None:
    """Parse a Range header: first and last byte, first > last if it cannot be met, None to send everything.

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
