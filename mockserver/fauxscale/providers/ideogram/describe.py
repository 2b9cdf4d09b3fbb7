"""Operations that measure a picture: /describe, and the text blocks of layerize-text.

Source: Ideogram's public OpenAPI description of 2026-04-27.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace
from starlette.responses import JSONResponse, Response

from fauxscale.provider_api import (
    Block,
    Call,
    Size,
    Step,
    WithoutText,
    judge,
    measured,
    perform,
    text_blocks_of,
)

from . import recipes
from .asked import Asked, RequestBody
from .operation import Operation, answered, work_of
from .schema import Member
from .styles import PROMPT, SEED
from .upscale import IMAGE as IMAGE_FILE
from .v3 import IMAGE

_VERSION = Member(
    name="describe_model_version", choices=("V_2", "V_3"), later=("V_4", "CUSTOM"), default="V_3"
)


async def _describe(call: Call, asked: Asked) -> Response:
    """Describe the picture that was sent by its size, colours and brightness, measured now.

    It is stored like a result, behind a link that is not given out.
    """
    work = replace(work_of(call, asked, (recipes.whole,)), path=None)
    judged = await judge(call, work)
    found = await measured(call, work.sources[0].data, judged[0])
    await perform(call, work, judged)
    return JSONResponse({"descriptions": [{"text": found.caption}]})


async def _layerize(call: Call, asked: Asked) -> Response:
    """Remove the text from the picture that was sent, and return its positions."""
    work = replace(work_of(call, asked, (recipes.whole,)), withholds=False)
    judged = await judge(call, work)
    blocks = await text_blocks_of(call, work.sources[0].data, judged[0])

    def base(sizes: Sequence[Size], seed: int) -> Step:
        return WithoutText(recipes.whole(sizes, seed), blocks)

    outcome = await perform(call, replace(work, steps=(base, recipes.whole)), judged)
    bare, original = outcome.results
    return await answered(
        call,
        {
            "base_image_url": bare.url,
            "original_image_url": original.url,
            "seed": bare.seed,
            "text_blocks": [_block(number, one) for number, one in enumerate(blocks, 1)],
        },
    )


def _block(number: int, block: Block) -> dict[str, object]:
    """A block of text: its position is measured, but its text is a placeholder because nothing reads it."""
    return {
        "x": block.x,
        "y": block.y,
        "width": block.width,
        "height": block.height,
        "text": f"TEXT {number}",
        "alignment": "left",
        "angle": 0,
        "font_size": max(1, round(block.height * 0.75)),
        "line_height": 1.2,
        "color": block.colour,
        "formatting": [],
        "role": "heading" if number == 1 else "body",
    }


DESCRIBE = Operation(RequestBody(members=(_VERSION,), files=(IMAGE_FILE,)), _describe)
LAYERIZE = Operation(RequestBody(members=(replace(PROMPT, required=False), SEED), files=(IMAGE,)), _layerize)
