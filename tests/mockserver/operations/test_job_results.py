"""Jobs, as any provider begins them: judged at once, charged once and when done, alive from then on."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Generator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from fauxscale import MockServer
from fauxscale.client import AccountHandle
from fauxscale.errors import ApiError, Problem
from fauxscale.operations.job_results import finish, refresh
from fauxscale.provider_api import (
    JOB_OPTIONS,
    Call,
    Endpoint,
    Made,
    Provider,
    Sent,
    Site,
    Work,
    begin,
    enlarged,
    find_job,
    flat,
    judge,
    pace_of,
    poll,
    prepare,
    result_of,
)
from fauxscale.state.batch import Batch, BatchOutcome
from fauxscale.state.store import MemoryStore, Store
from tests.pictures import picture

T = TypeVar("T")


async def submit(call: Call) -> Response:
    """Begin a job of the picture that was sent. What refuses it is raised at once, unless `?later` came with it."""
    data = await call.request.body()

    async def work() -> Made:
        wanted = Work(
            sources=(Sent(data, "body"),),
            steps=(enlarged(),),
            path=lambda link_id: f"/pictures/{link_id}.png",
        )
        outcome = await prepare(call, wanted, await judge(call, wanted), finished=False)
        return Made(outcome, {"note": "mine"})

    later = "later" in call.request.query_params
    job = await begin(
        call,
        work,
        job_id=await call.account.draw_id("job"),
        pace=pace_of(call),
        at_once=lambda refusal: not later,
    )
    return JSONResponse({"id": job.id, "cost": call.entry.cost})


async def get_result(call: Call) -> Response:
    job = await find_job(call, call.params["id"])
    if job is None:
        raise ApiError(Problem.NOT_FOUND, "No such job")
    stage = (await poll(call, job)).stage
    done = await result_of(call, job)
    if done is None:
        return JSONResponse({"stage": stage})
    return JSONResponse({"stage": stage, "note": done.output["note"], "exp": done.links[0].exp})


def find_key(request: Request) -> str | None:
    return request.headers.get("x-key")


def word_error(call: Call, error: ApiError) -> Response:
    return JSONResponse({"problem": error.problem.value, "reason": error.reason}, error.status or 400)


def provider(name: str) -> Provider:
    """A provider with nothing but jobs."""
    site = Site(
        prefix=f"/{name}",
        hosts=(f"api.{name}.example",),
        endpoints=(
            Endpoint(
                operation=f"{name}.submit", method="POST", path="/jobs", handler=submit, price=flat(0.10)
            ),
            Endpoint(operation=f"{name}.result", method="GET", path="/jobs/{id}", handler=get_result),
        ),
    )
    return Provider(
        name=name, sites=(site,), base=f"/{name}", media=site, find_key=find_key,
        mint_key=lambda drawn: f"{name}-{drawn.hex()}", word_error=word_error, env={}, link_life=60,
        options=JOB_OPTIONS,
    )  # fmt: skip


FIRST, SECOND = provider("first"), provider("second")


class Jobs:
    """A server with two providers that take jobs, and one account of it."""

    def __init__(self, mock: MockServer, account: AccountHandle) -> None:
        self.mock = mock
        self.account = account

    def ask(self, method: str, path: str, name: str = "first", **options: Any) -> dict[str, Any]:
        headers = {"x-key": self.account.api_key(name)}
        return dict(
            httpx.request(method, f"{self.mock.base_url(name)}{path}", headers=headers, **options).json()
        )

    def begun(self, name: str = "first") -> str:
        return str(self.ask("POST", "/jobs", name, content=picture())["id"])

    def inside(self, work: Coroutine[Any, Any, T]) -> T:
        """Run something on the server's own loop."""
        loop = self.mock._running().loop
        assert loop is not None
        return asyncio.run_coroutine_threadsafe(work, loop).result(30)


@contextmanager
def jobs_of(store: Store | None = None, **options: float) -> Generator[Jobs]:
    with MockServer(providers=(FIRST, SECOND), store=store) as mock:
        account = mock.account(options={f"first.{name}": value for name, value in options.items()})
        account.clock.freeze()
        yield Jobs(mock, account)


def test_a_job_without_a_pace_is_done_and_paid_for_when_it_is_submitted() -> None:
    with jobs_of() as jobs:
        submitted = jobs.ask("POST", "/jobs", content=picture())
        assert submitted["cost"] == 100_000
        assert jobs.ask("GET", f"/jobs/{submitted['id']}")["note"] == "mine"
        assert jobs.account.spend == pytest.approx(0.10)


def test_a_job_is_charged_when_it_is_done_and_its_links_live_from_then_on() -> None:
    with jobs_of(queue_seconds=10, run_seconds=20) as jobs:
        begun = jobs.account.clock.now()
        job_id = jobs.begun()
        stages = []
        for _ in range(2):
            stages.append(jobs.ask("GET", f"/jobs/{job_id}")["stage"])
            jobs.account.clock.advance(seconds=10)
        assert stages == ["queued", "running"]
        jobs.account.clock.advance(seconds=100)
        done = jobs.ask("GET", f"/jobs/{job_id}")
        assert done["exp"] == int(begun + 30 + 60), (
            "its link lives from its end, not from when somebody looked"
        )
        (charge,) = jobs.account.ledger
        assert charge.at == pytest.approx(begun + 30, abs=0.01)


