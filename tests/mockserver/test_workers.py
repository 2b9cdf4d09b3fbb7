"""What computes has threads of its own."""

from __future__ import annotations

import asyncio
import threading

from fauxscale.workers import Workers


def test_uploads_are_judged_while_pictures_are_made() -> None:
    async def look() -> bool:
        workers = Workers(threads=1)
        busy = threading.Event()
        rendering = asyncio.create_task(workers.render(busy.wait))
        judged = await asyncio.wait_for(workers.run(lambda: True), timeout=60)
        busy.set()
        await rendering
        workers.close()
        return judged

    assert asyncio.run(look())


def test_closing_waits_for_what_runs_and_leaves_no_thread() -> None:
    before = threading.active_count()

    async def look() -> str:
        workers = Workers(threads=1)
        name = await workers.run(lambda: threading.current_thread().name)
        workers.close()
        return name

    assert asyncio.run(look()).startswith("fauxscale-judging")
    assert threading.active_count() == before
