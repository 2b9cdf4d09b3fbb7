"""fal.ai's storage: files that clients upload for use in image_url, served until they expire.

fal-client 1.0.3 and @fal-ai/client 1.10.1 upload in three ways: one POST with a storage token; a PUT to an address
requested before; parts, for large files. A token is only for the host of files, and names its account.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from typing import cast

from msgspec import Struct
from msgspec.structs import replace
from starlette.responses import JSONResponse, Response

from fauxscale.provider_api import (
    Account,
    ApiError,
    Call,
    File,
    Problem,
    iso,
    media_url,
    read_body,
    safe_name,
)

from .inputs import read_texts
from .model import lifetime

MIB = 1024 * 1024
FILES = "/files/b/{shard}/{name}"
_TOKEN_PATH = "/storage/auth/token"
_TOKEN_SECONDS = 3600
_PLACE_SECONDS = 3600
_MOST_FILE = 256 * MIB
_MOST_PARTS = 1_000


class _Place(Struct, frozen=True):
    """The future address of a file whose bytes are still to come, and its lifetime then (seconds)."""

    file: File
    life: float | None


class _Part(Struct, frozen=True):
    """One part of a file that is uploaded in parts."""

    number: int
    etag: str
    blob: str

    def is_named_by(self, word: object) -> bool:
        """Whether an entry of the list that completes an upload names this part."""
        if not isinstance(word, dict):
            return False
        said = cast("Mapping[str, object]", word)
        return (said.get("partNumber"), said.get("etag")) == (self.number, self.etag)


async def token(call: Call) -> Response:
    """Answer a storage token, valid for an hour."""
    exp = int(call.now) + _TOKEN_SECONDS
    signed = f"{call.account.id}?{call.accounts.signer.query(_TOKEN_PATH, exp, call.account.id)}"
    return JSONResponse(
        {
            "token": base64.urlsafe_b64encode(signed.encode()).rstrip(b"=").decode(),
            "token_type": "Bearer",
            "base_url": media_url(call, ""),
            "expires_at": iso(exp).replace(" ", "T"),
        }
    )


async def upload(call: Call) -> Response:
    """Store the body as a file."""
    place = await _place(call, call.request.headers.get("x-fal-file-name", ""), _said_type(call))
    file = await _keep(call, place, await _bytes(call))
    return JSONResponse({"access_url": media_url(call, file.path)})


async def initiate(call: Call) -> Response:
    """Answer a signed address to PUT one file to."""
    return await _promise_place(call, "")


async def initiate_parts(call: Call) -> Response:
    """Answer a signed address to PUT parts of a file to."""
    return await _promise_place(call, "/multipart/js")


async def create_parts(call: Call) -> Response:
    """Answer an address for parts, for callers with a token."""
    place = await _place(call, call.request.headers.get("x-fal-file-name", ""), _said_type(call))
    await call.account.files.begin(place.file.id, place)
    return JSONResponse({"access_url": media_url(call, place.file.path), "uploadId": "py"})


async def put(call: Call) -> Response:
    """Store the bytes of a file whose address was requested before."""
    place = await _promised(call)
    await _keep(call, place, await _bytes(call))
    return Response(status_code=200)


async def put_part(call: Call) -> Response:
    """Store one part, by number from 1; a part sent again is replaced."""
    place = await _promised(call)
    number = int(call.params["part"])
    if not 1 <= number <= _MOST_PARTS:
        raise ApiError(Problem.INVALID_PARAMETER, f"Part number must be from 1 to {_MOST_PARTS}")
    data = await _bytes(call)
    etag = f'"{hashlib.md5(data, usedforsecurity=False).hexdigest()}"'
    part = _Part(number, etag, await call.account.keep_upload(data))
    await call.account.files.add_part(place.file.id, part)
    return JSONResponse({"partNumber": number, "etag": etag}, headers={"etag": etag})


async def complete(call: Call) -> Response:
    """Join the listed parts into one file."""
    place = await _promised(call)
    # Of parts sent twice, the later counts.
    parts = (await call.account.files.parts(place.file.id, _Part))[::-1]
    named = (await call.json(MIB)).get("parts")
    blobs: dict[int, bytes] = {}
    for one in cast("Sequence[object]", named) if isinstance(named, list) else ():
        part = next((part for part in parts if part.is_named_by(one)), None)
        blob = await call.account.store.get_blob(part.blob) if part is not None else None
        if part is None or blob is None:
            raise _bad(f"a part named was not uploaded here: {repr(one)[:100]}")
        blobs[part.number] = blob
    if not blobs:
        raise _bad('the body names no parts: send {"parts": [{"partNumber": 1, "etag": …}]}')
    if sum(map(len, blobs.values())) > _MOST_FILE:
        raise _bad(f"the parts are over {_MOST_FILE:,} bytes together")
    # fal-client 1.0.3 lists the parts in the order in which its threads finished them.
    file = await _keep(call, place, b"".join(blobs[number] for number in sorted(blobs)))
    return JSONResponse({"access_url": media_url(call, file.path)})


async def read_file(call: Call) -> Response:
    """Answer a stored file."""
    file = await call.accounts.file(call.params["name"])
    data = (
        await call.account.store.get_blob(file.blob) if file is not None and file.path == call.path else None
    )
    if file is None or data is None or (file.exp is not None and call.now >= file.exp):
        raise ApiError(
            Problem.LINK_UNKNOWN,
            "File not found",
            reason="no file was put at this address, or it has expired or was purged since",
        )
    headers = {
        "x-content-type-options": "nosniff",
        # Uploaded files are on our own pages' origin; a document among them must not run anything.
        "content-security-policy": "sandbox; default-src 'none'",
    }
    return Response(data, media_type=file.content_type, headers=headers)


async def token_owner(call: Call) -> Account | None:
    """Find the account of a storage token; at this host the API key works too.

    Raises INVALID_KEY for a token that was changed or has expired.
    """
    key = call.provider.find_key(call.request)
    owner, _, query = _decoded(key or "").partition("?")
    account = await call.accounts.get(owner) if query else None
    if account is None:
        return await call.accounts.of_key(key, call.provider.name)
    try:
        now = (await account.clock()).now()
        call.accounts.signer.verify(_TOKEN_PATH, query.encode(), owner, now)
    except ApiError as refusal:
        raise ApiError(
            Problem.INVALID_KEY, "Invalid token", reason=f"the storage token: {refusal.reason}"
        ) from None
    return account


async def place_owner(call: Call) -> Account | None:
    """Find the account whose file this is, or will be. Parts come with a token or to a signed address; an unknown file
    has no account, since anybody can guess an account's name."""
    if call.endpoint.kind == "download":
        file = await call.accounts.file(call.params["name"])
        return await call.accounts.get(file.account) if file and file.path == call.path else None
    if "authorization" in call.request.headers:
        return await token_owner(call)
    account = await call.accounts.get(f"acct_{call.params['shard']}")
    if account is not None:
        now = (await account.clock()).now()
        path = call.path.rpartition("/")[0] if "upload" in call.params else call.path
        call.accounts.signer.verify(path, call.request.scope["query_string"], account.id, now)
    return account


