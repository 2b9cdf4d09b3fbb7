"""A picture operation as a value, and the handler that answers its calls."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeAlias

from msgspec import Struct
from starlette.responses import JSONResponse, Response

from fauxscale.provider_api import (
    ApiError,
    Call,
    Outcome,
    Problem,
    Result,
    Sent,
    StepOf,
    Work,
    check_address,
    iso,
    notify,
    perform,
)

from .asked import Asked, RequestBody, read, read_json, refused
from .styles import prompt_used

# `upscaled_resolution` has two digits or more a side: ^\d{2,5}x\d{2,5}$ (OpenAPI, 2026-04-27).
_LEAST_SIDE = 10


Answer: TypeAlias = Callable[[Call, Asked], Awaitable[Response]]


class Operation(Struct, frozen=True):
    """The parameters of a call, and the function that does the work and answers."""

    body: RequestBody
    answer: Answer


async def run(operation: Operation, call: Call) -> Response:
    """Read a call's parameters, if its key is not paused, and answer it."""
    await check_key_lives(call)
    webhook_of(call)
    asked = await (read_json if operation.body.is_json else read)(call, operation.body)
    if uri := asked.text("custom_model_uri"):
        from .models import model_exists

        if not await model_exists(call, uri):
            raise refused("No custom model of this URI is ready for generation.", "custom_model_uri")
    return await operation.answer(call, asked)


def makes(
    recipe: Callable[[Asked], StepOf], word: Callable[[Call, Asked, Outcome], Mapping[str, object]]
) -> Answer:
    """Answer with links to pictures that are made by this recipe."""

    async def answer(call: Call, asked: Asked) -> Response:
        outcome = await perform(call, work_of(call, asked, (recipe(asked),)))
        return await answered(call, word(call, asked, outcome))

    return answer


async def check_key_lives(call: Call) -> None:
    """Refuse a key that an empty wallet has paused, if this option is chosen."""
    if call.setting("empty_wallet") != "pause-key":
        return
    left = await call.account.balance()
    if left is not None and left <= 0:
        raise ApiError(
            Problem.INVALID_KEY,
            "Access denied",
            reason="the wallet is empty, which pauses the account's keys (option ideogram.empty_wallet)",
        )


def work_of(
    call: Call, asked: Asked, steps: tuple[StepOf, ...], sources: tuple[Sent, ...] | None = None
) -> Work:
    """The work of an operation whose results are behind links; its pictures are the form's unless given."""
    seed = asked.values.get("seed")
    return Work(
        sources=asked.sent(call) if sources is None else sources,
        steps=steps,
        path=path_of,
        prompt=asked.text("prompt"),
        count=asked.number("num_images", 1),
        seed=seed if isinstance(seed, int) else None,
        same_seed=call.setting("repeated_seed") == "same",
        params=asked.params(),
    )


def path_of(link_id: str) -> str:
    return f"/api/images/ephemeral/{link_id}.png"


async def answered(call: Call, body: Mapping[str, object]) -> Response:
    """Answer now; or, with a `webhook_url`, send the result there and answer with the request's id."""
    url = webhook_of(call)
    if url is None:
        return JSONResponse(body)
    request_id = await call.account.draw_id("request")
    told = await notify(call, request_id, url, json.dumps({"generation_id": request_id, **body}))
    return JSONResponse({"created": created(call), "request_id": request_id}, background=told)


def webhook_of(call: Call) -> str | None:
    """The address of the webhook. Raises INVALID_PARAMETER for one that nothing may be sent to.

    The replies' description of 2026-10 mentions a webhook_url that no operation of v1 describes; v4's asynchronous
    operation has it in its query.
    """
    if not call.request.scope["query_string"]:
        return None
    url = call.request.query_params.get("webhook_url")
    if url is None or call.setting("api_version") == "2026-04":
        return None
    check_address(url, "webhook_url")
    return url


def created(call: Call) -> str:
    """When the call came, in the chosen format."""
    return iso(call.now, str(call.setting("created")))


def pictures(
    call: Call, asked: Asked, outcome: Outcome, *, sizes: Callable[[Result], tuple[str, str]], style: str = ""
) -> Mapping[str, object]:
    """The reply of most operations. `sizes` returns for a result the size it was made in, and that of the picture, ""
    if nothing was enlarged."""
    final = call.setting("resolution") == "final"

    def item(result: Result) -> dict[str, object]:
        made, enlarged = sizes(result)
        shown: dict[str, object] = {
            "prompt": prompt_used(asked),
            "resolution": enlarged if enlarged and final else made,
            "is_image_safe": result.safe,
            "seed": result.seed,
            "url": result.url,
        }
        if style:
            shown["style_type"] = style
        if enlarged and min(map(int, enlarged.split("x"))) >= _LEAST_SIDE:
            shown["upscaled_resolution"] = enlarged
        return shown

    return {"created": created(call), "data": [item(result) for result in outcome.results]}


def as_made(result: Result) -> tuple[str, str]:
    """The sizes of a result that was made in its own size."""
    return result.size, ""
