"""Rendered when looked at, once per content, within bounds of memory, whoever goes away meanwhile."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from dataclasses import replace
from typing import TypeVar

import pytest

from fauxscale.errors import ApiError, Problem
from fauxscale.images.renderer import Rendition, Renditions
from tests.pictures import opened, picture

T = TypeVar("T")
RECIPE = Rendition(
    id="x",
    account="acct_1",
    provider="ideogram",
    operation="ideogram.upscale",
    path="/x.png",
    source="blob:1",
    format="PNG",
    width=80,
    height=60,
    permit=100,
)


def run(work: Coroutine[object, object, T]) -> T:
    return asyncio.run(work)


def test_a_rendition_survives_its_json() -> None:
    assert Rendition.from_json(RECIPE.to_json()) == RECIPE


def test_concurrent_looks_share_one_rendering_also_of_equal_uploads() -> None:
    async def look() -> tuple[set[bytes], int]:
        made = Renditions(cache=10_000_000, permits=10_000)
        twin = replace(RECIPE, id="y", source="blob:2")
        looks = [made.picture(one, picture()) for one in (RECIPE, twin) * 5]
        pictures = set(await asyncio.gather(*looks))
        made.close()
        return pictures, made.rendered

    pictures, rendered = run(look())
    assert rendered == 1
    assert opened(pictures.pop()).size == (80, 60)
    assert not pictures


def test_a_reader_that_leaves_does_not_take_the_rendering_along() -> None:
    async def look() -> tuple[bytes, int]:
        made = Renditions(cache=10_000_000, permits=10_000)
        leaver = asyncio.create_task(made.picture(RECIPE, picture()))
        stayer = asyncio.create_task(made.picture(RECIPE, picture()))
        while not made._making:
            await asyncio.sleep(0)
        leaver.cancel()
        data = await stayer
        made.close()
        return data, made.rendered

    data, rendered = run(look())
    assert opened(data).size == (80, 60)
    assert rendered == 1


def test_the_cache_keeps_to_its_budget_and_drops_the_oldest() -> None:
    async def look() -> list[int]:
        made = Renditions(cache=1, permits=10_000)
        counts: list[int] = []
        other = replace(RECIPE, source="blob:2", width=40, height=30)
        for one in (RECIPE, RECIPE, other, RECIPE):
            await made.picture(one, picture())
            counts.append(made.rendered)
        made.close()
        return counts

    assert run(look()) == [1, 1, 2, 3]


def test_memory_permits_are_waited_for_in_turn_however_many_look() -> None:
    async def look() -> tuple[list[bytes], int]:
        made = Renditions(cache=10_000_000, permits=150)
        await made._take(100)
        looks = [
            asyncio.create_task(made.picture(replace(RECIPE, source=f"blob:{n}", width=80 + n), picture()))
            for n in range(12)
        ]
        while len(made._queue) < 12:
            await asyncio.sleep(0.001)
        looks[3].cancel()
        made._release(100)
        pictures = await asyncio.gather(*looks, return_exceptions=True)
        held = made._held
        made.close()
        return [one for one in pictures if isinstance(one, bytes)], held

    pictures, held = run(look())
    assert len(pictures) == 11
    assert held == 0


def test_uploads_are_judged_while_pictures_are_rendered() -> None:
    async def look() -> bool:
        made = Renditions(cache=1, permits=10**9, threads=1)
        busy = threading.Event()
        rendering = asyncio.create_task(made.run(busy.wait, pool="pixels"))
        judged = await asyncio.wait_for(made.run(lambda: True), timeout=5)
        busy.set()
        await rendering
        made.close()
        return judged

    assert run(look())


def test_one_picture_larger_than_all_permits_is_rendered_alone() -> None:
    async def look() -> bytes:
        made = Renditions(cache=1, permits=1)
        data = await made.picture(RECIPE, picture())
        made.close()
        return data

    assert opened(run(look())).size == (80, 60)


def test_broken_pixels_are_the_readers_error_and_are_not_remembered_as_a_picture() -> None:
    async def look() -> Problem:
        made = Renditions(cache=1, permits=1000)
        with pytest.raises(ApiError) as refused:
            await made.picture(RECIPE, picture()[:60])
        made.close()
        return refused.value.problem

    assert run(look()) is Problem.BROKEN_IMAGE
