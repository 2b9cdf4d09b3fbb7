"""Ideogram's own API: POST /upscale, as its documentation of 2026-04 describes it.

Source: developer.ideogram.ai, API reference, "Upscale" (read 2026-04) and the public OpenAPI description of
2026-04-27. What neither says is an `Option` below.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from fauxscale.provider_api import (
    ApiError,
    Call,
    Endpoint,
    Form,
    Option,
    Outcome,
    Part,
    Problem,
    Provider,
    Result,
    Site,
    Upscale,
    flat,
    in_flight,
    is_object,
    iso,
    json_type,
    links_at,
    parse_json,
    upscale,
)

from .errors import word_error

MIB = 1024 * 1024
_FILE_LIMITS = {"2026-04": 10 * MIB, "2026-10": 25 * MIB}
_MEMBERS = ("prompt", "resemblance", "detail", "magic_prompt_option", "num_images", "seed")
_NEW_MEMBERS = ("magic_prompt_version", "magic_prompt_system_prompt_config_id")
_RANGES = {"resemblance": (1, 100), "detail": (1, 100), "num_images": (1, 8), "seed": (0, 2**31 - 1)}
_CHOICES = {
    "magic_prompt_option": ("AUTO", "ON", "OFF"),
    "magic_prompt_version": ("V_0", *(f"V_0_{number}" for number in range(1, 9))),
}


async def post_upscale(call: Call) -> Response:
    """Upscale the picture in `image_file` as the JSON in `image_request` says."""
    api_version = str(call.setting("api_version"))
    form = await call.form(file=_FILE_LIMITS[api_version])
    request = _image_request(form, api_version, str(call.setting("unknown_members")))
    params = {"resemblance": 50, "detail": 50, "num_images": 1} | request
    prompt, seed = request.get("prompt"), request.get("seed")
    image = _image_file(form)
    outcome = await upscale(
        call,
        Upscale(
            source=image.data,
            part="image_file",
            path=lambda link_id: f"/api/images/ephemeral/{link_id}.png",
            prompt=prompt if isinstance(prompt, str) else "",
            count=int(str(params["num_images"])),
            seed=seed if isinstance(seed, int) else None,
            params=params,
            max_pixels=int(call.setting("max_pixels")),
        ),
    )
    body: dict[str, object] = {
        "created": iso(call.now, str(call.setting("created"))),
        "data": [_image_object(result, outcome, params) for result in outcome.results],
    }
    if api_version == "2026-10":
        body["request_id"] = await call.account.draw_id("request")
    return JSONResponse(body)


def _image_object(result: Result, outcome: Outcome, params: Mapping[str, object]) -> dict[str, object]:
    return {
        "prompt": params.get("prompt", ""),
        "resolution": f"{outcome.picture.width}x{outcome.picture.height}",
        "is_image_safe": result.safe,
        "seed": result.seed,
        "url": result.url,
        "style_type": "GENERAL",
        "upscaled_resolution": result.size,
    }


def _image_file(form: Form) -> Part:
    part = form.last("image_file")
    if part is None:
        lookalike = next((one.name for one in form.parts if one.is_file), None)
        sent = f"; the file came as {lookalike!r}" if lookalike else ""
        raise ApiError(
            Problem.MISSING_PARAMETER,
            "image_file is required",
            reason=f"this endpoint wants the picture in a part named image_file{sent}",
            param="image_file",
        )
    if (count := len(form.all("image_file"))) > 1:
        raise ApiError(
            Problem.INVALID_PARAMETER,
            "Only one image_file is allowed",
            reason=f"{count} parts are named image_file; send one picture a call",
            param="image_file",
        )
    return part


def _image_request(form: Form, api_version: str, unknown_members: str) -> dict[str, object]:
    part = form.last("image_request")
    if part is None:
        raise ApiError(
            Problem.MISSING_PARAMETER,
            "image_request is required",
            reason="this endpoint wants a part named image_request holding a JSON object; {} is enough",
            param="image_request",
        )
    try:
        value = parse_json(part.data)
    except ApiError as error:
        raise ApiError(
            error.problem,
            f"image_request is not valid JSON: {error.details['why']}",
            reason=f"the part image_request cannot be read: {error.details['why']}; {{}} is enough",
            param="image_request",
        ) from None
    if not is_object(value):
        raise _bad("image_request", f"must be a JSON object, got {json_type(value)}")
    known = _MEMBERS + (_NEW_MEMBERS if api_version == "2026-10" else ())
    for name, member in value.items():
        if name not in known:
            if unknown_members == "ignore":
                continue
            raise _bad(
                f"image_request.{name}", f"is not a member of image_request; it has {', '.join(known)}"
            )
        _check_member(name, member)
    return value


def _check_member(name: str, value: object) -> None:
    """Check the type and range of one member of image_request."""
    field = f"image_request.{name}"
    if name in _RANGES:
        least, most = _RANGES[name]
        if isinstance(value, bool) or not isinstance(value, int):
            raise _bad(field, f"must be an integer, got {json_type(value)}")
        if not least <= value <= most:
            raise _bad(field, f"must be from {least} to {most}, got {value}")
    elif not isinstance(value, str):
        raise _bad(field, f"must be a string, got {json_type(value)}")
    elif name in _CHOICES and value not in _CHOICES[name]:
        raise _bad(field, f"must be one of {', '.join(_CHOICES[name])}, got {value[:40]!r}")


def _bad(field: str, problem: str) -> ApiError:
    return ApiError(Problem.INVALID_PARAMETER, f"Invalid input: {field} {problem}", param=field)


def find_key(request: Request) -> str | None:
    return request.headers.get("api-key")


def mint_key(drawn: bytes) -> str:
    return base64.urlsafe_b64encode(drawn[:48]).rstrip(b"=").decode()


API = Site(
    prefix="/ideogram",
    hosts=("api.ideogram.ai",),
    at_root=True,
    endpoints=(
        Endpoint(
            operation="ideogram.upscale",
            method="POST",
            path="/upscale",
            handler=post_upscale,
            price=flat(0.06),
        ),
    ),
)
MEDIA = Site(
    prefix="/ideogram",
    hosts=("ideogram.ai",),
    endpoints=(links_at("ideogram", "/api/images/ephemeral/{id}.png"),),
)
PROVIDER = Provider(
    name="ideogram",
    sites=(API, MEDIA),
    base="/ideogram",
    media=MEDIA,
    find_key=find_key,
    mint_key=mint_key,
    parameters=_MEMBERS + _NEW_MEMBERS,
    word_error=word_error,
    env={"IDEOGRAM_BASE_URL": "{base_url}", "IDEOGRAM_API_KEY": "{key}"},
    link_life=24 * 3600,
    quotas=(in_flight(10),),
    options=(
        Option(
            name="api_version",
            default="2026-04",
            choices=("2026-04", "2026-10"),
            why="2026-04: 10 MB and no request_id; 2026-10: 25 MB, request_id and two more members of image_request",
            verified=True,
        ),
        Option(name="max_pixels", default=25_000_000, why="a limit on pixels is not documented"),
        Option(
            name="unknown_members",
            default="refuse",
            choices=("refuse", "ignore"),
            why="whether members image_request does not document are refused is not documented",
        ),
        Option(
            name="created",
            default=" ",
            choices=(" ", "T"),
            why="the documentation shows `created` with a space between date and time, the OpenAPI text with a T",
        ),
        Option(
            name="missing_key_status",
            default=403,
            choices=(403, 401),
            why="/upscale documents 403 where all newer operations document 401",
        ),
        Option(
            name="oversize_status",
            default=400,
            choices=(400, 413),
            why="what a file over the limit is answered with is not documented",
        ),
        Option(
            name="expired_status",
            default=403,
            choices=(403, 404, 410),
            why="what a dead link answers is not documented; servers of signed links mostly say 403",
        ),
        Option(
            name="forged_status",
            default=403,
            choices=(403, 401, 404),
            why="what a changed link answers is not documented",
        ),
    ),
)
