"""POST /v1/edit: edits pictures, sent as files or as URLs, by a prompt.

Source: Ideogram's public OpenAPI description of 2026-04-27.
"""

from __future__ import annotations

from starlette.responses import Response

from fauxscale.provider_api import ApiError, Call, Problem, Sent, named_picture, perform

from . import recipes
from .asked import MIB, Asked, Files, RequestBody, refused
from .operation import Operation, answered, work_of
from .schema import Member
from .styles import ASPECT, COUNT, MAGIC, ONE_SIZE, PROMPT, RESOLUTION, SEED
from .v3 import size_asked, word

_MOST = 10
_FILE = 10 * MIB


def _has_pictures(asked: Asked) -> None:
    count = len(asked.places("images")) + len(_addresses(asked))
    if not count:
        raise refused("At least one image is required: provide images or image_urls.", "images")
    if count > _MOST:
        raise refused(f"At most {_MOST} images can be provided.", "images")


def _addresses(asked: Asked) -> list[str]:
    found = asked.values.get("image_urls")
    return [str(one) for one in found] if isinstance(found, list) else []  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]  # a list of texts, by its schema


async def _edit(call: Call, asked: Asked) -> Response:
    """Edit the pictures sent, then those behind links of this server; no other links are read."""
    most = int(call.setting("max_pixels"))
    named = [Sent(await _linked(call, url), "image_urls", max_pixels=most) for url in _addresses(asked)]
    sized = asked.has("resolution") or asked.has("aspect_ratio")
    recipe = recipes.edited(asked, size_asked(asked) if sized else None)
    outcome = await perform(call, work_of(call, asked, (recipe,), (*asked.sent(call), *named)))
    return await answered(call, word(call, asked, outcome))


async def _linked(call: Call, url: str) -> bytes:
    if "://" not in url[:16]:
        raise ApiError(
            Problem.DOWNLOAD_FAILED,
            "Could not read a source image.",
            reason="image_urls are addresses; neither base64 nor a data URI is one",
            param="image_urls",
        )
    return await named_picture(call, url, _FILE, param="image_urls")


EDIT = Operation(
    body=RequestBody(
        members=(
            PROMPT,
            Member(name="image_urls", kind="array", most=_MOST, of=Member(name="image_url")),
            COUNT,
            SEED,
            MAGIC,
            RESOLUTION,
            ASPECT,
            Member(name="transparent_background", kind="boolean", default=False),
            Member(name="magic_prompt_system_prompt_config_id", late=True),
        ),
        files=(Files(name="images", many=True, each=_FILE),),
        rules=(_has_pictures, ONE_SIZE),
    ),
    answer=_edit,
)
