"""What followed a call: its charge, its job, downloads of its links, webhooks; and which call gave out a link."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fauxscale.control.ledger import fingerprinted
from fauxscale.state.account import Account
from fauxscale.state.jobs import Job
from fauxscale.state.journal import Entry
from fauxscale.state.link import Link

Members = dict[str, object]
_MOST_CALLS = 50


async def story(entry: Entry, account: Account) -> Members:
    """Describe what followed a call. Times are Unix seconds by the account's clock, except in `calls`, which have their
    own."""
    entries = await account.journal.entries()
    now = (await account.clock()).now()
    links = [link for one in entry.results if (link := await account.links.get(str(one["link"]))) is not None]
    job = next((one for one in await account.jobs.all() if one.call == entry.id), None)
    return {
        "now": now,
        "charge": await _charge(entry, account),
        "job": None if job is None else await _job(job, account, now),
        "links": [_link(link, now) for link in links],
        "calls": [_call(one, what) for one, what in _related(entry, entries, job)][:_MOST_CALLS],
        "webhooks": [] if job is None else await _notices(job, account),
    }


def _related(entry: Entry, entries: Sequence[Entry], job: Job | None) -> Iterator[tuple[Entry, str]]:
    """The calls related to this one, oldest first, and how."""
    links = {one["link"] for one in entry.results}
    for one in entries:
        if one.n == entry.n:
            continue
        if job is not None and job.id in one.path:
            yield one, "for this job"
        elif links and any(result["link"] in links for result in one.results):
            same = "read the link" if one.kind == "download" else "issued the link"
            yield one, same


def origin(entry: Entry, entries: Sequence[Entry]) -> Entry | None:
    """The call that gave out the link that this one read; None if it is not known any more."""
    links = {one["link"] for one in entry.results}
    for one in entries:
        if one.kind == "api" and one.charge and any(result["link"] in links for result in one.results):
            return one
    return None


async def _charge(entry: Entry, account: Account) -> Members | None:
    """The charge of a call, whether it was refunded, and the other calls that paid for the same work."""
    if not entry.charge:
        return None
    charges = await fingerprinted(account)
    found = next(((one, print_) for one, print_ in charges if one.id == entry.charge), None)
    if found is None:
        return None
    own, fingerprint = found
    refunded = {one.refunds for one, _ in charges if one.refunds}
    again = [
        one.call
        for one, print_ in charges
        if print_ == fingerprint and one.id != own.id and one.micros > 0 and one.id not in refunded
    ]
    return {"micros": own.micros, "at": own.at, "refunded": own.id in refunded, "again": again}


async def _job(job: Job, account: Account, now: float) -> Members:
    progress = await account.jobs.progress(job, now)
    failure = progress.error or job.error
    ended = await account.jobs.ended(job)
    return {
        "id": job.id,
        "made": job.made,
        "stage": progress.stage,
        "since": progress.since,
        "ended": ended,
        "error": failure.reason or failure.message if failure is not None and ended else None,
    }


def _link(link: Link, now: float) -> Members:
    return {
        "id": link.id,
        "exp": link.exp,
        "alive": link.lives(now),
        "given": link.given,
        "altered": link.altered,
    }


def _call(entry: Entry, what: str) -> Members:
    return {
        "n": entry.n,
        "what": what,
        "at": entry.at,
        "status": entry.status,
        "operation": entry.operation,
        "reason": entry.reason,
    }


async def _notices(job: Job, account: Account) -> list[Members]:
    delivery = await account.webhooks.get(job.id)
    if delivery is None:
        return []
    return [
        {"at": one.at, "status": one.status, "problem": one.problem, "copies": delivery.copies}
        for one in delivery.attempts
    ] or [{"at": delivery.due, "status": None, "problem": "not sent yet", "copies": delivery.copies}]
