"""Picture operations of v1 that v2 of Ideogram's API has too: the same recipes, parameters in lower case.

Source: the public OpenAPI description of 2026-10-07. Its other models (4.0, 4.5, other makers') are not imitated.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from msgspec import Struct
from msgspec.structs import replace
from starlette.responses import Response

from fauxscale.provider_api import ApiError, Call, Problem, StepOf, is_object

from . import prices, recipes
from .asked import Asked, Files, RequestBody, read, read_json, read_with_picture, refused
from .models import model_exists
from .operation import check_key_lives, work_of
from .schema import Member
from .sizes import ASPECTS
from .styles import (
    CHARACTERS,
    CODES,
    COUNT,
    MODEL_URI,
    NEGATIVE,
    ONE_SIZE,
    ONE_STYLE,
    PALETTE,
    PALETTES,
    PRESET,
    PROMPT,
    RESOLUTION,
    SEED,
    STYLES,
    prompt_used,
)
from .v2_generations import COMMON, PLAIN, Order, answer
from .v3 import size_asked

MIB = 1024 * 1024
_LONGEST_PROMPT = 10_000
_MOST_STYLES = 10
# Values spelled differently than in v1.
_WORDS = ("rendering_speed", "magic_prompt", "style_type", "style_preset", "upscale_factor")
_FACTORS = {"X1": 1, "X2": 2, "X4": 4}

_TEXT = (
    PROMPT,
    SEED,
    COUNT,
    NEGATIVE,
    Member(name="magic_prompt", choices=("auto", "on", "off")),
    Member(name="enable_copyright_detection", kind="boolean"),
)
_SPEED = Member(name="rendering_speed", choices=("turbo", "default", "quality"), default="default")
_ASPECT = Member(name="aspect_ratio", choices=("auto", *ASPECTS))
_SIZED = (RESOLUTION, _ASPECT)
_STYLE = Member(
    name="style_type", choices=("auto", "general", "realistic", "design", "custom", "fiction", "stylized")
)
_STYLED = (
    replace(PRESET, choices=tuple(one.lower() for one in PRESET.choices)),
    CODES,
    replace(
        PALETTE,
        members=(Member(name="name", choices=tuple(one.lower() for one in PALETTES)), PALETTE.members[1]),
    ),
)


def _check_prompts(asked: Asked) -> None:
    if not 1 <= len(asked.text("prompt")) <= _LONGEST_PROMPT:
        raise refused(f"prompt must have 1 to {_LONGEST_PROMPT:,} characters.", "prompt")
    if len(asked.text("negative_prompt")) > _LONGEST_PROMPT:
        raise refused(
            f"negative_prompt must have {_LONGEST_PROMPT:,} characters or fewer.", "negative_prompt"
        )


def _check_character(asked: Asked) -> None:
    if len(asked.places(CHARACTERS.name)) != 1:
        raise refused(
            "A character reference is required: provide one of character_reference_images.", CHARACTERS.name
        )


def _check_styles(asked: Asked) -> None:
    if len(asked.places(STYLES.name)) > _MOST_STYLES:
        raise refused(f"At most {_MOST_STYLES} style reference images can be provided.", STYLES.name)


_RULES = (_check_prompts, _check_styles, ONE_SIZE, *ONE_STYLE)


class PictureModel(Struct, frozen=True, kw_only=True):
    """One way to make a picture: its parameters, its recipe from v1's names of them, and the price of an image."""

    product: str
    body: RequestBody
    recipe: Callable[[Asked], StepOf]
    price: Callable[[Mapping[str, object]], int]


def _generated(asked: Asked) -> StepOf:
    return recipes.generated(asked, size_asked(asked))


def _transparent(asked: Asked) -> StepOf:
    return recipes.transparent(asked, size_asked(asked), _FACTORS[asked.text("upscale_factor")])


