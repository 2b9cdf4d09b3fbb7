"""What no schema can say of a service is looked at: what its links lead to, whatever their bytes are."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest

from fauxscale_contracts import load
from fauxscale_contracts.profiles.installed import profile
from fauxscale_contracts.profiles.outcomes import Outcome, Service, Trials, look
from fauxscale_contracts.profiles.probing import run
from tests.contracts.lies import Lie, of_pictures, png, telling

BOMBS = Path(__file__).parents[3] / "fixtures" / "corpus" / "bad" / "bomb"


def outcomes(lie: Lie) -> list[Outcome]:
    of = profile("ideogram")

    async def looked(base_url: str, key: str) -> list[Outcome]:
        async with httpx.AsyncClient() as http:
            service = Service(of, load(of.name), base_url, key, http, 30)
            probed = await run(of, base_url, key, http)
            return [one async for one in look(service, probed, Trials())]

    with telling(lie) as (base_url, key):
        return asyncio.run(looked(base_url, key))


@pytest.mark.parametrize(
    "name",
    [
        "gen_png_20000x20000_gray.png",  # Pillow raises an error for it
        "gen_png_13300x13300_gray.png",  # Pillow warns of it
        "gen_png_header_only_30000.png",
    ],
)
def test_a_decompression_bomb_behind_a_link_is_no_picture(name: str) -> None:
    bomb = (BOMBS / name).read_bytes()
    (found,) = [
        one for one in outcomes(Lie(name, of_pictures(lambda _: png(200, bomb)))) if one.name == "picture"
    ]
    assert (found.verdict, found.message) == ("FAIL", "its link does not lead to a picture")
