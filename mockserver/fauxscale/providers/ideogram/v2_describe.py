"""Descriptions in v2 of Ideogram's API: as text, or as the structured prompt of its newest models.

Source: the public OpenAPI description of 2026-10-07: described at once, without quotes, webhooks or generations.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TypeAlias

from msgspec.structs import replace
from starlette.responses import JSONResponse, Response

from fauxscale.provider_api import (
    ApiError,
    Block,
    Call,
    Measured,
    Problem,
    judge,
    measured,
    perform,
    text_blocks_of,
)

from . import prices, recipes
from .asked import Asked, Files, RequestBody, read_with_picture
from .operation import check_key_lives, created, work_of
from .schema import Member

MIB = 1024 * 1024
_CANVAS = 1_000  # boxes are on a canvas of 1000 x 1000, whatever the size of the picture

# The description of a picture, by the parameters and the measurements.
Words: TypeAlias = Callable[[Asked, Measured, tuple[Block, ...]], Mapping[str, object]]


def _in_words(asked: Asked, found: Measured, blocks: tuple[Block, ...]) -> Mapping[str, object]:
    return {"descriptions": [{"text": found.caption}]}


def _as_prompt(asked: Asked, found: Measured, blocks: tuple[Block, ...]) -> Mapping[str, object]:
    """The elements are the texts in the picture: objects are not recognized."""
    names = [shade.name for shade in found.shades]
    prompt: dict[str, object] = {"high_level_description": found.caption}
    if asked.values["include_style_descriptions"]:
        prompt["style_description"] = {
            "aesthetics": f"mostly {names[0]}" if names else "transparent",
            "lighting": found.light,
            "color_palette": [shade.colour.upper() for shade in found.shades],
        }
    prompt["compositional_deconstruction"] = {
        "background": names[0] if names else "transparent",
        "elements": [
            _element(number, block, found if asked.values["include_bbox"] else None)
            for number, block in enumerate(blocks, 1)
        ],
    }
    if asked.values["include_tags"]:
        prompt["tags"] = names
    return {"json_prompt": prompt}


def _element(number: int, block: Block, canvas: Measured | None) -> Mapping[str, object]:
    """A row of text as an element of a prompt; `canvas` is the picture in whose pixels its box is."""
    box: dict[str, object] = {}
    if canvas is not None:
        across, down = _CANVAS / canvas.width, _CANVAS / canvas.height
        ends = (block.y + block.height) * down, (block.x + block.width) * across
        box["bbox"] = [round(edge) for edge in (block.y * down, block.x * across, *ends)]
    colour = block.colour.upper()
    return {
        "type": "text",
        **box,
        "text": f"TEXT {number}",
        "desc": f"a row of text in {colour}",
        "color_palette": [colour],
    }


def _flag(name: str, *, default: bool) -> Member:
    return Member(name=name, kind="boolean", default=default)


_FILES = (Files(name="image", required=True),)
MODELS: Mapping[str, tuple[RequestBody, Words]] = MappingProxyType(
    {
        "ideogram-3": (RequestBody(members=(), files=_FILES, limit=10 * MIB), _in_words),
        "ideogram-4": (
            RequestBody(
                members=(
                    _flag("include_bbox", default=True),
                    _flag("include_style_descriptions", default=False),
                    _flag("include_tags", default=False),
                ),
                files=_FILES,
                limit=10 * MIB,
            ),
            _as_prompt,
        ),
    }
)


async def describe(call: Call) -> Response:
    """Describe the picture in `image` with the model in the path, from measurements made now."""
    name = call.params["model"]
    if name not in MODELS:
        raise ApiError(
            Problem.NOT_FOUND,
            "Not found",
            reason=f"there is no such model to describe with; there are {', '.join(MODELS)}",
            details={"path": call.path},
        )
    body, words = MODELS[name]
    await check_key_lives(call)
    asked = await read_with_picture(call, body)
    params = {"model": name, **asked.params()}
    work = replace(
        work_of(call, asked, (recipes.whole,)), path=None, price=prices.DESCRIBE(params), params=params
    )
    judged = await judge(call, work)
    data = work.sources[0].data
    found = await measured(call, data, judged[0])
    blocks = await text_blocks_of(call, data, judged[0]) if name == "ideogram-4" else ()
    await perform(call, work, judged)
    return JSONResponse(
        {
            "description_id": await call.account.draw_id("description"),
            "created": created(call),
            **words(asked, found, blocks),
        }
    )
