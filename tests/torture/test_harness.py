"""What `make torture` promises of itself: it finds what is planted, repeats by its seed, goes on, and reduces."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import tempfile
import threading
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from fauxscale import create_app
from tests.torture import requests
from tests.torture.asked import Client
from tests.torture.harness import Limits, Outcome, perform, smaller_bytes
from tests.torture.measures import growth
from tests.torture.own_stories import OWN
from tests.torture.pictures import Pictures
from tests.torture.raw import Raw
from tests.torture.requests import Requests
from tests.torture.results import Result, load
from tests.torture.stories import Story, get

Plant = Callable[[], None]
WARM = 200


class Planted:
    """The real application, which does something bad where a query has an "x"."""

    def __init__(self, app: ASGIApp, plant: Plant) -> None:
        self._app, self._plant = app, plant

    def __getattr__(self, name: str) -> Any:
        return getattr(self._app, name)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if b"x" in scope["query_string"]:
            try:
                self._plant()
            except ZeroDivisionError:
                await Response(status_code=500)(scope, receive, send)
                return
        await self._app(scope, receive, send)


class Small:
    """A run of a few bytes each, sent as the query of a call that anybody may make."""

    name = "small"
    count = 40
    promise = "nothing is wrong"

    def __init__(self, plant: Plant = lambda: None) -> None:
        self.plant = plant
        self.tried: list[bytes] = []

    @asynccontextmanager
    async def opened(self) -> AsyncGenerator[Callable[[bytes], Awaitable[Outcome]]]:
        app = create_app()
        # Not while the harness warms up.
        client = Client(Planted(app, lambda: self.plant() if self.tried[WARM:] else None))

        async def attempt(given: bytes) -> Outcome:
            self.tried.append(given)
            answer = await client.ask(get(f"/__fauxscale/api/health?{given.decode()}"))
            broken = f"answers {answer.status}" if answer.status == 500 else answer.wrong
            return Outcome(str(answer.status), reached=True, accepted=answer.status == 200, broken=broken)

        yield attempt
        await app.accounts.close()

    def make(self, dice: random.Random) -> bytes:
        return bytes(dice.choices(b"abcdx", k=2))

    def smaller(self, given: bytes) -> Iterator[bytes]:
        return smaller_bytes(given)

    def write(self, given: bytes) -> bytes:
        return given


def run(folder: Path, plant: Plant = lambda: None, count: int = 40, *, resume: bool = False) -> Result:
    return perform(Small(plant), 1, Limits(count, resume=resume, kept=folder))


def fails() -> None:
    raise ZeroDivisionError


def stalls() -> None:
    time.sleep(0.06)


def leaks_a_descriptor() -> None:
    os.dup(0)


def leaks_a_thread() -> None:
    threading.Thread(target=lambda: time.sleep(60), daemon=True).start()


def logs_an_error() -> None:
    logging.getLogger("fauxscale").error("no good")


@pytest.mark.parametrize(
    ("plant", "told"),
    [
        (fails, "answers 500"),
        (stalls, "holds the loop for"),
        (leaks_a_descriptor, "descriptors left open"),
        (logs_an_error, "logs fauxscale: no good"),
    ],
)
def test_what_is_planted_is_found_and_reduced_to_what_brings_it_out(
    plant: Plant, told: str, tmp_path: Path
) -> None:
    before = set(Path("/proc/self/fd").iterdir())
    result = run(tmp_path, plant, 8)
    for left in set(Path("/proc/self/fd").iterdir()) - before:
        os.close(int(left.name))
    assert [one for one in result.failures if told in one and "reduced to 1 bytes: b'x'" in one]
    assert any(file.read_bytes() == b"x" for file in (tmp_path / "found").iterdir())


def test_a_thread_that_stays_is_found(tmp_path: Path) -> None:
    done = threading.Event()

    def leave_a_thread() -> None:
        if threading.active_count() < 100:
            threading.Thread(target=done.wait, daemon=True).start()

    result = run(tmp_path, leave_a_thread, 12)
    done.set()
    assert any("threads left" in failure for failure in result.failures)


def test_a_temporary_file_that_stays_is_found(tmp_path: Path) -> None:
    result = run(tmp_path, lambda: os.close(tempfile.mkstemp(prefix="planted")[0]), 12)
    assert any("temporary files left: planted" in failure for failure in result.failures)


def test_nothing_is_found_where_nothing_is_wrong(tmp_path: Path) -> None:
    result = run(tmp_path)
    # A busy machine may hold the loop; nothing else may be said.
    assert [one for one in result.failures if "holds the loop" not in one and "takes" not in one] == []
    assert (result.count, result.histogram) == (40, {"200": 40})


def test_a_run_of_requests_finds_a_500_that_was_planted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requests, "create_app", lambda settings: Planted(create_app(settings), fails))
    story = Story("health", (get("/__fauxscale/api/health?x=1"),))
    result = perform(Requests([story]), 1, Limits(30, kept=tmp_path))
    assert [failure for failure in result.failures if "answers 500" in failure]
    found = [Story.read(file.read_bytes()) for file in (tmp_path / "found").iterdir()]
    assert {one.last.target for one in found} == {b"/?x"}


def test_memory_that_grows_is_told_from_memory_that_fills_up() -> None:
    noise = random.Random(1)
    fills = [(at, min(at * 500.0, 4e7) + noise.random() * 1e5) for at in range(1000, 1_000_000, 1000)]
    assert abs(growth(fills)[0]) < 1
    grows = [(at, used + 20 * at) for at, used in fills]
    assert growth(grows)[0] == pytest.approx(20, abs=1)
    assert growth(grows)[1] == pytest.approx(250_000, rel=0.01)


def test_tries_that_reach_nothing_are_a_failure(tmp_path: Path) -> None:
    class Wild(Small):
        @asynccontextmanager
        async def opened(self) -> AsyncGenerator[Callable[[bytes], Awaitable[Outcome]]]:
            async def attempt(given: bytes) -> Outcome:
                return Outcome("404", reached=given < b"b")

            yield attempt

    result = perform(Wild(), 1, Limits(100, kept=tmp_path))
    assert sorted(failure.split("% ")[1] for failure in result.failures) == [
        "reached a handler: the tries are too wild",
        "succeeded: the tries are too wild",
    ]


def test_a_run_goes_on_where_it_stopped(tmp_path: Path) -> None:
    whole, first, rest = Small(), Small(), Small()
    perform(whole, 1, Limits(40, kept=tmp_path / "whole"))
    perform(first, 1, Limits(15, kept=tmp_path))
    result = perform(rest, 1, Limits(40, resume=True, kept=tmp_path))
    assert first.tried[WARM:] + rest.tried[WARM:] == whole.tried[WARM:]
    assert (result.count, sum(result.histogram.values())) == (40, 40)
    assert load("small", tmp_path) == result


def test_what_failed_is_tried_again_by_a_run_that_goes_on(tmp_path: Path) -> None:
    broken = perform(Small(fails), 1, Limits(20, kept=tmp_path))
    assert [one for one in broken.failures if "answers 500" in one]
    still = perform(Small(fails), 1, Limits(20, resume=True, kept=tmp_path))
    assert [one for one in still.failures if "answers 500" in one]
    mended = perform(Small(), 1, Limits(20, resume=True, kept=tmp_path))
    assert not [one for one in mended.failures if "answers 500" in one]
    assert "did not fail" in mended.figures.values()


def test_a_run_that_is_interrupted_has_kept_what_it_found(tmp_path: Path) -> None:
    small, tries = Small(), iter(range(1_000))

    def interrupt() -> None:
        if next(tries) == 3:
            raise asyncio.CancelledError

    small.plant = interrupt
    with pytest.raises(asyncio.CancelledError):
        perform(small, 1, Limits(500, kept=tmp_path))
    kept = load("small", tmp_path)
    assert kept is not None
    assert kept.count == len(small.tried) - WARM - 1


def test_a_try_that_ended_two_processes_in_a_row_is_left_out_and_told(tmp_path: Path) -> None:
    (tmp_path / "small.at").write_bytes((7).to_bytes(8) * 2)
    result = run(tmp_path, resume=True)
    assert result.failures[0].startswith("try 7 ended the process, twice")
    assert sum(result.histogram.values()) == 39


@pytest.mark.parametrize("kind", [Requests(OWN), Pictures(), Raw(OWN)], ids=lambda kind: kind.name)
def test_the_same_seed_makes_the_same_tries(kind: Any) -> None:
    other = type(kind)() if isinstance(kind, Pictures) else type(kind)(OWN)
    first, again, others = (
        [one.make(random.Random(f"{seed} {number}")) for number in range(30)]
        for one, seed in ((kind, 1), (other, 1), (kind, 2))
    )
    assert first == again != others


def test_a_try_is_written_and_read_again() -> None:
    run_ = Requests(OWN)
    for number in range(50):
        story = run_.make(random.Random(number))
        assert type(story).read(run_.write(story)) == story
