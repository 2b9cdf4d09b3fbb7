"""The legacy picture operations and /upscale, whose parameters are a JSON object or the texts of a form.

Sources: Ideogram's public OpenAPI description of 2026-04-27 and the API reference (read 2026-04 and 2026-11).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from fauxscale.provider_api import Call, Outcome, Result, Size, enlarged

from . import recipes
from .asked import Asked, Files, RequestBody, refused
from .operation import Operation, makes, pictures
from .schema import Member
from .sizes import LEGACY_ASPECTS, size_of
from .styles import (
    COUNT,
    LEGACY_ASPECT,
    LEGACY_MAGIC,
    LEGACY_MAGIC_VERSION,
    LEGACY_RESOLUTION,
    LEGACY_STYLE,
    MODEL,
    NEGATIVE,
    ONE_SIZE,
    PALETTE,
    PROMPT,
    SEED,
)
from .v3 import MASK, word

IMAGE = Files(name="image_file", required=True)
_HOLDER = "image_request"
_REQUEST = (
    PROMPT,
    LEGACY_ASPECT,
    LEGACY_RESOLUTION,
    MODEL,
    LEGACY_MAGIC,
    LEGACY_MAGIC_VERSION,
    SEED,
    LEGACY_STYLE,
    NEGATIVE,
    COUNT,
    PALETTE,
)
_PERCENT = Member(name="resemblance", kind="integer", least=1, most=100, default=50)
# What only some models can ("only available for model versions …", OpenAPI of 2026-04-27).
_OLDEST = ("V_1", "V_1_TURBO")
_UNABLE: Mapping[str, tuple[str, ...]] = {
    "resolution": _OLDEST,
    "style_type": _OLDEST,
    "color_palette": (*_OLDEST, "V_2A", "V_2A_TURBO"),
    "negative_prompt": ("V_2A", "V_2A_TURBO", "V_3", "AUTO"),
}


def _model_can(*names: str) -> Callable[[Asked], None]:
    """The rule that the model can what is asked of it under these names."""

    def rule(asked: Asked) -> None:
        for name in names:
            if asked.has(name) and asked.text("model") in _UNABLE[name]:
                raise refused(f"{name} is not supported by the model {asked.text('model')}.", name)

    return rule


def _held(*members: Member) -> tuple[Member, ...]:
    """The one member of a request that holds all others."""
    return (Member(name=_HOLDER, kind="object", required=True, members=members),)


def _size(asked: Asked) -> Size:
    if asked.has("resolution"):
        return size_of(asked.text("resolution"))
    return LEGACY_ASPECTS[asked.text("aspect_ratio") or "ASPECT_1_1"]


def _word_upscale(call: Call, asked: Asked, outcome: Outcome) -> Mapping[str, object]:
    width, height = outcome.pictures[0].size

    def sizes(result: Result) -> tuple[str, str]:
        return f"{width}x{height}", result.size

    return pictures(call, asked, outcome, sizes=sizes, style="GENERAL")


UPSCALE = Operation(
    body=RequestBody(
        members=_held(
            replace(PROMPT, required=False),
            _PERCENT,
            replace(_PERCENT, name="detail"),
            LEGACY_MAGIC,
            COUNT,
            SEED,
            LEGACY_MAGIC_VERSION,
            Member(name="magic_prompt_system_prompt_config_id", late=True),
        ),
        files=(IMAGE,),
        holder=_HOLDER,
    ),
    answer=makes(lambda asked: enlarged(), _word_upscale),
)
GENERATE = Operation(
    body=RequestBody(
        members=_held(*_REQUEST), rules=(ONE_SIZE, _model_can(*_UNABLE)), holder=_HOLDER, is_json=True
    ),
    answer=makes(lambda asked: recipes.generated(asked, _size(asked)), word),
)
EDIT = Operation(
    body=RequestBody(
        members=(
            PROMPT,
            Member(name="model", choices=("V_2", "V_2_TURBO"), required=True),
            LEGACY_MAGIC,
            COUNT,
            SEED,
            LEGACY_STYLE,
        ),
        files=(IMAGE, MASK),
    ),
    answer=makes(lambda asked: recipes.inpainted(asked, any_size=True), word),
)
REMIX = Operation(
    body=RequestBody(
        members=_held(
            *_REQUEST,
            Member(name="image_weight", kind="integer", least=1, most=100, default=50),
        ),
        files=(IMAGE,),
        rules=(ONE_SIZE, _model_can(*_UNABLE)),
        holder=_HOLDER,
    ),
    answer=makes(lambda asked: recipes.remixed(asked, _size(asked)), word),
)
REFRAME = Operation(
    body=RequestBody(
        members=(
            replace(LEGACY_RESOLUTION, required=True),
            replace(MODEL, required=True, default=None),
            COUNT,
            SEED,
            LEGACY_STYLE,
        ),
        files=(IMAGE,),
        rules=(_model_can("style_type"),),
    ),
    answer=makes(lambda asked: recipes.reframed(_size(asked)), word),
)
