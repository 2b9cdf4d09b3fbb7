"""Calls to fal.ai, and what its addresses are made of."""

from __future__ import annotations

import base64
from typing import Unpack

import httpx

from fauxscale.client.arguments import TermArguments
from tests.stages import Stage

MODEL = "/fal-ai/ideogram/upscale"


UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"


def uri(data: bytes, media_type: str = "image/png") -> str:
    return f"data:{media_type};base64,{base64.b64encode(data).decode()}"


def run(
    stage: Stage, body: object, *, key: str | None = None, path: str = MODEL, **terms: Unpack[TermArguments]
) -> httpx.Response:
    """One direct call with an account of its own, unless a key is given."""
    key = stage.account(**terms).api_key("fal") if key is None else key
    headers = {"authorization": f"Key {key}"} if key else {}
    return stage.http.post(stage.base_url("fal") + path, json=body, headers=headers)
