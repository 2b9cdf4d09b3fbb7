"""Work promised for later: charged once its time has come by the account's clock, and whoever asked is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from starlette.background import BackgroundTask

from fauxscale.dispatch.provider import Call, Provider
from fauxscale.errors import ApiError
from fauxscale.state.account import Account
from fauxscale.state.accounts import Accounts
from fauxscale.state.jobs import Job, Progress
from fauxscale.state.ledger import Charge
from fauxscale.state.webhooks import Delivery, Key


async def look(
    account: Account, provider: Provider, job: Job, now: float, *, counted: bool = True
) -> Progress:
    """Where a job stands; a job found done is finished first. Jobs that go by looks count it unless told not to."""
    progress = await account.jobs.progress(job, now, look=counted)
    if progress.stage == "done":
        await finish(account, provider, job, progress)
        progress = await account.jobs.progress(job, now)
    return progress


async def catch_up(accounts: Accounts, account: Account, providers: Mapping[str, Provider]) -> None:
    """Finish every job that is due by the account's clock and make every delivery that is: after the clock
    was moved or a job was ordered about, and before the ledger is read."""
    now = (await account.clock()).now()
    for job in await account.jobs.all():
        if not await account.jobs.ended(job):
            progress = await account.jobs.progress(job, now)
            if progress.stage == "done" and job.provider in providers:
                await finish(account, providers[job.provider], job, progress)
    await deliver(accounts, account, now)


async def finish(account: Account, provider: Provider, job: Job, progress: Progress) -> Charge | None:
    """End a job that is done: charge it unless it failed, queue its notice. Once, however many ask."""
    if not await account.jobs.end(job, "done", progress.since):
        return None
    error, charge = progress.error or job.error, None
    if error is None and job.charge is not None:
        charge = replace(job.charge, at=progress.since)
        try:
            await account.ledger.charge(charge, await account.funds())
        except ApiError as refusal:
            # Other work has spent the money since this was submitted.
            error, charge = refusal, None
            await account.jobs.spoil(job, refusal)
    if job.notify is not None and provider.notice is not None:
        delivery = Delivery(
            id=job.id,
            url=job.notify,
            body=provider.notice(job, error),
            header=f"X-{provider.name.capitalize()}-Webhook",
            user=account.id,
            due=progress.since + job.late,
            copies=job.copies,
        )
        await account.webhooks.add(delivery, held=job.held)
    return charge


def tell(call: Call) -> BackgroundTask:
    """Makes the deliveries that are due once this call is answered, for it to go out behind the answer: a client
    must know a request's id before it hears of it."""

    async def deliver_now() -> None:
        await deliver(call.accounts, call.account, (await call.account.clock()).now())

    return BackgroundTask(deliver_now)


async def deliver(accounts: Accounts, account: Account, now: float) -> None:
    """Make the deliveries that are due."""
    if any(delivery.open and delivery.due <= now for delivery in await account.webhooks.all()):
        await account.webhooks.deliver(signing_key(accounts), now)


def signing_key(accounts: Accounts) -> Key:
    """The key pair of this server, the same for the same seed. ApiError without the extra that signs."""
    return Key(accounts.mint(0, "webhooks"))
