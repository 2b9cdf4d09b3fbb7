"""POST /upscale, whose parameters are a JSON object in one part of the form.

Sources: Ideogram's public OpenAPI description of 2026-04-27 and the API reference (read 2026-04 and 2026-11).
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from fauxscale.provider_api import Call, Outcome, Result, enlarged

from .asked import Asked, Files, RequestBody
from .operation import Operation, makes, pictures
from .schema import Member
from .styles import COUNT, LEGACY_MAGIC, LEGACY_MAGIC_VERSION, PROMPT, SEED

IMAGE = Files(name="image_file", required=True)
HOLDER = "image_request"
_PERCENT = Member(name="resemblance", kind="integer", least=1, most=100, default=50)


def held(*members: Member) -> tuple[Member, ...]:
    """The one member of a request that holds all others."""
    return (Member(name=HOLDER, kind="object", required=True, members=members),)


def _word(call: Call, asked: Asked, outcome: Outcome) -> Mapping[str, object]:
    width, height = outcome.pictures[0].size

    def sizes(result: Result) -> tuple[str, str]:
        return f"{width}x{height}", result.size

    return pictures(call, asked, outcome, sizes=sizes, style="GENERAL")


UPSCALE = Operation(
    body=RequestBody(
        members=held(
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
        holder=HOLDER,
    ),
    answer=makes(lambda asked: enlarged(), _word),
)