def test_however_many_find_a_job_done_it_is_charged_once() -> None:
    with jobs_of(run_seconds=10) as jobs:
        job_id = jobs.begun()
        jobs.account.clock.advance(seconds=10)

        async def all_at_once() -> None:
            app = jobs.mock.app
            account = await app.accounts.get(jobs.account.id)
            assert account is not None
            job = await account.jobs.get(job_id)
            assert job is not None
            now = (await account.clock()).now()
            progress = await account.jobs.progress(job, now)
            await asyncio.gather(
                *(refresh(app.accounts, account, FIRST, job, now) for _ in range(10)),
                *(finish(app.accounts, account, FIRST, job, progress) for _ in range(10)),
            )

        jobs.inside(all_at_once())
        assert len(jobs.account.ledger) == 1


class DyingStore(MemoryStore):
    """Does nothing any more once `left` batches have been run, as for a process that dies there."""

    left: int | None = None

    async def run(self, batch: Batch) -> BatchOutcome:
        if self.left is not None:
            if self.left == 0:
                raise asyncio.CancelledError
            self.left -= 1
        return await super().run(batch)


def test_a_job_ends_with_its_charge_or_not_at_all() -> None:
    store, ended = DyingStore(), set[tuple[bool, int, bool]]()
    with jobs_of(store, run_seconds=10) as jobs:
        for batches in range(8):
            job_id = jobs.begun()
            before = len(jobs.account.ledger)

            async def die(
                job_id: str = job_id, batches: int = batches, before: int = before
            ) -> tuple[bool, int, bool]:
                account = await jobs.mock.app.accounts.get(jobs.account.id)
                assert account is not None
                job = await account.jobs.get(job_id)
                assert job is not None
                await account.set_clock((await account.clock()).advance(10))
                now, store.left = (await account.clock()).now(), batches
                with suppress(asyncio.CancelledError):
                    await refresh(jobs.mock.app.accounts, account, FIRST, job, now)
                store.left = None
                charges = len(await account.ledger.charges()) - before
                (link,) = await account.links.of(job.links)
                return await account.jobs.ended(job), charges, link.exp is not None

            ended.add(jobs.inside(die()))
            jobs.ask("GET", f"/jobs/{job_id}")  # it is finished by whoever asks next
            assert len(jobs.account.ledger) == before + 1
    assert ended == {(False, 0, False), (True, 1, True)}


def test_what_refuses_the_work_is_raised_at_once_or_what_the_job_ends_in() -> None:
    with jobs_of() as jobs:
        assert jobs.ask("POST", "/jobs", content=b"no picture")["problem"] == Problem.UNSUPPORTED_FORMAT.value
        job_id = jobs.ask("POST", "/jobs?later", content=b"no picture")["id"]
        assert jobs.ask("GET", f"/jobs/{job_id}")["problem"] == Problem.UNSUPPORTED_FORMAT.value
        assert len(jobs.account.ledger) == 0


def test_a_job_whose_money_was_spent_meanwhile_fails_for_want_of_it() -> None:
    with jobs_of(run_seconds=10) as jobs:
        jobs.account.settings(balance=0.15)
        first, second = jobs.begun(), jobs.begun()
        jobs.account.clock.advance(seconds=10)
        told = [jobs.ask("GET", f"/jobs/{one}").get("problem") for one in (first, second, second)]
        assert told == [None, Problem.NO_FUNDS.value, Problem.NO_FUNDS.value]
        assert len(jobs.account.ledger) == 1


def test_a_cancelled_job_has_no_result_and_costs_nothing() -> None:
    with jobs_of(run_seconds=10) as jobs:
        job_id = jobs.begun()

        async def cancel() -> bool:
            account = await jobs.mock.app.accounts.get(jobs.account.id)
            assert account is not None
            job = await account.jobs.get(job_id)
            assert job is not None
            return await account.jobs.cancel(job, (await account.clock()).now())

        assert jobs.inside(cancel())
        jobs.account.clock.advance(seconds=100)
        refused = jobs.ask("GET", f"/jobs/{job_id}")
        assert refused["problem"] == Problem.INVALID_PARAMETER.value
        assert "cancelled" in refused["reason"]
        assert len(jobs.account.ledger) == 0


def test_a_job_is_found_by_the_provider_that_began_it_and_by_no_other() -> None:
    with jobs_of() as jobs:
        job_id = jobs.begun("second")
        assert jobs.ask("GET", f"/jobs/{job_id}", "second")["stage"] == "done"
        assert jobs.ask("GET", f"/jobs/{job_id}", "first")["problem"] == Problem.NOT_FOUND.value
