"""Ideogram's own API: the picture operations of v1, as the documentation of 2026-04 and 2026-10 describes them.

Sources: developer.ideogram.ai, API reference (read 2026-04 and 2026-11), the public OpenAPI descriptions of 2026-04-27
and 2026-10-07. What they do not say is an `Option` (options.py).
"""

from __future__ import annotations

import base64

from starlette.requests import Request
from starlette.responses import Response

from fauxscale.provider_api import (
    Call,
    Endpoint,
    Price,
    Provider,
    Site,
    links_at,
)

from . import endpoints, prices
from .errors import word_error
from .operation import run
from .options import OPTIONS, PARAMETERS
from .upscale import UPSCALE

_V3 = "/v1/ideogram-v3"


async def answer(call: Call) -> Response:
    """Answer a call of a picture operation. The operations other than /upscale are loaded with their first call."""
    if call.endpoint.operation == "ideogram.upscale":
        return await run(UPSCALE, call)
    from .operations import OPERATIONS

    return await run(OPERATIONS[call.endpoint.operation], call)


def find_key(request: Request) -> str | None:
    return request.headers.get("api-key")


def mint_key(drawn: bytes) -> str:
    return base64.urlsafe_b64encode(drawn[:48]).rstrip(b"=").decode()


# The name of each operation here, its path, and the price of an image.
_OPERATIONS: tuple[tuple[str, str, Price], ...] = (
    ("upscale", "/upscale", prices.UPSCALE),
    ("generate", "/generate", prices.legacy),
    ("edit", "/edit", prices.legacy),
    ("remix", "/remix", prices.legacy),
    ("reframe", "/reframe", prices.legacy),
    ("describe", "/describe", prices.DESCRIBE),
    ("v1_edit", "/v1/edit", prices.EDIT),
    ("remove_background", "/v1/remove-background", prices.REMOVE_BACKGROUND),
    ("v3_generate", f"{_V3}/generate", prices.v3),
    ("v3_generate_transparent", f"{_V3}/generate-transparent", prices.transparent),
    ("v3_inpaint", f"{_V3}/inpaint", prices.v3),
    ("v3_edit", f"{_V3}/edit", prices.v3),
    ("v3_remix", f"{_V3}/remix", prices.v3),
    ("v3_reframe", f"{_V3}/reframe", prices.v3),
    ("v3_replace_background", f"{_V3}/replace-background", prices.v3),
    ("v3_layerize_text", f"{_V3}/layerize-text", prices.LAYERIZE),
)
API = Site(
    prefix="/ideogram",
    hosts=("api.ideogram.ai",),
    at_root=True,
    endpoints=(
        *(
            Endpoint(
                operation=f"ideogram.{name}",
                method="POST",
                path=path,
                handler=answer,
                price=price,
            )
            for name, path, price in _OPERATIONS
        ),
        *endpoints.ENDPOINTS,
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
    parameters=tuple(dict.fromkeys((*PARAMETERS, *endpoints.PARAMETERS))),
    word_error=word_error,
    env={"IDEOGRAM_BASE_URL": "{base_url}", "IDEOGRAM_API_KEY": "{key}"},
    link_life=24 * 3600,
    quotas=endpoints.QUOTAS,
    options=(*OPTIONS, *endpoints.OPTIONS),
    notice=endpoints.notice,
    signature=endpoints.SIGNATURE,
)
