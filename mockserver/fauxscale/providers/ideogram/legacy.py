"""The legacy picture operations, whose parameters are a JSON object or form fields.

Sources: Ideogram's public OpenAPI description of 2026-04-27 and the API reference (read 2026-04 and 2026-11).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec.structs import replace

from fauxscale.provider_api import Size

from . import recipes
from .asked import Asked, RequestBody, refused
from .operation import Operation, makes
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
from .upscale import HOLDER, IMAGE, held
from .v3 import MASK, word

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
# Features of some models only ("only available for model versions …", OpenAPI of 2026-04-27).
_OLDEST = ("V_1", "V_1_TURBO")
_UNABLE: Mapping[str, tuple[str, ...]] = {
    "resolution": _OLDEST,
    "style_type": _OLDEST,
    "color_palette": (*_OLDEST, "V_2A", "V_2A_TURBO"),
    "negative_prompt": ("V_2A", "V_2A_TURBO", "V_3", "AUTO"),
}


def _model_can(*names: str) -> Callable[[Asked], None]:
    """The rule that the model supports these parameters."""

    def rule(asked: Asked) -> None:
        for name in names:
            if asked.has(name) and asked.text("model") in _UNABLE[name]:
                raise refused(f"{name} is not supported by the model {asked.text('model')}.", name)

    return rule


def _size(asked: Asked) -> Size:
    if asked.has("resolution"):
        return size_of(asked.text("resolution"))
    return LEGACY_ASPECTS[asked.text("aspect_ratio") or "ASPECT_1_1"]


GENERATE = Operation(
    body=RequestBody(
        members=held(*_REQUEST), rules=(ONE_SIZE, _model_can(*_UNABLE)), holder=HOLDER, is_json=True
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
        members=held(
            *_REQUEST,
            Member(name="image_weight", kind="integer", least=1, most=100, default=50),
        ),
        files=(IMAGE,),
        rules=(ONE_SIZE, _model_can(*_UNABLE)),
        holder=HOLDER,
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
