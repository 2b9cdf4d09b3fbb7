"""Lumenfall, a gateway that speaks OpenAI's dialect."""

from __future__ import annotations

from pathlib import Path

from . import openai_dialect
from .profile import Profile, Results

_WORK = "lumenfall.[eg]*"  # edits, generations

PROFILE = Profile(
    name="lumenfall",
    api_version="2026-06",
    recorded=Path(__file__).parents[1] / "recorded" / "lumenfall",
    env=openai_dialect.ENV,
    work=_WORK,
    replies=_WORK,
    download="lumenfall.download",
    results=Results(operation="lumenfall.edits", at="/data/0", member="url"),
    probes=openai_dialect.probes("lumenfall", "ideogram-upscale", price=0.06),
    refusals=(400, 401, 402, 404, 422),
    signed_links=False,
)
