"""The picture operations of v3, and the two of v1 that came later: their parameters and steps.

Sources: Ideogram's public OpenAPI description of 2026-04-27 and the API reference (read 2026-04 and 2026-11).
"""

from __future__ import annotations

from collections.abc import Mapping

from fauxscale.provider_api import Call, Outcome, Result, Size

from . import recipes
from .asked import Asked, Files, RequestBody
from .operation import Operation, as_made, created, makes, pictures
from .schema import Member
from .sizes import ASPECTS, size_of
from .styles import (
    ASPECT,
    CODES,
    COUNT,
    LATE_MODEL_URI,
    MAGIC,
    MODEL_URI,
    NEGATIVE,
    ONE_SIZE,
    ONE_STYLE,
    PALETTE,
    PRESET,
    PROMPT,
    REFERENCES,
    RESOLUTION,
    SEED,
    SPEED,
    STYLE,
    STYLES,
    TRANSPARENT_SPEED,
    characters_fit,
)

IMAGE = Files(name="image", required=True)
MASK = Files(name="mask", required=True)
_STYLED = (PRESET, PALETTE, CODES)
_FACTORS = {"X1": 1, "X2": 2, "X4": 4}


def size_asked(asked: Asked) -> Size:
    """The size of v3 for a call: by its resolution, or by its ratio."""
    if asked.has("resolution"):
        return size_of(asked.text("resolution"))
    return ASPECTS[asked.text("aspect_ratio") or "1x1"]


def word(call: Call, asked: Asked, outcome: Outcome) -> Mapping[str, object]:
    return pictures(call, asked, outcome, sizes=as_made, style=asked.text("style_type") or "GENERAL")


def _word_transparent(call: Call, asked: Asked, outcome: Outcome) -> Mapping[str, object]:
    width, height = size_asked(asked)

    def sizes(result: Result) -> tuple[str, str]:
        return f"{width}x{height}", "" if asked.text("upscale_factor") == "X1" else result.size

    return pictures(call, asked, outcome, sizes=sizes, style="GENERAL")


def _word_bare(call: Call, asked: Asked, outcome: Outcome) -> Mapping[str, object]:
    data = [{"url": result.url, "is_image_safe": result.safe} for result in outcome.results]
    return {"created": created(call), "data": data}


GENERATE = Operation(
    body=RequestBody(
        members=(
            PROMPT, SEED, RESOLUTION, ASPECT, SPEED, MAGIC, NEGATIVE, COUNT, *_STYLED, STYLE, MODEL_URI,
        ),
        files=REFERENCES,
        rules=(ONE_SIZE, *ONE_STYLE, characters_fit),
    ),
    answer=makes(lambda asked: recipes.generated(asked, size_asked(asked)), word),
)  # fmt: skip
TRANSPARENT = Operation(
    body=RequestBody(
        members=(
            PROMPT, SEED, Member(name="upscale_factor", choices=tuple(_FACTORS), default="X1"), ASPECT,
            TRANSPARENT_SPEED, MAGIC, NEGATIVE, COUNT, LATE_MODEL_URI,
        ),
    ),
    answer=makes(lambda asked: recipes.transparent(
            asked, ASPECTS[asked.text("aspect_ratio") or "1x1"], _FACTORS[asked.text("upscale_factor")]
        ), _word_transparent),
)  # fmt: skip
INPAINT = Operation(
    body=RequestBody(
        members=(PROMPT, MAGIC, COUNT, SEED, SPEED, STYLE, *_STYLED, LATE_MODEL_URI),
        files=(IMAGE, MASK, *REFERENCES),
        rules=(*ONE_STYLE, characters_fit),
    ),
    answer=makes(recipes.inpainted, word),
)
REMIX = Operation(
    body=RequestBody(
        members=(
            PROMPT, Member(name="image_weight", kind="integer", least=1, most=100, default=50), SEED,
            RESOLUTION, ASPECT, SPEED, MAGIC, NEGATIVE, COUNT, *_STYLED, STYLE, LATE_MODEL_URI,
        ),
        files=(IMAGE, *REFERENCES),
        rules=(ONE_SIZE, *ONE_STYLE, characters_fit),
    ),
    answer=makes(lambda asked: recipes.remixed(asked, size_asked(asked)), word),
)  # fmt: skip
REFRAME = Operation(
    body=RequestBody(
        members=(
            Member(name="resolution", choices=RESOLUTION.choices, required=True), COUNT, SEED, SPEED, *_STYLED,
        ),
        files=(IMAGE, STYLES),
        rules=ONE_STYLE,
    ),
    answer=makes(lambda asked: recipes.reframed(size_asked(asked)), word),
)  # fmt: skip
REPLACE_BACKGROUND = Operation(
    body=RequestBody(
        members=(PROMPT, MAGIC, COUNT, SEED, SPEED, *_STYLED), files=(IMAGE, STYLES), rules=ONE_STYLE
    ),
    answer=makes(recipes.with_background, word),
)
REMOVE_BACKGROUND = Operation(
    body=RequestBody(members=(), files=(IMAGE,)),
    answer=makes(lambda asked: recipes.without_background, _word_bare),
)
