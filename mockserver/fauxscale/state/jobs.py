"""Jobs: their stage is computed from the account's clock, or from how often they were polled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct, field
from msgspec.structs import replace

from fauxscale.errors import ApiError

from .batch import Batch, BatchOutcome, Ref
from .ledger import Charge
from .scope import Scope

Stage = Literal["queued", "running", "done", "cancelled"]
_ORDER: tuple[Stage, ...] = ("queued", "running", "done")


class Pace(Struct, frozen=True, kw_only=True):
    """How long a job waits and runs, in seconds, and how many polls must find it unfinished."""

    queued: float = 0.0
    running: float = 0.0
    polls: int = 0

    def stage(self, elapsed: float, polled: int) -> Stage:
        """The stage of a job `elapsed` seconds after it was made, at its `polled`-th poll."""
        if elapsed < self.queued or (polled < 2 <= self.polls):
            return "queued"
        if elapsed < self.queued + self.running or polled <= self.polls > 0:
            return "running"
        return "done"


class Job(Struct, frozen=True, kw_only=True):
    """One piece of work. Its outcome is decided when it is made; the clock only reveals it.

    `made` is the account's time in Unix seconds, `call` the journal's id of the submission. `output` is the
    provider's own note of the result, `links` the ids of its links, `charge` its cost once done, `error` why it
    will fail. `notify` is the address of the webhook, `copies`, `late` (seconds) and `held` how it is sent.
    `origin` is the beginning of the addresses of its results; `addresses` are those, for the webhook only, None for
    withheld results.
    """

    id: str
    provider: str
    operation: str
    call: str
    made: float
    pace: Pace = field(default_factory=Pace)
    output: Mapping[str, object] = field(default_factory=dict[str, object])
    links: tuple[str, ...] = ()
    charge: Charge | None = None
    error: ApiError | None = None
    notify: str | None = None
    copies: int = 1
    late: float = 0.0
    held: bool = False
    origin: str = ""
    addresses: tuple[str | None, ...] = ()


class Progress(Struct, frozen=True):
    """The stage of a job, and since when by its account's clock (Unix seconds). `error`: a configured failure."""

    stage: Stage
    since: float
    error: ApiError | None = None


class _Override(Struct, frozen=True):
    """What a user set for a job: its stage is at least `least`; if stalled, it does not go further."""

    least: Stage = "queued"
    at: float = 0.0
    stalled: bool = False
    error: ApiError | None = None

    @property
    def failure(self) -> ApiError | None:
        return None if self.error is None else self.error.again()


class _End(Struct, frozen=True):
    """How and when a job ended."""

    stage: Literal["done", "cancelled"]
    at: float


