"""What the contract tools know of Stability AI's upscalers, beside the recorded contract."""

from __future__ import annotations

from pathlib import Path

from fauxscale_contracts import Job, Probe, Profile, Results

FAST = "/v2beta/stable-image/upscale/fast"
CREATIVE = "/v2beta/stable-image/upscale/creative"

PROFILE = Profile(
    name="stability",
    api_version="2026-07",
    recorded=Path(__file__).parent / "recorded",
    key_header=("Authorization", "Bearer "),
    work="stability.[cf]*",  # creative and fast
    replies="stability.[fr]*",  # fast and results
    results=Results(operation="stability.results", carrier="body"),
    job=Job(
        submit="stability.creative",
        result="stability.results",
        polls="stability.polls",
        path="/v2beta/results/{id}",
        id_at="/id",
    ),
    probes=(
        Probe(
            id="a small picture, creative",
            operation="stability.creative",
            path=CREATIVE,
            picture="image",
            fields={"prompt": "a photo"},
            cost=0.60,
        ),
        Probe(id="no picture, fast", operation="stability.fast", path=FAST),
        Probe(
            id="an unknown format, fast",
            operation="stability.fast",
            path=FAST,
            picture="image",
            fields={"output_format": "tiff"},
            risk=0.02,
        ),
        Probe(
            id="no prompt, creative",
            operation="stability.creative",
            path=CREATIVE,
            picture="image",
            risk=0.60,
        ),
        Probe(
            id="the balance",
            operation="stability.balance",
            path="/v1/user/balance",
            method="GET",
            free=True,
        ),
        Probe(
            id="an unknown key",
            operation="stability.balance",
            path="/v1/user/balance",
            method="GET",
            valid_key=False,
        ),
    ),
    scale=4,
    least_side=64,
    refusals=(400, 401, 402, 403, 413, 422),
)
