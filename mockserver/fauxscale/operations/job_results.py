"""Jobs: work that begins now, and is charged and announced by webhook when the account's clock ends it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

from msgspec import Struct, field
from msgspec.structs import replace
from starlette.background import BackgroundTask

from fauxscale.clock import LATEST
from fauxscale.dispatch.provider import Call, Option, Provider, media_url
from fauxscale.errors import ApiError, Problem
from fauxscale.faults import DelayWebhook, HoldWebhook, RepeatWebhook
from fauxscale.state.account import Account
from fauxscale.state.accounts import Accounts
from fauxscale.state.jobs import Job, Pace, Progress
from fauxscale.state.ledger import Charge
from fauxscale.state.link import Link
from fauxscale.state.webhooks import Delivery, Key, Signature

from .performing import keep
from .work import Outcome

# The options of any provider with jobs: how long work waits, runs, and how many polls find it unfinished.
JOB_OPTIONS = (
    Option(name="queue_seconds", default=0.0, why="how long a submitted request waits: fauxscale's choice"),
    Option(name="run_seconds", default=0.0, why="how long it then runs: fauxscale's choice"),
    Option(
        name="polls", default=0, why="how many polls of its status find it unfinished: fauxscale's choice"
    ),
)


class Made(Struct, frozen=True):
    """The outcome of a job's work: None if it makes no pictures and costs nothing.

    `output` is the provider's own note, as JSON, from which it writes the reply later.
    """

    outcome: Outcome | None
    output: Mapping[str, object] = field(default_factory=dict[str, object])


class JobResult(Struct, frozen=True):
    """A finished job's results: their links in order, and the provider's own note."""

    links: tuple[Link, ...]
    output: Mapping[str, object]


def pace_of(call: Call) -> Pace:
    """Read how long a job waits and runs from the provider's options (JOB_OPTIONS)."""
    return Pace(
        queued=float(call.setting("queue_seconds")),
        running=float(call.setting("run_seconds")),
        polls=int(call.setting("polls")),
    )


def _at_once(refusal: ApiError) -> bool:
    return True


async def begin(
    call: Call,
    work: Callable[[], Awaitable[Made]],
    *,
    job_id: str,
    pace: Pace,
    notify: str | None = None,
    ends_in: ApiError | None = None,
    at_once: Callable[[ApiError], bool] = _at_once,
) -> Job:
    """Begin a job: its work is judged now, and charged when `pace` says that it is done.

    `work` prepares an outcome that is not `finished`, so that its links begin to live when the job ends. Its
    refusals are raised if `at_once` says so; otherwise the job ends in them, or in `ends_in`. `notify` is the
    address of the webhook. Raises INVALID_KEY if the account is closed.
    """
    made: Made | None = None
    error: ApiError | None = None
    try:
        made = await work()
    except ApiError as refusal:
        if at_once(refusal):
            raise
        error = refusal
        error.message, error.reason = call.masked(error.message), call.masked(error.reason)
    outcome = made.outcome if made else None
    copies, late = call.faults.take(RepeatWebhook), call.faults.take(DelayWebhook)
    job = Job(
        id=job_id,
        provider=call.provider.name,
        operation=call.endpoint.operation,
        call=call.entry.id,
        made=call.now,
        pace=pace,
        output=made.output if made else {},
        links=tuple(one.link.id for one in outcome.results) if outcome else (),
        charge=outcome.charge if outcome else None,
        error=ends_in or error,
        notify=notify,
        copies=copies.copies if copies else 1,
        late=late.seconds if late else 0.0,
        held=call.faults.take(HoldWebhook) is not None,
        origin=media_url(call, ""),
    )
    if outcome is not None:
        await keep(call, outcome, None)
    await call.account.jobs.add(job)
    # Without a pace the work is done, and paid for, by now.
    progress = await poll(call, job, counted=False)
    if progress.stage == "done" and job.charge is not None and (progress.error or job.error) is None:
        call.entry.cost = job.charge.micros
    return job


async def find_job(call: Call, job_id: str) -> Job | None:
    """Find a job of the call's account that was begun at this provider, None if there is none."""
    job = await call.account.jobs.get(job_id)
    return job if job is not None and job.provider == call.provider.name else None


async def result_of(call: Call, job: Job) -> JobResult | None:
    """The results of a job of this account, None while it is not done. Raises the error it ended in, and
    INVALID_PARAMETER for a cancelled one."""
    progress = await poll(call, job, counted=False)
    if progress.stage == "cancelled":
        raise ApiError(
            Problem.INVALID_PARAMETER,
            "The job was cancelled",
            reason=f"job {job.id} was cancelled before it was done: it has no result, and cost nothing",
        )
    if progress.stage != "done":
        return None
    if (error := progress.error or job.error) is not None:
        raise error.again()
    found = [await call.accounts.link(link_id) for link_id in job.links]
    return JobResult(tuple(one for one in found if one is not None), job.output)


