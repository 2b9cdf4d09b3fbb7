"""Work that takes its time: where a job stands is arithmetic on its account's clock, or on how often it was asked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Literal, cast

from fauxscale.errors import ApiError

from .ledger import Charge
from .store import Store

Stage = Literal["queued", "running", "done", "cancelled"]
_ORDER: tuple[Stage, ...] = ("queued", "running", "done")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How long a job waits and works, in seconds, and how many looks must find it unfinished first."""

    queued: float = 0.0
    running: float = 0.0
    polls: int = 0

    def stage(self, elapsed: float, looks: int) -> Stage:
        """Where a job stands `elapsed` seconds after it was made, at its `looks`-th look."""
        if elapsed < self.queued or (looks < 2 <= self.polls):
            return "queued"
        if elapsed < self.queued + self.running or looks <= self.polls > 0:
            return "running"
        return "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One piece of work. What will come of it is settled when it is made; the clock only reveals it.

    `made` is the account's time in Unix seconds, `call` the journal's id of the submission. `output` is the
    provider's own note of the result, `links` the ids of what it leads to, `charge` what it will cost once done,
    `error` why it will fail.
    `notify` is the address told of the end, `copies`, `late` (seconds) and `held` how it is told.
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

    def to_json(self) -> bytes:
        words = asdict(replace(self, error=None))
        return json.dumps(words | {"error": _words(self.error)}, default=str).encode()

    @classmethod
    def from_json(cls, row: bytes) -> Job:
        words = json.loads(row)
        charge = words["charge"]
        return cls(
            **words
            | {
                "links": tuple(words["links"]),
                "pace": Pace(**words["pace"]),
                "charge": None if charge is None else Charge(**charge),
                "error": _error(words["error"]),
            }
        )


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a job stands, and since when by its account's clock (Unix seconds). `error`: an ordered failure."""

    stage: Stage
    since: float
    error: ApiError | None = None


@dataclass(frozen=True, slots=True)
class _Course:
    """What was ordered for a job: never to stand before `least`; stalled: never past it either."""

    least: Stage = "queued"
    at: float = 0.0
    stalled: bool = False
    error: Mapping[str, object] | None = None

    @property
    def failure(self) -> ApiError | None:
        return _error(self.error)


class Jobs:
    """The jobs of one account. A job ends once, done or cancelled, and stays that way."""

    _MOST = 10_000

    def __init__(self, store: Store, prefix: str) -> None:
        self._store = store
        self._prefix = prefix

    async def add(self, job: Job) -> None:
        await self._store.put(self._key(job.id), job.to_json())
        row = job.id.encode()
        await self._store.append(f"{self._prefix}jobs", row, most=self._MOST, most_bytes=1024 * 1024)

    async def get(self, job_id: str) -> Job | None:
        row = await self._store.get(self._key(job_id))
        return None if row is None else Job.from_json(row)

    async def all(self) -> list[Job]:
        """Every job, oldest first."""
        jobs = [await self.get(row.decode()) for row in await self._store.items(f"{self._prefix}jobs")]
        return [job for job in jobs if job is not None]

    async def progress(self, job: Job, now: float, *, look: bool = False) -> Progress:
        """Where the job stands at `now`. A `look` is counted, for paces that go by looks."""
        if (ended := await self._store.get(self._key(job.id, "end"))) is not None:
            stage, _, since = ended.decode().partition(" ")
            return Progress(cast("Stage", stage), float(since), (await self._course(job.id)).failure)
        course = await self._course(job.id)
        if course.stalled:
            return Progress(course.least, course.at)
        looks = await self._looks(job, look=look)
        stage = job.pace.stage(now - job.made, looks)
        if _ORDER.index(course.least) >= _ORDER.index(stage):
            return Progress(course.least, course.at or job.made, course.failure)
        started = job.made + job.pace.queued
        if stage == "running":
            return Progress(stage, started)
        # A job that goes by looks is done when the look that finds it done is made.
        return Progress(stage, now if job.pace.polls else started + job.pace.running)

    async def end(self, job: Job, stage: Literal["done", "cancelled"], at: float) -> bool:
        """Write down how the job ended; False if it had ended before. One caller only is told True."""
        return await self._store.claim(self._key(job.id, "end"), f"{stage} {at!r}".encode())

    async def ended(self, job: Job) -> bool:
        return await self._store.get(self._key(job.id, "end")) is not None

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
            await self._order(job, _Course(stage, now))
        return stage

    async def finish(self, job: Job, now: float) -> bool:
        """Have the job done now; False if it has ended already."""
        return await self._order(job, _Course("done", now))

    async def fail(self, job: Job, error: ApiError, now: float) -> bool:
        """Have the job fail now with this error; False if it has ended already."""
        return await self._order(job, _Course("done", now, error=_words(error)))

    async def stall(self, job: Job, now: float) -> bool:
        """Keep the job where it stands until it is advanced, finished or failed; False if it has ended."""
        return await self._order(job, _Course((await self.progress(job, now)).stage, now, stalled=True))

    async def spoil(self, job: Job, error: ApiError) -> None:
        """Have an ended job fail after all: what it was to cost could not be paid."""
        await self._put(job, _Course("done", error=error.to_words()))

    async def _order(self, job: Job, course: _Course) -> bool:
        if await self.ended(job):
            return False
        await self._put(job, course)
        return True

    async def _put(self, job: Job, course: _Course) -> None:
        await self._store.put(self._key(job.id, "course"), json.dumps(asdict(course), default=str).encode())

    async def _course(self, job_id: str) -> _Course:
        row = await self._store.get(self._key(job_id, "course"))
        return _Course() if row is None else _Course(**json.loads(row))

    async def _looks(self, job: Job, *, look: bool) -> int:
        if not job.pace.polls:
            return 0
        key = self._key(job.id, "looks")
        return (await self._store.add(key, 1) if look else await self._store.count(key)) or 0

    def _key(self, job_id: str, what: str = "") -> str:
        return f"{self._prefix}job:{job_id}:{what}"


def _words(error: ApiError | None) -> Mapping[str, object] | None:
    return None if error is None else error.to_words()


def _error(words: Mapping[str, object] | None) -> ApiError | None:
    return None if words is None else ApiError.from_words(words)
