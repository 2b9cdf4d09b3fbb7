"""Control API routes for jobs: list, advance, finish, fail, stall."""

from __future__ import annotations

from fauxscale.errors import ApiError
from fauxscale.faults import Fail
from fauxscale.spelling import choose_from
from fauxscale.state.jobs import Job

from .request import Ask, ControlRoute, JsonObject, Missing


async def find(ask: Ask) -> object:
    """List every job, oldest first."""
    await ask.catch_up()
    return {"jobs": [await _about(ask, job) for job in await ask.account.jobs.all()]}


async def advance(ask: Ask) -> object:
    """Move a job to its next stage now: queued, running, done."""
    ask.know()
    job = await _job(ask)
    await ask.account.jobs.advance(job, await ask.now())
    return await _after(ask, job)


async def finish(ask: Ask) -> object:
    """Finish a job now."""
    ask.know()
    job = await _job(ask)
    _refuse_ended(job, await ask.account.jobs.finish(job, await ask.now()))
    return await _after(ask, job)


async def fail(ask: Ask) -> object:
    """Fail a job now, with `status` (that of `code`, else 500), `message` and the provider's own `code`."""
    ask.know("status", "message", "code")
    job = await _job(ask)
    code = ask.text("code")
    codes = ask.codes(job.provider)
    if code and codes is not None and code not in codes:
        raise ValueError(f"{job.provider} has no error {code!r}{choose_from(code, sorted(codes))}")
    usual = (codes or {}).get(code, 500)
    said = Fail(ask.whole("status", usual), message=ask.text("message") or None, code=code or None)
    _refuse_ended(job, await ask.account.jobs.fail(job, said.error, await ask.now()))
    return await _after(ask, job)


async def stall(ask: Ask) -> object:
    """Keep a job in its current stage until it is advanced, finished or failed."""
    ask.know()
    job = await _job(ask)
    _refuse_ended(job, await ask.account.jobs.stall(job, await ask.now()))
    return await _after(ask, job)


async def _job(ask: Ask) -> Job:
    job = await ask.account.jobs.get(ask.part("job"))
    if job is None:
        known = ", ".join(one.id for one in await ask.account.jobs.all()) or "none"
        raise Missing(f"{ask.account.id} has no job {ask.part('job')!r}; it has {known}")
    return job


def _refuse_ended(job: Job, done: bool) -> None:
    if not done:
        raise ValueError(f"{job.id} has ended already")


async def _after(ask: Ask, job: Job) -> object:
    await ask.catch_up()
    return await _about(ask, job)


async def _about(ask: Ask, job: Job) -> JsonObject:
    progress = await ask.account.jobs.progress(job, await ask.now())
    failure = progress.error or job.error
    ended = await ask.account.jobs.ended(job)
    return {
        "id": job.id,
        "operation": job.operation,
        "call": job.call,
        "made": job.made,
        "stage": progress.stage,
        "since": progress.since,
        "error": _shown(failure) if failure is not None and ended else None,
    }


def _shown(error: ApiError) -> JsonObject:
    """Its members, except the details, in which a provider may quote the whole request."""
    return {name: value for name, value in error.to_members().items() if name != "details"}


ROUTES = (
    ControlRoute("GET", "/accounts/{id}/jobs", find),
    ControlRoute("POST", "/accounts/{id}/jobs/{job}/advance", advance),
    ControlRoute("POST", "/accounts/{id}/jobs/{job}/finish", finish),
    ControlRoute("POST", "/accounts/{id}/jobs/{job}/fail", fail),
    ControlRoute("POST", "/accounts/{id}/jobs/{job}/stall", stall),
)