async def poll(call: Call, job: Job, *, counted: bool = True) -> Progress:
    """The progress of a job of this account. A job that counts polls counts this one, if `counted`."""
    now = (await call.account.clock()).now()
    return await refresh(call.accounts, call.account, call.provider, job, now, counted=counted)


async def refresh(
    accounts: Accounts, account: Account, provider: Provider, job: Job, now: float, *, counted: bool = True
) -> Progress:
    """Return a job's progress; one found done is finished first. A job that counts polls counts it, if `counted`."""
    progress = await account.jobs.progress(job, now, poll=counted)
    if progress.stage == "done":
        await finish(accounts, account, provider, job, progress)
        progress = await account.jobs.progress(job, now)
    return progress


async def catch_up(accounts: Accounts, account: Account, providers: Mapping[str, Provider]) -> None:
    """Finish every job and make every delivery that is due by the account's clock: after the clock or a job was moved,
    and before the ledger is read."""
    now = (await account.clock()).now()
    for job in await account.jobs.all():
        if not await account.jobs.ended(job):
            progress = await account.jobs.progress(job, now)
            if progress.stage == "done" and job.provider in providers:
                await finish(accounts, account, providers[job.provider], job, progress)
    await deliver(accounts, account, now)


async def finish(
    accounts: Accounts, account: Account, provider: Provider, job: Job, progress: Progress
) -> Charge | None:
    """End a job that is done: charge it unless it failed, let its links live, queue its notice. It happens once,
    however many callers ask, and all of it or nothing, even if a process dies."""
    error, charge = progress.error or job.error, None
    if error is None and job.charge is not None:
        charge = replace(job.charge, at=progress.since)
    links = [
        replace(link, exp=int(min(progress.since + link.life, LATEST)))
        for link in (await account.links.of(job.links) if error is None else ())
    ]
    while True:
        batch = account.scope.batch()
        first = account.jobs.add_end(batch, job, "done", progress.since)
        wallet = account.ledger.add_charge(batch, charge, await account.funds()) if charge else None
        for link in links:
            account.links.add_change(batch, link)
        if error is not None and not (progress.error or job.error):
            account.jobs.add_failure(batch, job, error)
        if job.notify is not None and provider.notice is not None:
            body = provider.notice(replace(job, addresses=_addresses(accounts, job, links)), error)
            delivery = _delivery(provider, account, job.id, job.notify, body)
            delivery = replace(delivery, due=progress.since + job.late, copies=job.copies)
            account.webhooks.add_delivery(batch, delivery, held=job.held)
        outcome = await account.scope.run_late(batch)
        if outcome is None or outcome.refused(first):
            return None
        if charge is None or outcome.refusal is None:
            return charge
        # Other work has spent the money since the submission.
        error, charge, links = account.ledger.refusal(outcome, wallet, charge), None, []


def _addresses(accounts: Accounts, job: Job, links: Sequence[Link]) -> tuple[str | None, ...]:
    """The addresses of a job's results, by the way its call came."""

    def address(link: Link) -> str | None:
        if not link.safe or not link.path:
            return None
        if not link.signed or link.exp is None:
            return job.origin + link.path
        return f"{job.origin}{link.path}?{accounts.signer.query(link.path, link.exp, link.account)}"

    return tuple(map(address, links))


async def notify(call: Call, notice_id: str, url: str, body: str) -> BackgroundTask:
    """Queue a webhook delivery for finished work; the returned task makes it after this call's reply."""
    await call.faults.apply("webhook")
    copies, late = call.faults.take(RepeatWebhook), call.faults.take(DelayWebhook)
    delivery = replace(
        _delivery(call.provider, call.account, notice_id, url, body),
        due=call.now + (late.seconds if late else 0.0),
        copies=copies.copies if copies else 1,
    )
    await call.account.webhooks.add(delivery, held=call.faults.take(HoldWebhook) is not None)
    return tell(call)


def _delivery(provider: Provider, account: Account, notice_id: str, url: str, body: str) -> Delivery:
    """A delivery of one copy, due at once."""
    return Delivery(
        id=notice_id,
        url=url,
        body=body,
        signature=provider.signature or Signature.named(provider.name),
        user=account.id,
        due=0.0,
    )


def tell(call: Call) -> BackgroundTask:
    """Make the due webhook deliveries after this call's reply: a client must know a request's id before."""

    async def deliver_now() -> None:
        await deliver(call.accounts, call.account, (await call.account.clock()).now())

    return BackgroundTask(deliver_now)


async def deliver(accounts: Accounts, account: Account, now: float) -> None:
    """Make the webhook deliveries that are due."""
    if any(delivery.open and delivery.due <= now for delivery in await account.webhooks.all()):
        await account.webhooks.deliver(signing_key(accounts), now)


def signing_key(accounts: Accounts) -> Key:
    """Make the key pair of this server, the same for the same seed. ApiError without the extra for signing."""
    return Key(accounts.mint(0, "webhooks"))