GENERATE: Mapping[str, PictureModel] = MappingProxyType(
    {
        "ideogram-3": PictureModel(
            product="ideogram_v3_generation",
            body=RequestBody(
                members=(*COMMON, *_TEXT, *_SIZED, _SPEED, _STYLE, *_STYLED),
                files=(STYLES,),
                rules=_RULES,
            ),
            recipe=_generated,
            price=prices.v3,
        ),
        "ideogram-3-character": PictureModel(
            product="ideogram_v3_character_generation",
            body=RequestBody(
                members=(
                    *COMMON,
                    *_TEXT,
                    *_SIZED,
                    _SPEED,
                    replace(_STYLE, choices=("auto", "realistic", "fiction")),
                ),
                files=(STYLES, CHARACTERS),
                rules=(*_RULES, _check_character),
            ),
            recipe=_generated,
            price=prices.v3,
        ),
        "ideogram-3-custom-model": PictureModel(
            product="ideogram_v3_custom_model_generation",
            body=RequestBody(
                members=(*COMMON, *_TEXT, *_SIZED, _SPEED, *_STYLED, replace(MODEL_URI, required=True)),
                files=(STYLES,),
                rules=_RULES,
            ),
            recipe=_generated,
            price=prices.v3,
        ),
        "ideogram-3-transparent": PictureModel(
            product="ideogram_v3_transparent_generation",
            body=RequestBody(
                members=(
                    *COMMON,
                    *_TEXT,
                    _ASPECT,
                    _SPEED,
                    Member(name="upscale_factor", choices=("x1", "x2", "x4"), default="x1"),
                ),
                rules=(_check_prompts,),
            ),
            recipe=_transparent,
            price=prices.transparent,
        ),
    }
)
REMOVE_BACKGROUND: Mapping[str, PictureModel] = MappingProxyType(
    {
        "ideogram-1": PictureModel(
            product="api_remove_background",
            body=RequestBody(members=PLAIN, files=(Files(name="image", required=True),), limit=25 * MIB),
            recipe=lambda asked: recipes.without_background,
            price=prices.REMOVE_BACKGROUND,
        )
    }
)


async def generate(call: Call) -> Response:
    """Make pictures from a prompt with the model in the path."""
    return await answer(call, await _order(call, GENERATE))


async def remove_background(call: Call) -> Response:
    """Remove the background of a picture."""
    order = await _order(call, REMOVE_BACKGROUND)
    return await answer(call, replace(order, told=(), told_of_each=("url", "is_image_safe")))


async def _order(call: Call, models: Mapping[str, PictureModel]) -> Order:
    """Read the parameters for the model in the path."""
    name = call.params["model"]
    model = models.get(name)
    if model is None:
        raise ApiError(
            Problem.NOT_FOUND,
            "Not found",
            reason=f"there is no such model here; there are {', '.join(models)}",
            details={"path": call.path},
        )
    await check_key_lives(call)
    said = await _said(call, model.body)
    asked = _as_in_v1(said)
    uri = asked.text("custom_model_uri")
    if uri and not await model_exists(call, uri):
        raise refused("No custom model of this URI is ready for generation.", "custom_model_uri")
    work = replace(
        work_of(call, asked, (model.recipe(asked),)),
        price=model.price(asked.params()),
        params={"model": name, **said.params()},
        product=model.product,
    )
    prompt = prompt_used(asked) if asked.has("prompt") else None
    return Order(asked=said, work=work, prompt=prompt)


async def _said(call: Call, body: RequestBody) -> Asked:
    """Read a form, or JSON, which cannot contain a required picture."""
    if any(one.required for one in body.files):
        return await read_with_picture(call, body)
    kind = call.request.headers.get("content-type", "").partition(";")[0].strip()
    return await (read_json if kind == "application/json" else read)(call, body)


def _as_in_v1(asked: Asked) -> Asked:
    """The same request with the names of v1."""
    values = {
        name: value.upper() if name in _WORDS and isinstance(value, str) else value
        for name, value in asked.values.items()
    }
    palette = values.get("color_palette")
    if is_object(palette) and isinstance(palette.get("name"), str):
        values["color_palette"] = {**palette, "name": str(palette["name"]).upper()}
    if values.get("aspect_ratio") == "auto":
        del values["aspect_ratio"]
    return replace(asked, values=values)
