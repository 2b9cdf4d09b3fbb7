"""Calls to Ideogram."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Unpack

import httpx

from fauxscale.client.arguments import TermArguments
from tests.pictures import picture
from tests.stages import Stage


def upscale(
    stage: Stage,
    image: bytes | None = None,
    request: object = "{}",
    *,
    key: str | None = None,
    headers: Mapping[str, str] | None = None,
    **terms: Unpack[TermArguments],
) -> httpx.Response:
    """One call with an account of its own, unless a key is given. `request` is JSON text or a value."""
    key = stage.account(**terms).api_key("ideogram") if key is None else key
    text = request if isinstance(request, str) else json.dumps(request)
    files: dict[str, Any] = {"image_request": (None, text)}
    files["image_file"] = ("photo.png", picture() if image is None else image, "image/png")
    return stage.http.post(
        f"{stage.base_url('ideogram')}/upscale", files=files, headers={"Api-Key": key, **(headers or {})}
    )
