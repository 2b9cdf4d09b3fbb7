"""fal.ai: the model fal-ai/ideogram/upscale, called directly or through the queue, and fal.ai's storage.

Sources: fal.ai/docs (read 2026-08), fal-client 1.0.3, @fal-ai/client 1.10.1. What they do not say is an `Option`.
"""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from fauxscale.provider_api import (
    JOB_OPTIONS,
    Call,
    Endpoint,
    Option,
    Provider,
    Site,
    in_flight,
    links_at,
    signing_key,
)

from . import queue, storage
from .errors import CODES, word_error
from .inputs import PARAMETERS
from .model import PRICE, request_id, run

_MODEL = "/fal-ai/ideogram/upscale"
_REQUEST = "/fal-ai/ideogram/requests/{id}"
_PARTS = f"{storage.FILES}/multipart/{{upload}}"


async def jwks(call: Call) -> Response:
    """Answer the public key that webhooks are verified with."""
    return JSONResponse({"keys": [signing_key(call.accounts).jwk]})


def find_key(request: Request) -> str | None:
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    return key.strip() or None if scheme.lower() in ("key", "bearer") else None


def mint_key(drawn: bytes) -> str:
    """Mint a key, `<key id>:<secret>`: a UUID and 32 hexadecimal digits."""
    first = drawn[:16].hex()
    return f"{first[:8]}-{first[8:12]}-{first[12:16]}-{first[16:20]}-{first[20:]}:{drawn[16:32].hex()}"


def headers(call: Call) -> Mapping[str, str]:
    """Add the id of the request that a call makes or polls."""
    if call.site is RUN or call.site is QUEUE:
        asked = call.params.get("id", "")
        # An invalid id may be no valid header value either: spaces, characters beyond Latin-1.
        known = asked.isascii() and asked.replace("-", "").isalnum()
        return {"x-fal-request-id": asked if known else request_id(call)}
    return {}


RUN = Site(
    prefix="/fal/run",
    hosts=("fal.run",),
    at_root=True,
    endpoints=(Endpoint(operation="fal.run", method="POST", path=_MODEL, handler=run, price=PRICE),),
)
QUEUE = Site(
    prefix="/fal/queue",
    hosts=("queue.fal.run",),
    endpoints=(
        Endpoint(
            operation="fal.submit",
            method="POST",
            path=_MODEL,
            handler=queue.submit,
            price=PRICE,
            limited=False,
        ),
        Endpoint(
            operation="fal.stream",
            method="GET",
            path=f"{_REQUEST}/status/stream",
            handler=queue.stream,
            answers="stream",
            limited=False,
        ),
        Endpoint(
            operation="fal.status",
            method="GET",
            path=f"{_REQUEST}/status",
            handler=queue.status,
            limited=False,
        ),
        Endpoint(
            operation="fal.cancel",
            method="PUT",
            path=f"{_REQUEST}/cancel",
            handler=queue.cancel,
            limited=False,
        ),
        Endpoint(operation="fal.result", method="GET", path=_REQUEST, handler=queue.result, limited=False),
    ),
)
REST = Site(
    prefix="/fal/rest",
    hosts=("rest.fal.ai", "rest.alpha.fal.ai"),
    endpoints=(
        Endpoint(
            operation="fal.token",
            method="POST",
            path="/storage/auth/token",
            handler=storage.token,
            limited=False,
        ),
        Endpoint(
            operation="fal.initiate",
            method="POST",
            path="/storage/upload/initiate",
            handler=storage.initiate,
            limited=False,
        ),
        Endpoint(
            operation="fal.initiate_multipart",
            method="POST",
            path="/storage/upload/initiate-multipart",
            handler=storage.initiate_parts,
            limited=False,
        ),
        Endpoint(
            operation="fal.jwks",
            method="GET",
            path="/.well-known/jwks.json",
            handler=jwks,
            needs_key=False,
            limited=False,
        ),
    ),
)
MEDIA = Site(
    prefix="/fal/media",
    hosts=("v3.fal.media", "fal.media", "v3b.fal.media"),
    endpoints=(
        Endpoint(
            operation="fal.upload",
            method="POST",
            path="/files/upload",
            handler=storage.upload,
            limited=False,
            owner=storage.token_owner,
        ),
        Endpoint(
            operation="fal.create_multipart",
            method="POST",
            path="/files/upload/multipart",
            handler=storage.create_parts,
            limited=False,
            owner=storage.token_owner,
        ),
        Endpoint(
            operation="fal.put",
            method="PUT",
            path=storage.FILES,
            handler=storage.put,
            limited=False,
            owner=storage.place_owner,
        ),
        Endpoint(
            operation="fal.put_part",
            method="PUT",
            path=f"{_PARTS}/{{part:int}}",
            handler=storage.put_part,
            limited=False,
            owner=storage.place_owner,
        ),
        Endpoint(
            operation="fal.complete_multipart",
            method="POST",
            path=f"{_PARTS}/complete",
            handler=storage.complete,
            limited=False,
            owner=storage.place_owner,
        ),
        Endpoint(
            operation="fal.file",
            method="GET",
            path=storage.FILES,
            handler=storage.read_file,
            limited=False,
            answers="picture",
            kind="download",
            any_origin=True,
            owner=storage.place_owner,
        ),
        links_at("fal", "/files/{shard}/{id}.png"),
    ),
)
PROVIDER = Provider(
    name="fal",
    sites=(RUN, QUEUE, REST, MEDIA),
    base="/fal/run",
    media=MEDIA,
    find_key=find_key,
    mint_key=mint_key,
    parameters=PARAMETERS,
    word_error=word_error,
    codes=CODES,
    env={
        "FAL_RUN_URL": "{base_url}",
        "FAL_QUEUE_URL": "{url}/fal/queue",
        "FAL_REST_URL": "{url}/fal/rest",
        "FAL_KEY": "{key}",
    },
    tls_env={"FAL_RUN_HOST": "{host}/fal/run", "FAL_QUEUE_RUN_HOST": "{host}/fal/queue"},
    link_life=7 * 24 * 3600,
    quotas=(in_flight(40),),
    # fal-client 1.0.3 tries it if it cannot connect.
    fallbacks={"falrun.com": "fal.run", "queue.falrun.com": "queue.fal.run"},
    headers=headers,
    notice=queue.notice,
    options=(
        *JOB_OPTIONS,
        Option(
            name="early_result",
            default=400,
            choices=(400, 202),
            why="what asking for the result too early answers is not documented; both were reported",
        ),
        Option(
            name="max_file", default=10 * 1024 * 1024, why="no limit is documented; this is Ideogram's own"
        ),
        Option(name="max_pixels", default=25_000_000, why="a limit on pixels is not documented"),
    ),
)
