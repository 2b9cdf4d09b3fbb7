"""AIgateway, a gateway that speaks OpenAI's dialect."""

from __future__ import annotations

from pathlib import Path

from . import openai_dialect
from .profile import Profile, Results

_WORK = "aigateway.[eg]*"  # edits, generations

PROFILE = Profile(
    name="aigateway",
    api_version="2026-06",
    recorded=Path(__file__).parents[1] / "recorded" / "aigateway",
    env=openai_dialect.ENV,
    work=_WORK,
    replies=_WORK,
    download="aigateway.download",
    results=Results(operation="aigateway.edits", at="/data/0", member="url"),
    probes=openai_dialect.probes("aigateway", "ideogram/ideogram-upscale", price=0.06),
    refusals=(400, 401, 402, 403, 404, 413),
    signed_links=True,
)
