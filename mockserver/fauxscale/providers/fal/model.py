"""The model fal-ai/ideogram/upscale: from its JSON input to its JSON output, called directly."""

from __future__ import annotations

import hashlib
import uuid

from msgspec import Struct
from starlette.responses import JSONResponse, Response

from fauxscale.provider_api import (
    ApiError,
    Call,
    Link,
    Outcome,
    Problem,
    Sent,
    Work,
    as_data_uri,
    enlarged,
    flat,
    is_object,
    media_url,
    named_picture,
    parse_json,
    perform,
    read_body,
    read_number,
)

from .inputs import Inputs, read

PRICE = flat(0.06)
MIB = 1024 * 1024
_ECHO = 1_000
_LIFECYCLE = ("x-fal-object-lifecycle-preference", "x-fal-object-lifecycle")


class Output(Struct, frozen=True):
    """The outcome of a request, from which its reply is written. `image` is a link's id, None when withheld."""

    seed: int
    image: str | None
    path: str
    inline: bool


async def run(call: Call) -> Response:
    """Upscale now and answer with the result."""
    inputs = await inputs_of(call)
    outcome = await perform(call, await work_of(call, inputs))
    return JSONResponse(await word(call, output_of(inputs, outcome)), headers={"x-fal-billable-units": "1"})


async def inputs_of(call: Call) -> Inputs:
    # A data URI has four characters for three bytes.
    most = _max_file(call) * 4 // 3 + MIB
    try:
        return read(await call.json(most))
    except ApiError as refusal:
        if refusal.problem is Problem.WRONG_CONTENT_TYPE:
            # FastAPI echoes a body it does not read as JSON; ours is truncated.
            data = await read_body(call.request.stream(), most, call.caps)
            refusal.details = {**refusal.details, "input": data[:_ECHO].decode(errors="replace")}
        raise


async def work_of(call: Call, inputs: Inputs) -> Work:
    """Make the work for a valid input, whose picture was read."""
    shard = call.account.id.removeprefix("acct_")
    picture = await _picture(call, inputs.image_url)
    return Work(
        sources=(Sent(picture, "image_url", max_pixels=int(call.setting("max_pixels"))),),
        steps=(enlarged(),),
        path=lambda link_id: f"/files/{shard}/{link_id}.png",
        prompt=inputs.prompt,
        seed=inputs.seed,
        params=inputs.params,
        signed=False,
        life=lifetime(call),
        price=PRICE(inputs.params),
        given=not inputs.sync_mode,
    )


def output_of(inputs: Inputs, outcome: Outcome) -> Output:
    result = outcome.results[0]
    # Any integer is accepted and returned; everything else here has seeds of 31 bits.
    seed = result.seed if inputs.seed is None else inputs.seed
    return Output(seed, result.link.id if result.safe else None, result.link.path, inputs.sync_mode)


async def word(call: Call, output: Output, unkept: Link | None = None) -> dict[str, object]:
    """Write the model's output as JSON; links are on the origin this call came to.

    `unkept`: the result's link, if its job has not stored it yet. The output is stored with the job then, so a
    large picture is a link even if it was to be in the reply itself.
    """
    if output.image is None:
        return {"images": [], "seed": output.seed}
    file: dict[str, object] = {
        "url": media_url(call, output.path),
        "content_type": "image/png",
        "file_name": output.path.rpartition("/")[2],
        # The size is not known before the picture is made, which is when it is first read.
        "file_size": None,
    }
    if output.inline:
        link = unkept or await call.accounts.link(output.image)
        if link is None:
            raise ApiError(
                Problem.NOT_FOUND, "Not found", reason="the picture was purged", details={"path": call.path}
            )
        if (inline := await as_data_uri(call, link, kept=unkept is not None)) is not None:
            file["url"], file["file_size"] = inline
    return {"images": [file], "seed": output.seed}


def request_id(call: Call) -> str:
    """Make the UUID of this request: the same for the same account and call number."""
    digest = hashlib.sha256(f"{call.account.id}\n{call.entry.id}".encode()).digest()
    return str(uuid.UUID(bytes=digest[:16], version=4))


def lifetime(call: Call) -> float | None:
    """Read how many seconds the client wants its files kept; None if missing or null."""
    for name in _LIFECYCLE:
        try:
            said = parse_json(call.request.headers.get(name, "null").encode())
        except ApiError:
            continue
        asked = said.get("expiration_duration_seconds") if is_object(said) else None
        seconds = None if isinstance(asked, str) else read_number(asked)
        if seconds is not None and seconds > 0:
            return seconds
    return None


async def _picture(call: Call, address: str) -> bytes:
    if address.strip()[:5].lower() != "data:" and "://" not in address[:16]:
        raise ApiError(
            Problem.DOWNLOAD_FAILED,
            "File download error",
            reason="image_url must be a data URI or the URL of a file; bare base64 is neither",
            param="image_url",
        )
    try:
        return await named_picture(call, address, _max_file(call), param="image_url")
    except ApiError as refusal:
        if refusal.problem is Problem.INVALID_PARAMETER:
            refusal.problem = Problem.BROKEN_IMAGE
        raise


def _max_file(call: Call) -> int:
    return int(call.setting("max_file"))
