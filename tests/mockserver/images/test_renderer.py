"""Rendered when looked at, once per content, within bounds of memory, whoever goes away meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from typing import TypeVar

import pytest
from msgspec.structs import replace
from PIL import Image

from fauxscale.errors import ApiError, Problem
from fauxscale.images.permits import Permits
from fauxscale.images.recipe import AsStored, Blend, Draw, Enlarge, Recipe, Source
from fauxscale.images.renderer import Load, Renderer, SourceGone
from fauxscale.workers import Workers
from tests.pictures import opened, picture

T = TypeVar("T")
RECIPE = Recipe(sources=("blob:1",), step=Enlarge(80, 60), format="PNG", memory=100)


def renderer(*, cache: int, memory: int) -> Renderer:
    return Renderer(Workers(), Permits(memory), cache=cache)


def loading(*uploads: bytes) -> Load:
    async def load() -> Sequence[bytes]:
        return uploads

    return load


def run(work: Coroutine[object, object, T]) -> T:
    return asyncio.run(work)


def test_what_is_drawn_needs_no_source_and_what_is_stored_no_work() -> None:
    async def rendering() -> tuple[bytes, bytes]:
        made = renderer(cache=1, memory=1000)
        drawn = await made.picture(replace(RECIPE, sources=(), step=Draw("a cat", 40, 30)), loading())
        stored = await made.picture(replace(RECIPE, step=AsStored(80, 60)), loading(b"any bytes"))
        return drawn, stored

    drawn, stored = run(rendering())
    assert opened(drawn).size == (40, 30)
    assert stored == b"any bytes"


def test_a_step_made_of_steps_is_painted_of_all_the_sources_it_names() -> None:
    step = Blend(Source(1, 40, 30), Source(0, 40, 30), 50)

    async def rendering() -> tuple[bytes, str, str]:
        made = renderer(cache=1000, memory=1000)
        load = loading(picture(), picture(mode="L"))
        mixed = replace(RECIPE, sources=("blob:1", "blob:2"), step=step)
        other = replace(mixed, step=replace(step, weight=51))
        names = await made.content(mixed, load), await made.content(other, load)
        return await made.picture(mixed, load), *names

    data, one, other = run(rendering())
    expected = Image.blend(opened(picture()), opened(picture(mode="L")).convert("RGB"), 0.5)
    assert opened(data).tobytes() == expected.tobytes()
    assert one != other


def test_what_is_only_measured_waits_for_memory_too_and_frees_it_when_done_though_the_asker_left() -> None:
    async def measuring() -> tuple[list[int], int]:
        memory = Permits(150)
        made = Renderer(Workers(), memory, cache=1)
        ran: list[int] = []
        async with memory.of(100):
            waiting = [asyncio.create_task(made.measure(100, lambda n=n: ran.append(n))) for n in range(3)]  # type: ignore[misc]  # mypy has no type for this
            for _ in range(10):
                await asyncio.sleep(0)
            waiting[0].cancel()
            assert not ran
        await asyncio.gather(*waiting, return_exceptions=True)
        async with memory.of(150):  # all of it is free once more
            made.close()
        return ran, made.rendered

    assert run(measuring()) == ([0, 1, 2], 0)


def test_concurrent_looks_share_one_rendering_also_of_equal_uploads() -> None:
    async def rendering() -> tuple[set[bytes], int]:
        made = renderer(cache=10_000_000, memory=10_000)
        twin = replace(RECIPE, sources=("blob:2",))
        renderings = [made.picture(one, loading(picture())) for one in (RECIPE, twin) * 5]
        pictures = set(await asyncio.gather(*renderings))
        made.close()
        return pictures, made.rendered

    pictures, rendered = run(rendering())
    assert rendered == 1
    assert opened(pictures.pop()).size == (80, 60)
    assert not pictures


def test_a_reader_that_leaves_does_not_take_the_rendering_along() -> None:
    async def rendering() -> tuple[bytes, int]:
        made = renderer(cache=10_000_000, memory=10_000)
        leaver = asyncio.create_task(made.picture(RECIPE, loading(picture())))
        stayer = asyncio.create_task(made.picture(RECIPE, loading(picture())))
        while not made._making:
            await asyncio.sleep(0)
        leaver.cancel()
        data = await stayer
        made.close()
        return data, made.rendered

    data, rendered = run(rendering())
    assert opened(data).size == (80, 60)
    assert rendered == 1


def test_the_cache_keeps_to_its_budget_and_drops_the_oldest() -> None:
    async def rendering() -> list[int]:
        made = renderer(cache=1, memory=10_000)
        counts: list[int] = []
        other = replace(RECIPE, sources=("blob:2",), step=Enlarge(40, 30))
        for one in (RECIPE, RECIPE, other, RECIPE):
            await made.picture(one, loading(picture()))
            counts.append(made.rendered)
        made.close()
        return counts

    assert run(rendering()) == [1, 1, 2, 3]


def test_who_waits_for_memory_has_no_upload_in_hand() -> None:
    async def rendering() -> tuple[int, list[bytes]]:
        permits = Permits(150)
        made, loaded = Renderer(Workers(), permits, cache=10_000_000), 0

        async def load() -> Sequence[bytes]:
            nonlocal loaded
            loaded += 1
            return [picture()]

        names = [f"blob:{n}" for n in range(12)]
        async with permits.of(100):
            renderings = [
                asyncio.create_task(
                    made.picture(replace(RECIPE, sources=(name,), step=Enlarge(80 + n, 60)), load)
                )
                for n, name in enumerate(names)
            ]
            while len(made._making) < len(names):
                await asyncio.sleep(0.001)
            looked = loaded
        pictures = await asyncio.gather(*renderings)
        made.close()
        assert loaded == 2 * looked
        return looked, pictures

    looked, pictures = run(rendering())
    assert looked == 12  # once each, to know what they are
    assert [opened(one).width for one in pictures] == list(range(80, 92))


def test_one_picture_larger_than_all_permits_is_rendered_alone() -> None:
    async def rendering() -> bytes:
        made = renderer(cache=1, memory=1)
        data = await made.picture(RECIPE, loading(picture()))
        made.close()
        return data

    assert opened(run(rendering())).size == (80, 60)


def test_broken_pixels_are_the_readers_error_and_are_not_remembered_as_a_picture() -> None:
    async def rendering() -> Problem:
        made = renderer(cache=1, memory=1000)
        with pytest.raises(ApiError) as refused:
            await made.picture(RECIPE, loading(picture()[:60]))
        made.close()
        return refused.value.problem

    assert run(rendering()) is Problem.BROKEN_IMAGE


def test_a_picture_whose_upload_is_gone_is_not_made() -> None:
    async def nothing() -> None:
        return None

    with pytest.raises(SourceGone):
        run(renderer(cache=1, memory=1000).picture(RECIPE, nothing))
