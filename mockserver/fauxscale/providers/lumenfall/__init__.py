"""Lumenfall (lumenfall.ai): OpenAI's images API in front of the provider that has the model, here fal.

Sources: the model's llms.txt, docs.lumenfall.ai (read 2026-06), lumenfall-ai/agent-skill (2026-06-23).
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from functools import cache

from starlette.responses import JSONResponse, Response

from fauxscale.provider_api import (
    ApiError,
    Call,
    Endpoint,
    Handler,
    Option,
    Outcome,
    Price,
    Problem,
    Provider,
    Sent,
    Site,
    Work,
    enlarged,
    flat,
    judge,
    links_at,
    perform,
    says_no,
)
from fauxscale.providers.openai_dialect import (
    MIB,
    find_key,
    image_objects,
    model_card,
    picture_in,
    request_id,
    texts_of,
)

from .errors import ask_fal, word_error
from .records import delete_payloads, get_balance, get_request, get_requests, get_webhook_secret
from .request import FILE, FORMATS, MODEL_ID, PARAMETERS, SCALE, check_model, values_of

PRICE = flat(0.06)
_EXECUTED = "fal/fal-ai/ideogram/upscale"
_RELEASED = 1717200000  # June 2024
_AVIF_SIDE = 1_600  # "AVIF conversion is limited to 1,600 px" (docs, read 2026-06)


async def post_edits(call: Call) -> Response:
    """Upscale the part `image` by `scale_factor`. With `?dryRun=true` only say what it would cost."""
    form = await call.form(file=FILE)
    values = values_of(call, texts_of(form, PARAMETERS))
    several = f"Model '{MODEL_ID}' does not support multiple input images"
    image = picture_in(form, "Invalid input: expected file, received undefined", several)
    # Only "true" is documented: other spellings are not charged either.
    dry = not says_no(call.request.query_params.get("dryRun", "false"))
    format = FORMATS[str(values["output_format"])]  # noqa: A001  # the word of the wire
    compression = values.get("output_compression")
    work = Work(
        sources=(Sent(image, "image", max_pixels=int(call.setting("max_pixels"))),),
        steps=(enlarged(size=_size(format, float(str(values["scale_factor"])))),),
        path=lambda link_id: f"/{link_id}.{values['output_format']}",
        prompt=str(values.get("prompt", "")),
        count=int(str(values["n"])),
        format=format,
        # 100 is the best in OpenAI's API too; Pillow counts from 1.
        quality=max(1, compression) if isinstance(compression, int) else None,
        signed=bool(call.setting("signed_links")),
        params=values,
        given=values["response_format"] != "b64_json",
        price=0 if dry else None,
    )
    pictures = await judge(call, work)
    if dry:
        return JSONResponse(_estimate(PRICE(values), work.count))
    await ask_fal(call)
    return await _answer(call, values, await perform(call, work, pictures))


def _size(format: str, factor: float) -> Callable[[int, int], tuple[int, int]]:  # noqa: A002  # as above
    """The result's size for a picture shown in this size. Raises RESULT_TOO_LARGE if it is over the limit."""

    def size_of(width: int, height: int) -> tuple[int, int]:
        size = int(width * factor + 0.5), int(height * factor + 0.5)
        if format == "AVIF" and max(size) > _AVIF_SIDE:
            raise ApiError(
                Problem.RESULT_TOO_LARGE,
                f"AVIF output is limited to {_AVIF_SIDE} pixels a side",
                reason=f"the result would be {size[0]}x{size[1]}; send a smaller picture or ask for another format",
                param="output_format",
            )
        return size

    return size_of


async def _answer(call: Call, values: dict[str, object], outcome: Outcome) -> Response:
    # The documentation's samples show a revised prompt only if a prompt was sent (read 2026-11).
    revised = {"revised_prompt": values["prompt"]} if "prompt" in values else {}
    data = await image_objects(call, outcome, values["response_format"], revised)
    return JSONResponse(
        {
            "created": int(call.now),
            "size": outcome.results[0].size,
            "data": data,
            "metadata": {
                "model": MODEL_ID,
                "executed_model": _EXECUTED,
                "provider": "fal",
                "provider_name": "fal.ai",
                "cost": outcome.charge.micros / 1e6,
                "cost_currency": "USD",
            },
        }
    )


def _estimate(price: int, count: int) -> dict[str, object]:
    component = {
        "type": "output",
        "metric": "image",
        "quantity": count,
        "billable_quantity": count,
        "unit_price": price / 1e6,
        "total_cost": count * price,
    }
    return {
        "estimated": True,
        "model": MODEL_ID,
        "provider": "fal",
        "total_cost_micros": count * price,
        "currency": "USD",
        "components": [component],
    }