class Jobs:
    """The jobs of one account. A job ends once, done or cancelled, and stays that way."""

    _MOST = 10_000

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._all = scope.key("jobs", "all")

    def add_job(self, batch: Batch, job: Job) -> None:
        """Store a new job."""
        batch.set_field(self._all, job.id, job, most=self._MOST)

    def add_end(self, batch: Batch, job: Job, stage: Literal["done", "cancelled"], at: float) -> Ref[None]:
        """Store how the job ended. The returned operation refuses a batch for a job that had ended before."""
        first = batch.expect(self._key(job.id, "end"), None)
        batch.put(self._key(job.id, "end"), _End(stage, at))
        return first

    def add_failure(self, batch: Batch, job: Job, error: ApiError) -> None:
        """Make a job that ends fail: its cost cannot be paid."""
        batch.put(self._key(job.id, "override"), _Override("done", error=error.again()))

    def add_reset(self, batch: Batch) -> None:
        """Forget every job."""
        batch.drop(self._scope.group("jobs"))

    async def add(self, job: Job) -> None:
        batch = self._scope.batch()
        self.add_job(batch, job)
        await self._scope.run(batch)

    async def get(self, job_id: str) -> Job | None:
        batch = Batch()
        job = batch.get_field(self._all, job_id, Job)
        found = (await self._scope.store.run(batch)).of(job)
        return None if found is None else _fresh(found)

    async def all(self) -> list[Job]:
        """Every job, oldest first."""
        batch = Batch()
        jobs = batch.fields(self._all, Job)
        return [_fresh(job) for job in (await self._scope.store.run(batch)).of(jobs).values()]

    async def progress(self, job: Job, now: float, *, poll: bool = False) -> Progress:
        """Compute the stage of the job at `now`. A `poll` is counted, for jobs that end after a number of polls."""
        end, override, polled = await self._read(job)
        if end is not None:
            return Progress(end.stage, end.at, override.failure)
        if override.stalled:
            return Progress(override.least, override.at)
        if poll and job.pace.polls:
            polled = await self._count_poll(job)
        stage = job.pace.stage(now - job.made, polled)
        if _ORDER.index(override.least) >= _ORDER.index(stage):
            return Progress(override.least, override.at or job.made, override.failure)
        started = job.made + job.pace.queued
        if stage == "running":
            return Progress(stage, started)
        # A job that counts polls is done at the poll that finds it done.
        return Progress(stage, now if job.pace.polls else started + job.pace.running)

    async def end(self, job: Job, stage: Literal["done", "cancelled"], at: float) -> bool:
        """Store how the job ended; False if it had ended before. Only one caller gets True."""
        batch = self._scope.batch()
        self.add_end(batch, job, stage, at)
        return _was_done(await self._scope.run_late(batch))

    async def ended(self, job: Job) -> bool:
        end, _, _ = await self._read(job)
        return end is not None

    async def cancel(self, job: Job, now: float) -> bool:
        """Stop a job that is not done; it costs nothing. False if it is too late."""
        if (await self.progress(job, now)).stage == "done":
            return False
        return await self.end(job, "cancelled", now)

    async def advance(self, job: Job, now: float) -> Stage:
        """Move the job on by one stage, now; a stalled one goes on."""
        stage = (await self.progress(job, now)).stage
        if stage in ("queued", "running"):
            stage = _ORDER[_ORDER.index(stage) + 1]
            await self._override(job, _Override(stage, now))
        return stage

    async def finish(self, job: Job, now: float) -> bool:
        """Finish the job now; False if it has ended already."""
        return await self._override(job, _Override("done", now))

    async def fail(self, job: Job, error: ApiError, now: float) -> bool:
        """Fail the job now with this error; False if it has ended already."""
        return await self._override(job, _Override("done", now, error=error.again()))

    async def stall(self, job: Job, now: float) -> bool:
        """Keep the job at its stage until it is advanced, finished or failed; False if it has ended."""
        return await self._override(job, _Override((await self.progress(job, now)).stage, now, stalled=True))

    async def _override(self, job: Job, override: _Override) -> bool:
        batch = self._scope.batch()
        batch.expect(self._key(job.id, "end"), None)
        batch.put(self._key(job.id, "override"), override)
        return _was_done(await self._scope.run_late(batch))

    async def _read(self, job: Job) -> tuple[_End | None, _Override, int]:
        batch = Batch()
        end = batch.get(self._key(job.id, "end"), _End)
        override = batch.get(self._key(job.id, "override"), _Override)
        polled = batch.count(self._key(job.id, "polls"))
        outcome = await self._scope.store.run(batch)
        return outcome.of(end), outcome.of(override) or _Override(), outcome.of(polled) or 0

    async def _count_poll(self, job: Job) -> int:
        batch = self._scope.batch()
        polled = batch.add(self._key(job.id, "polls"), 1)
        return (await self._scope.run(batch)).of(polled) or 0

    def _key(self, job_id: str, what: str) -> str:
        return self._scope.key("jobs", f"{what}:{job_id}")


def _was_done(outcome: BatchOutcome | None) -> bool:
    return outcome is not None and outcome.refusal is None


def _fresh(job: Job) -> Job:
    """Return the job with a copy of its error: a raised error carries its traceback."""
    return job if job.error is None else replace(job, error=job.error.again())
