"""Reads a picture that a client names in text: a data URI, base64, a link of this server or of an allowed host."""

from __future__ import annotations

import re
from functools import partial
from urllib.parse import urlsplit

from msgspec.structs import replace

from fauxscale.bodies.reader import decode_base64, decode_data_uri
from fauxscale.dispatch.provider import Call
from fauxscale.errors import ApiError, download_failed, file_too_large
from fauxscale.state.files import File
from fauxscale.state.link import Link

from .delivery import picture_of, readable
from .fetch import fetch


async def named_picture(call: Call, text: str, cap: int, *, param: str) -> bytes:
    """Read the bytes, `cap` at most, of the picture that the value of `param` names.

    Raises ApiError: INVALID_PARAMETER, FILE_TOO_LARGE, and DOWNLOAD_FAILED for an address that is no living
    link of this server and on no host of `Settings.allow_fetch`.
    """
    text = text.strip()
    run = call.accounts.workers.run  # decoding 25 MB costs 50 ms: not on the loop
    if text[:5].lower() == "data:":
        return (await run(partial(decode_data_uri, text, cap, param=param)))[1]
    if "://" in text[:16]:
        return await _linked(call, text, cap, param)
    return await run(partial(decode_base64, text, cap, param=param))


async def drawn_picture(call: Call, prompt: str, width: int, height: int) -> bytes:
    """Draw a PNG from a prompt, for services that make pictures of text."""

    def work() -> bytes:
        from fauxscale.images.drawing import draw  # Pillow: loaded with the first picture

        return draw(prompt, width, height)

    return await call.accounts.workers.run(work)


async def _linked(call: Call, address: str, cap: int, param: str) -> bytes:
    """Read the picture behind a link of this server, under any host name the client uses."""
    try:
        parts = urlsplit(address)
    except ValueError:
        parts = urlsplit("")
    # urlsplit drops tabs and line breaks anywhere, which would be a second spelling of a link.
    if parts.scheme not in ("http", "https") or not _PLAIN.fullmatch(address):
        raise download_failed("it is not an http or https URL", param)
    # At every provider a link's id is the stem of its last segment, a file's the whole segment; neither can be guessed.
    name = parts.path.rpartition("/")[2]
    file = await call.accounts.file(name)
    if file is not None and parts.path.endswith(file.path):
        return await _stored(call, file, cap, param)
    found = await _link_at(call, parts.path)
    if found is None:
        allowed = call.accounts.settings.allow_fetch
        if (parts.hostname or "") in allowed:
            return await fetch(address, cap, allowed, param=param)
        raise download_failed(
            "only data URIs, base64 and links that this server issued are read: "
            "it makes no outbound connections (except to hosts allowed with --allow-fetch)",
            param,
        )
    owner = await call.accounts.get(found.account) or call.account
    now = (await owner.clock()).now()
    try:
        readable(found, found.provider, found.path, parts.query.encode(), call.accounts.signer, now)
    except ApiError as refusal:
        raise download_failed(refusal.reason, param) from None
    return await picture_of(replace(call, account=owner), found)


_SEGMENTS = 4
_PLAIN = re.compile(r"[^\x00-\x1f\x7f]*")


async def _link_at(call: Call, path: str) -> Link | None:
    """The link given out under this path: its id is one of the path's segments, or the stem of one."""
    # A stranger chooses how many segments there are, and each needs a look-up.
    for segment in reversed(path.split("/")[-_SEGMENTS:]):
        found = await call.accounts.link(segment.partition(".")[0]) if segment else None
        if found is not None and found.given and path.endswith(found.path):
            return found
    return None


async def _stored(call: Call, file: File, cap: int, param: str) -> bytes:
    """Read the bytes of a file that was uploaded here."""
    owner = await call.accounts.get(file.account) or call.account
    data = await owner.store.get_blob(file.blob)
    if data is None or (file.exp is not None and (await owner.clock()).now() >= file.exp):
        raise download_failed("the file has expired or was purged", param)
    if len(data) > cap:
        reason = f"the file holds {len(data):,} bytes and {cap:,} are allowed"
        raise file_too_large(reason, param=param, limit=cap, received=len(data))
    return data
