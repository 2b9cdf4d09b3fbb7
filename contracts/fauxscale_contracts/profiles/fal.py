"""fal.ai: direct calls, and a queue."""

from __future__ import annotations

from pathlib import Path

from .profile import Job, Probe, Profile, Results

# Dollars for one picture (model page, 2026-04).
_PRICE = 0.06
_UPSCALE = "/fal-ai/ideogram/upscale"

PROFILE = Profile(
    name="fal",
    api_version="2026-08",
    recorded=Path(__file__).parents[1] / "recorded" / "fal",
    key_header=("Authorization", "Key "),
    cancelled_code="client_cancelled",
    # fal-client 1.0.3 also reads a key in halves.
    env_if_set={"FAL_KEY_ID": "{key_id}", "FAL_KEY_SECRET": "{key_secret}"},
    work="fal.[rs]u*",  # run, submit
    replies="fal.r[eu]*",  # result, run
    download="fal.download",
    results=Results(operation="fal.result", at="/images/0", member="url"),
    job=Job(
        submit="fal.submit",
        status="fal.status",
        result="fal.result",
        polls="fal.polls",
        webhooks=True,
        id_at="/request_id",
    ),
    probes=(
        Probe(
            id="a small picture",
            operation="fal.run",
            path=_UPSCALE,
            encoding="json",
            picture="image_url",
            cost=_PRICE,
        ),
        Probe(
            id="no picture", operation="fal.run", path=_UPSCALE, encoding="json", fields={"prompt": "a cat"}
        ),
        Probe(
            id="a wrong key",
            operation="fal.run",
            path=_UPSCALE,
            encoding="json",
            picture="image_url",
            valid_key=False,
        ),
    ),
)