async def post_generations(call: Call) -> Response:
    """Refuse text-to-image with the documented message: the model only upscales."""
    check_model((await call.json(MIB)).get("model"))
    raise ApiError(
        Problem.INVALID_PARAMETER,
        f"Model '{MODEL_ID}' does not support text-to-image. Supported modes: upscale",
        reason="send the picture to images/edits",
        param="model",
    )


async def get_models(call: Call) -> Response:
    return Response(_models(), media_type="application/json")


@cache
def _models() -> bytes:
    """The list of models, which never changes."""
    return bytes(JSONResponse({"object": "list", "data": [_card()]}).body)


async def get_model(call: Call) -> Response:
    """Answer one model; with `?schema=true` also its parameters, whose real form is not published."""
    check_model(call.params["id"])
    if call.request.query_params.get("schema") != "true":
        return JSONResponse(_card())
    file = {"type": "string", "format": "binary", "description": "Input image to upscale."}
    schema = {
        "type": "object",
        "required": ["model", "image", SCALE.name],
        "properties": {"image": file, **{one.name: one.schema() for one in PARAMETERS}},
    }
    return JSONResponse(_card() | {"schema": schema})


def _card() -> dict[str, object]:
    return model_card(MODEL_ID, _RELEASED, "ideogram") | {
        "name": "Ideogram Upscale",
        "creator_organization": "Ideogram",
        "model_status": "active",
        "modality": "image",
        "capabilities": ["upscale"],
        "tags": ["image-upscaling", "image-enhancement"],
        "starting_price": PRICE({}) / 1e6,
    }


def headers(call: Call) -> dict[str, str]:
    """Add X-Lumenfall-*, "on every answer" by the documentation; there is one model, from fal."""
    return {
        "x-lumenfall-request-id": request_id(call.account.id, call.entry.id),
        "x-lumenfall-provider": "fal",
        "x-lumenfall-model": MODEL_ID,
    }


def mint_key(drawn: bytes) -> str:
    """Mint a key, `lmnfl_<key id>.<secret>`, both of letters and digits."""
    return f"lmnfl_{drawn[:8].hex()}.{base64.b32encode(drawn[8:]).decode().rstrip('=').lower()}"


def _get(name: str, path: str, handler: Handler) -> Endpoint:
    return Endpoint(operation=f"lumenfall.{name}", method="GET", path=path, handler=handler)


def _both(base: str) -> tuple[Endpoint, ...]:
    """The endpoints of both bases: the model's own page names `/v1/images/edits`, the docs `/openai/v1/…`."""
    posts: tuple[tuple[str, Handler, Price | None], ...] = (
        ("edits", post_edits, PRICE),
        ("generations", post_generations, None),
    )
    return (
        *(
            Endpoint(
                operation=f"lumenfall.{name}",
                method="POST",
                path=f"{base}/images/{name}",
                handler=handler,
                price=price,
            )
            for name, handler, price in posts
        ),
        _get("models", f"{base}/models", get_models),
        _get("model", f"{base}/models/{{id:path}}", get_model),
    )


API = Site(
    prefix="/lumenfall",
    hosts=("api.lumenfall.ai",),
    at_root=True,
    endpoints=(
        *_both("/openai/v1"),
        *_both("/v1"),
        _get("balance", "/v1/balance", get_balance),
        _get("requests", "/v1/requests", get_requests),
        _get("request", "/v1/requests/{id}", get_request),
        Endpoint(
            operation="lumenfall.payloads",
            method="DELETE",
            path="/v1/requests/{id}/payloads",
            handler=delete_payloads,
        ),
        _get("webhook_secret", "/v1/webhooks/secret", get_webhook_secret),
    ),
)
MEDIA = Site(
    prefix="/lumenfall",
    hosts=("media.lumenfall.ai",),
    endpoints=(links_at("lumenfall", "/{id}.{ext}"),),
)
PROVIDER = Provider(
    name="lumenfall",
    sites=(API, MEDIA),
    base="/lumenfall/openai/v1",
    media=MEDIA,
    find_key=find_key,
    mint_key=mint_key,
    parameters=tuple(one.name for one in PARAMETERS),
    word_error=word_error,
    env={"LUMENFALL_BASE_URL": "{base_url}", "LUMENFALL_API_KEY": "{key}"},
    link_life=3600,
    key_prefix="lmnfl_",
    headers=headers,
    options=(
        Option(
            name="strict",
            default=False,
            choices=(False, True),
            why="scale_factor is called required, and the service's own examples leave it out; true refuses that",
        ),
        Option(
            name="signed_links",
            default=False,
            choices=(False, True),
            why="the documented sample link has no query; how the service ends its life is not visible",
        ),
        Option(name="max_pixels", default=25_000_000, why="a limit on pixels is not documented"),
    ),
)