async def _promise_place(call: Call, below: str) -> Response:
    body = await call.json(MIB)
    name, content_type = read_texts(body, "file_name", "content_type")
    place = await _place(call, name, content_type)
    await call.account.files.begin(place.file.id, place)
    exp = int(call.now) + _PLACE_SECONDS
    return JSONResponse(
        {
            "upload_url": media_url(call, place.file.path + below, exp),
            "file_url": media_url(call, place.file.path),
        }
    )


async def _place(call: Call, name: str, content_type: str) -> _Place:
    """Make the entry for a file. Its readers see its name and type, which must not reveal a key."""
    kind = _media_type(call.masked(content_type))
    shard = call.account.id.removeprefix("acct_")
    file_id = f"{await call.account.draw_id('file')}_{safe_name(call.masked(name))}"
    path = f"/files/b/{shard}/{file_id}"
    return _Place(File(file_id, call.account.id, call.provider.name, path, kind), lifetime(call))


async def _promised(call: Call) -> _Place:
    place = await call.account.files.get(call.params["name"], _Place)
    if place is None:
        raise ApiError(Problem.LINK_UNKNOWN, "Not found", reason="no upload was begun for this address")
    return place


async def _keep(call: Call, place: _Place, data: bytes) -> File:
    exp = None if place.life is None else call.now + place.life
    file = replace(place.file, blob=await call.account.keep_upload(data), exp=exp)
    await call.account.links.keep_file(file)
    return file


async def _bytes(call: Call) -> bytes:
    data = await read_body(call.request.stream(), _MOST_FILE, call.caps)
    await call.check_open()
    return data


def _said_type(call: Call) -> str:
    return call.request.headers.get("content-type", "")


def _media_type(said: str) -> str:
    """Return a declared media type if it is valid, else application/octet-stream: it becomes a header of the file."""
    return said if "/" in said and said.isascii() and said.isprintable() else "application/octet-stream"


def _decoded(text: str) -> str:
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode("ascii")
    except ValueError:
        return ""


def _bad(reason: str) -> ApiError:
    return ApiError(Problem.INVALID_PARAMETER, "Bad request", reason=reason)
