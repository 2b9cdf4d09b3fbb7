"""A job's status is arithmetic: on the clock, on polls, on what was configured. It ends once."""

from __future__ import annotations

import asyncio

import pytest
from msgspec.structs import replace

from fauxscale.errors import ApiError, Problem
from fauxscale.state.jobs import Job, Jobs, Pace, Stage
from fauxscale.state.ledger import Charge
from fauxscale.state.scope import Scope

CHARGE = Charge("charge_1", 100.0, "fal.submit", 60_000, 1, "call_1", ("blob",), "{}")
JOB = Job(
    id="j",
    provider="fal",
    operation="fal.submit",
    call="call_1",
    made=100.0,
    pace=Pace(queued=10, running=20),
    output={"seed": 1},
    charge=CHARGE,
    error=ApiError(Problem.UNSAFE, "no", reason="configured", param="image_url", details={"limit": 3}),
    notify="http://127.0.0.1/hook",
    copies=2,
    late=5.0,
    held=True,
)


def jobs(scope: Scope, *made: Job) -> Jobs:
    room = Jobs(scope)
    for job in made:
        asyncio.run(room.add(job))
    return room


@pytest.mark.parametrize(
    ("pace", "elapsed", "polls", "stage"),
    [
        (Pace(), 0, 0, "done"),
        (Pace(queued=10), 9.9, 0, "queued"),
        (Pace(queued=10), 10, 0, "done"),
        (Pace(queued=10, running=5), 10, 0, "running"),
        (Pace(queued=10, running=5), 15, 0, "done"),
        (Pace(polls=1), 0, 1, "running"),
        (Pace(polls=1), 0, 2, "done"),
        (Pace(polls=2), 0, 1, "queued"),
        (Pace(polls=2), 0, 2, "running"),
        (Pace(polls=2), 0, 3, "done"),
        (Pace(polls=2, running=5), 0, 3, "running"),
        (Pace(polls=2, running=5), 5, 3, "done"),
    ],
)
def test_a_pace_goes_by_the_clock_and_by_polls(pace: Pace, elapsed: float, polls: int, stage: Stage) -> None:
    assert pace.stage(elapsed, polls) == stage


def test_a_job_is_stored_as_it_was_made(scope: Scope) -> None:
    stored = asyncio.run(jobs(scope, JOB).get("j"))
    assert stored is not None
    assert stored.error is not None
    assert stored.error.to_members() == JOB.error.to_members() if JOB.error else False
    assert replace(stored, error=None) == replace(JOB, error=None)
    assert asyncio.run(jobs(scope).get("another")) is None


def test_a_stage_says_since_when(scope: Scope) -> None:
    room = jobs(scope, JOB)
    seen = [asyncio.run(room.progress(JOB, now)) for now in (105.0, 111.0, 500.0)]
    assert [(one.stage, one.since) for one in seen] == [
        ("queued", 100.0),
        ("running", 110.0),
        ("done", 130.0),
    ]


def test_a_job_ends_once(scope: Scope) -> None:
    room = jobs(scope, JOB)

    async def race() -> list[bool]:
        return list(await asyncio.gather(room.end(JOB, "done", 130.0), room.end(JOB, "cancelled", 131.0)))

    done, cancelled = asyncio.run(race())
    assert done is not cancelled, "which of them comes first is not told"
    progress = asyncio.run(room.progress(JOB, 0.0))
    assert (progress.stage, progress.since) == (("done", 130.0) if done else ("cancelled", 131.0))


def test_a_job_that_is_done_cannot_be_cancelled(scope: Scope) -> None:
    room = jobs(scope, JOB)
    assert asyncio.run(room.cancel(JOB, 130.0)) is False
    assert asyncio.run(room.cancel(JOB, 129.0)) is True
    assert asyncio.run(room.progress(JOB, 500.0)).stage == "cancelled"


def test_advancing_goes_one_stage_at_a_time(scope: Scope) -> None:
    room = jobs(scope, JOB)
    assert [asyncio.run(room.advance(JOB, 101.0)) for _ in range(3)] == ["running", "done", "done"]
    assert asyncio.run(room.progress(JOB, 101.0)).since == 101.0


def test_an_advanced_job_still_goes_by_the_clock(scope: Scope) -> None:
    room = jobs(scope, JOB)
    asyncio.run(room.advance(JOB, 101.0))
    assert asyncio.run(room.progress(JOB, 130.0)).stage == "done"


def test_a_stalled_job_stands_until_it_is_told_to_go_on(scope: Scope) -> None:
    room = jobs(scope, JOB)
    asyncio.run(room.stall(JOB, 111.0))
    assert asyncio.run(room.progress(JOB, 9999.0)).stage == "running"
    asyncio.run(room.advance(JOB, 9999.0))
    assert asyncio.run(room.progress(JOB, 9999.0)).stage == "done"


def test_a_configured_failure_is_told_with_the_end(scope: Scope) -> None:
    room = jobs(scope, JOB)
    assert asyncio.run(room.fail(JOB, ApiError(Problem.SERVER_ERROR, "broken"), 101.0))
    for _ in range(2):
        progress = asyncio.run(room.progress(JOB, 101.0))
        assert progress.stage == "done"
        assert progress.error is not None
        assert progress.error.message == "broken"
        asyncio.run(room.end(JOB, "done", 101.0))


def test_an_ended_job_takes_no_orders(scope: Scope) -> None:
    room = jobs(scope, JOB)
    asyncio.run(room.end(JOB, "done", 130.0))
    assert not asyncio.run(room.finish(JOB, 131.0))
    assert not asyncio.run(room.stall(JOB, 131.0))
    assert not asyncio.run(room.fail(JOB, ApiError(Problem.SERVER_ERROR, ""), 131.0))


def test_polls_are_counted_only_when_they_are_polls(scope: Scope) -> None:
    job = replace(JOB, pace=Pace(polls=1))
    room = jobs(scope, job)
    seen = [asyncio.run(room.progress(job, 100.0, poll=poll)).stage for poll in (False, True, False, True)]
    assert seen == ["running", "running", "running", "done"]
