"""AIgateway (aigateway.sh): OpenAI's images API in front of Ideogram's upscaler, with a wallet and a minute quota.

Sources: the model's page and the docs on errors, images and rate limits (read 2026-06), aigateway-sh/openapi
(2026-06-23). The page calls the model text-to-image and its schema has no picture. Where to send a source picture
is not documented, so `image` and `image_url` are read; without one a picture is drawn from the prompt.
"""

from __future__ import annotations

import base64

from msgspec.structs import replace
from starlette.responses import JSONResponse, PlainTextResponse, Response

from fauxscale.provider_api import (
    ApiError,
    Call,
    Endpoint,
    Handler,
    Option,
    Problem,
    Provider,
    Sent,
    Site,
    Work,
    drawn_picture,
    enlarged,
    flat,
    links_at,
    named_picture,
    perform,
    rolling,
)
from fauxscale.providers.openai_dialect import find_key, image_objects, picture_in, request_id, texts_of

from . import pages
from .errors import OPTION as ERRORS
from .errors import rate_headers, word_error
from .request import FILE, JSON, NAMES, PARAMETERS, check_model, named_in, size_of, values_of

PRICE = flat(0.06)


async def post_generations(call: Call) -> Response:
    """Upscale the picture named in `image` or `image_url`; without one, draw the prompt and upscale that."""
    body = await call.json(JSON)
    values = values_of(call, body)
    name, text = named_in(body)
    if text is not None:
        return await _double(call, values, await named_picture(call, text, FILE, param=name), name)
    width, height = size_of(values)
    source = await drawn_picture(call, str(values["prompt"]), (width + 1) // 2, (height + 1) // 2)
    return await _double(call, values, source, "prompt", (width, height))


async def post_edits(call: Call) -> Response:
    """Upscale the picture in the part `image`, or the one that JSON names in `image_url`."""
    if call.request.headers.get("content-type", "").lower().startswith("application/json"):
        body = await call.json(JSON)
        values = values_of(call, body)
        name, text = named_in(body)
        if text is None:
            raise ApiError(Problem.MISSING_PARAMETER, "Missing required parameter: 'image_url'.", param=name)
        return await _double(call, values, await named_picture(call, text, FILE, param=name), name)
    form = await call.form(file=FILE)
    values = values_of(call, texts_of(form, PARAMETERS) | dict.fromkeys(set(form.names) - NAMES, ""))
    source = picture_in(form, "Missing required parameter: 'image'.", "This model takes one image.")
    return await _double(call, values, source, "image")


async def _double(
    call: Call, values: dict[str, object], source: bytes, part: str, size: tuple[int, int] | None = None
) -> Response:
    own_key = any(name.startswith("x-byok-") and value for name, value in call.request.headers.items())
    work = Work(
        sources=(Sent(source, part, max_pixels=int(call.setting("max_pixels"))),),
        steps=(enlarged(size=None if size is None else lambda width, height: size),),
        path=lambda link_id: f"/img/{link_id}.png",
        prompt=str(values["prompt"]),
        count=int(str(values["n"])),
        signed=bool(call.setting("signed_links")),
        params=values,
        given=values["response_format"] != "b64_json",
        price=0 if own_key else None,
    )
    outcome = await perform(call, work)
    data = await image_objects(call, outcome, values["response_format"])
    cost = {"x-cost-cents": f"{outcome.charge.micros / 10_000:g}"}
    return JSONResponse({"created": int(call.now), "data": data}, headers=cost)


async def get_models(call: Call) -> Response:
    """Answer the model list, filtered by `modality` and `provider`."""
    query, card = call.request.query_params, pages.card()
    shown = all(query.get(name, card[name]) == card[name] for name in ("modality", "provider"))
    return JSONResponse({"object": "list", "data": [card] if shown else []})


async def get_model(call: Call) -> Response:
    """Answer one model with its schema. Clients send its id with the slash plain or as %2F."""
    check_model(call.params["id"])
    return JSONResponse(pages.card() | {"schema": pages.invocation(call, PARAMETERS)})


async def get_schema(call: Call) -> Response:
    check_model(call.params["id"])
    return JSONResponse(pages.invocation(call, PARAMETERS))


async def get_balance(call: Call) -> Response:
    """Answer the wallet. Balance and spend are documented, the names of the members are ours; null means unlimited."""
    spent, left = await call.account.ledger.spent(), await call.account.balance()
    dollars = None if left is None else left / 1e6
    return JSONResponse(
        {"object": "balance", "balance_usd": dollars, "spent_usd": spent / 1e6, "currency": "USD"}
    )


async def get_openapi(call: Call) -> Response:
    return JSONResponse(pages.openapi(call, PARAMETERS))


async def get_llms(call: Call) -> Response:
    return PlainTextResponse(pages.llms(call))


def headers(call: Call) -> dict[str, str]:
    """Add x-request-id to every reply, the client's own if it sent one, and the headers of the rate limit."""
    sent = call.request.headers.get("x-request-id", "")
    fit = 0 < len(sent) <= 128 and sent.isascii() and sent.isprintable()
    always = {"x-request-id": sent if fit else request_id(call.account.id, call.entry.id)}
    if call.rate_limit is None:
        return always
    return always | rate_headers(call.rate_limit.limit, call.rate_limit.remaining, call.rate_limit.reset)


def mint_key(drawn: bytes) -> str:
    return f"sk-aig-{base64.urlsafe_b64encode(drawn).rstrip(b'=').decode()}"


def _images(name: str, handler: Handler) -> Endpoint:
    path = f"/v1/images/{name}"
    return Endpoint(operation=f"aigateway.{name}", method="POST", path=path, handler=handler, price=PRICE)


def _get(name: str, path: str, handler: Handler) -> Endpoint:
    return Endpoint(operation=f"aigateway.{name}", method="GET", path=path, handler=handler)


def _page(name: str, path: str, handler: Handler) -> Endpoint:
    """An endpoint that anyone may read without a key."""
    return replace(_get(name, path, handler), needs_key=False, limited=False)


API = Site(
    prefix="/aigateway",
    hosts=("api.aigateway.sh",),
    at_root=True,
    endpoints=(
        _images("generations", post_generations),
        _images("edits", post_edits),
        _get("models", "/v1/models", get_models),
        _get("model_schema", "/v1/models/{id:path}/schema", get_schema),
        _get("model", "/v1/models/{id:path}", get_model),
        _get("balance", "/v1/balance", get_balance),
        _page("openapi", "/v1/openapi.json", get_openapi),
        _page("llms", "/v1/llms.txt", get_llms),
    ),
)
PAGES = Site(
    prefix="/aigateway",
    hosts=("api.aigateway.sh", "aigateway.sh"),
    endpoints=(_page("openapi", "/openapi.json", get_openapi), _page("llms", "/llms.txt", get_llms)),
)
MEDIA = Site(
    prefix="/aigateway",
    hosts=("media.aigateway.sh",),
    endpoints=(links_at("aigateway", "/img/{id}.png"),),
)
PROVIDER = Provider(
    name="aigateway",
    sites=(API, PAGES, MEDIA),
    base="/aigateway/v1",
    media=MEDIA,
    find_key=find_key,
    mint_key=mint_key,
    parameters=tuple(one.name for one in PARAMETERS),
    word_error=word_error,
    env={"AIGATEWAY_BASE_URL": "{base_url}", "AIGATEWAY_API_KEY": "{key}"},
    link_life=24 * 3600,
    key_prefix="sk-aig-",
    # "Per key, rolling 60 s: paid 600; burst 2x for 10 s" (docs/rate-limits, read 2026-11).
    quotas=(rolling(600), rolling(200, 10.0)),
    headers=headers,
    options=(
        ERRORS,
        Option(
            name="signed_links",
            default=True,
            choices=(True, False),
            why="docs/images says that links are signed for 24 hours; the model page's sample link has no signature",
        ),
        Option(
            name="unknown_members",
            default="ignore",
            choices=("ignore", "refuse"),
            why="whether members the schema does not name are refused is not documented",
        ),
        Option(name="max_pixels", default=25_000_000, why="a limit on pixels is not documented"),
    ),
)
