"""Ideogram's own API."""

from __future__ import annotations

from pathlib import Path

from .profile import Probe, Profile, Results

# Dollars for one picture (model pages of its resellers, 2026-04).
_PRICE = 0.06
_EMPTY = {"image_request": "{}"}

PROFILE = Profile(
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
    # The documented statuses of POST /upscale are 400, 403, 422 and 429; the others any front door may answer.
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
