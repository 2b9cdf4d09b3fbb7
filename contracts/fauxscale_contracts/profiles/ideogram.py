"""Ideogram's own API."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from .profile import Job, Probe, Profile, Results

# Dollars for one picture (model pages of its resellers, 2026-04).
_PRICE = 0.06
_EMPTY = {"image_request": "{}"}

_UPSCALE = Profile(
    name="ideogram",
    api_version="2026-04",
    recorded=Path(__file__).parents[1] / "recorded" / "ideogram",
    api_version_option="ideogram.api_version",
    key_header=("Api-Key", ""),
    work="ideogram.upscale",
    replies="ideogram.upscale",
    download="ideogram.download",
    results=Results(operation="ideogram.upscale", at="/data/0", member="url"),
    probes=(
        Probe(
            id="a small picture",
            operation="ideogram.upscale",
            path="/upscale",
            fields=_EMPTY,
            picture="image_file",
            cost=_PRICE,
        ),
        Probe(id="no picture", operation="ideogram.upscale", path="/upscale", fields=_EMPTY),
        Probe(
            id="a value too large",
            operation="ideogram.upscale",
            path="/upscale",
            fields={"image_request": '{"resemblance": 101}'},
            picture="image_file",
            risk=_PRICE,
        ),
        Probe(
            id="a wrong key",
            operation="ideogram.upscale",
            path="/upscale",
            fields=_EMPTY,
            picture="image_file",
            valid_key=False,
        ),
    ),
    # The documented statuses of POST /upscale are 400, 403, 422 and 429; any front end may answer the others.
    refusals=(400, 401, 402, 403, 404, 413, 415, 422),
    options={
        "options-least": {"resemblance": 1, "detail": 1, "seed": 0},
        "options-most": {"resemblance": 100, "detail": 100, "seed": 2**31 - 1},
        "options-prompt": {"prompt": "Zoë's “cat” \\ 猫 🐈"},
    },
    signed_links=True,
    unsafe_results=True,
    skewed_clocks=True,
)

_SEEDS = {"options-least-seed": {"seed": 0}, "options-most-seed": {"seed": 2**31 - 1}}
_PROMPT = {"prompt": "a red fox in the snow"}
_GENERATE = replace(
    _UPSCALE,
    task="generate",
    asked={**_PROMPT, "resolution": "512x1536"},  # the fewest possible pixels
    work="ideogram.v3_generate",
    replies="ideogram.v3_generate",
    results=Results(operation="ideogram.v3_generate", at="/data/0", member="url"),
    options={
        **_SEEDS,
        "options-prompt": {"prompt": "Zoë's “cat” \\ 猫 🐈"},
        "options-resolution": {"resolution": "1536x512"},
    },
    count="num_images",
    counts_images=True,
)
_V2_UPSCALE = replace(
    _UPSCALE,
    work="ideogram.v2_upscale",
    replies="ideogram.v2_[pu][op]*",  # poll, upscale
    results=Results(operation="ideogram.v2_upscale", at="/data/0", member="url"),
    job=Job(
        submit="ideogram.v2_upscale",
        result="ideogram.v2_poll",
        polls="ideogram.polls",
        webhooks=True,
        id_at="/generation_id",
        state_at="/status",
        pending=("pending",),
        direct=True,
        limits_polls=True,
    ),
    largest=50 * 1024 * 1024,
    options=_SEEDS,
)
_EDIT = replace(
    _UPSCALE,
    task="edit",
    asked=_PROMPT,
    work="ideogram.v3_inpaint",
    replies="ideogram.v3_inpaint",
    results=Results(operation="ideogram.v3_inpaint", at="/data/0", member="url"),
    least_side=432,  # most pictures then have a size that is edited unchanged
    options=_SEEDS,
    count="num_images",
    counts_images=True,
)
_DESCRIBE = replace(
    _UPSCALE,
    task="describe",
    work="ideogram.describe",
    replies="ideogram.describe",
    download="",
    results=Results(operation="ideogram.describe", carrier="text", at="/descriptions/0", member="text"),
    options={},
    signed_links=False,
    unsafe_results=False,
    skewed_clocks=False,
)
PROFILE = replace(
    _UPSCALE,
    operations={
        "generate": _GENERATE,
        "edit": _EDIT,
        "describe": _DESCRIBE,
        "v2-upscale": _V2_UPSCALE,
    },
)
