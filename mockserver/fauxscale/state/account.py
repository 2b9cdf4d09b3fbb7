"""An account: everything the stand-in remembers about one API key."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec.structs import replace

from fauxscale.clock import Clock, wall
from fauxscale.settings import Settings, Terms, micros

from .batch import Batch
from .dice import Dice
from .fault_plan import Plan
from .files import Begun
from .head import Head, HeadRoom
from .jobs import Jobs
from .journal import Journal
from .ledger import Ledger
from .links import Links
from .rate_limits import Limits
from .records import Records
from .scope import GROUPS, Scope
from .store import Store
from .webhooks import Webhooks

# A sweep reads all links of its account: 2 ms of 5,000.
SWEEP_EVERY = 256
# A developer renews a link that just died; a test sets its clock back.
SWEEP_AFTER = 3600.0
RESETTABLE = ("calls", "clock", "faults", "jobs", "ledger", "limits", "links", "seed")
# What bears an id drawn from the dice.
_NUMBERED = frozenset({"calls", "jobs", "ledger", "links"})


class Account:
    """One generation of the state of one account. All its parts share the store under the account's own keys."""

    def __init__(self, scope: Scope, settings: Settings, secret: bytes) -> None:
        self._settings = settings
        self._secret = secret
        self._last_terms = (Terms(), Terms())
        self._unswept = 0
        self._enter_generation(scope)

    def _enter_generation(self, scope: Scope) -> None:
        settings = self._settings
        self.scope = scope
        self.head = HeadRoom(scope)
        self.dice = Dice(scope, self._secret)
        self.ledger = Ledger(scope)
        self.limits = Limits(scope)
        self.faults = Plan(scope, self.dice.luck)
        self.links = Links(scope)
        self.files = Begun(scope)
        self.records = Records(scope)
        self.jobs = Jobs(scope)
        self.webhooks = Webhooks(scope)
        self.journal = Journal(scope, most=settings.journal_entries, most_bytes=settings.journal_bytes)

    @property
    def id(self) -> str:
        return self.scope.account

    @property
    def store(self) -> Store:
        return self.scope.store

    async def clock(self) -> Clock:
        return self.clock_of(await self.head.read())

    def clock_of(self, head: Head) -> Clock:
        skew = self.store.skew
        return replace(head.clock, ahead=skew) if skew else head.clock

    async def set_clock(self, clock: Clock) -> None:
        await self.head.change(lambda head: replace(head, clock=replace(clock, ahead=0.0)))

    async def terms(self) -> Terms:
        """The terms in force: the account's own, and the server's wherever those say nothing."""
        return self.terms_of(await self.head.read())

    def terms_of(self, head: Head) -> Terms:
        """The terms in force under a head. Every call asks several times: those of the last head are remembered."""
        if head.terms is not self._last_terms[0]:
            self._last_terms = head.terms, self._settings.terms.under(head.terms)
        return self._last_terms[1]

    async def own_terms(self) -> Terms:
        return (await self.head.read()).terms

    async def set_terms(self, terms: Terms, *, refill: bool = True) -> None:
        """Replace the account's own terms; with `refill` the wallet is filled with their balance, or the server's."""

        def fill(batch: Batch) -> None:
            if refill:
                self.ledger.add_refill(batch, None if terms.balance is None else micros(terms.balance))

        await self.head.change(lambda head: replace(head, terms=terms), fill)

    async def funds(self) -> int | None:
        """Micro-dollars the wallet begins with, None without a limit."""
        return self.funds_of(await self.head.read())

    def funds_of(self, head: Head) -> int | None:
        balance = self.terms_of(head).balance
        return None if balance is None else micros(balance)

    async def balance(self) -> int | None:
        """Micro-dollars that may still be spent, None without a limit."""
        return await self.ledger.left(await self.funds())

    async def draw(self, purpose: str) -> bytes:
        """Draw 32 bytes from the account's dice. Same seed, same calls since reset: same bytes."""
        return self.dice.cast(purpose, await self.dice.number(purpose))

    async def draw_id(self, purpose: str) -> str:
        """Draw 22 URL-safe characters, 16 bytes."""
        return self.dice.id_of(purpose, await self.dice.number(purpose))

    async def roll(self) -> float:
        """Roll the dice that go by the account's label: a number from 0 up to, not including, 1."""
        name = (await self.head.read()).label
        return self.dice.luck(name, await self.dice.number("roll"), "roll")

    async def number_call(self) -> int:
        """Take the number of a call, from 1; 0 once the account is gone."""
        return await self.dice.number_late("call")

    async def reset(self, what: tuple[str, ...] = RESETTABLE) -> None:
        """Forget what is named: calls (the journal), clock, faults, jobs (and webhooks), ledger (and balance as
        at first), limits, links (and the pictures behind them), seed (the dice and a recording begin anew; ids too
        where nothing is left that bears one). Keys and terms stay.

        All of it at once begins a new generation: calls that are on their way leave nothing in it.
        """
        if self.scope.guarded and set(what) >= set(RESETTABLE):
            await self._begin_generation()
            return
        if "clock" in what:
            await self.set_clock(Clock())
        if "faults" in what:
            await self.faults.clear()
        elif "seed" in what:
            await self.faults.rewind()
        names = await self.links.names() if "links" in what else []
        digests: Mapping[str, str] = {}
        if "links" in what and "ledger" not in what:
            digests = await self._digests()
        batch = self.scope.batch()
        if "calls" in what:
            self.journal.add_reset(batch)
        if "jobs" in what:
            self.jobs.add_reset(batch)
            self.webhooks.add_reset(batch)
        if "ledger" in what:
            self.ledger.add_reset(batch)
        if "limits" in what:
            self.limits.add_reset(batch)
        if "links" in what:
            for source, digest in digests.items():
                self.ledger.add_digest(batch, source, digest)
            self.links.add_reset(batch, names)
            self.files.add_reset(batch)
            self.records.add_reset(batch)
        if "seed" in what:
            self.dice.add_reset(batch, ids=set(what) >= _NUMBERED)
        await self.scope.run(batch)

    async def _begin_generation(self) -> None:
        generation = await next_generation(self.store)
        names = await self.links.names()
        old = self.scope

        def forget(batch: Batch) -> None:
            self.links.add_reset(batch, names)
            batch.drop(*map(old.group, GROUPS))

        await self.head.change(
            lambda head: replace(head, generation=generation, clock=Clock(), rules=()), forget
        )
        self._enter_generation(replace(old, generation=generation))

    async def close(self, directory: Callable[[Batch, Head], None]) -> None:
        """Forget everything; `directory` forgets what others know of the account."""
        names, head = await self.links.names(), await self.head.read()
        batch = self.scope.batch()
        self.links.add_reset(batch, names)
        batch.drop(*map(self.scope.group, GROUPS), self.scope.lasting_group)
        directory(batch, head)
        await self.scope.run_late(batch)

    async def totals(self) -> dict[str, int]:
        """Sum up the account since it was opened, resets or not: calls, refused, images, micros."""
        return await self.journal.totals() | await self.ledger.totals()

    async def put_upload(self, data: bytes, name: str) -> str:
        """Store an upload for a while: a batch must name its blob. Returns its key. `name` must never come twice."""
        key = self.scope.key("blobs", name)
        await self.store.put_blob(key, data)
        return key

    async def keep_upload(self, data: bytes) -> str:
        """Store an upload; returns its blob key, which is never given twice, resets or not."""
        batch = self.scope.batch()
        number = batch.add(self.scope.lasting("blobs"), 1)
        made = (await self.scope.run(batch)).of(number) or 0
        key = await self.put_upload(data, str(made))
        if made % SWEEP_EVERY == 0:
            await self.sweep()
        batch = self.scope.batch()
        batch.name_blob(key)
        await self.scope.run(batch)
        return key

    async def drop_upload(self, key: str) -> None:
        """Forget an upload that nothing leads to."""
        batch = self.scope.batch()
        batch.delete(key)
        await self.scope.run_late(batch)

    async def sweep_sometimes(self) -> None:
        """Sweep once in so many calls that were paid for."""
        self._unswept += 1
        if self._unswept % SWEEP_EVERY == 0:
            await self.sweep()

    async def sweep(self) -> None:
        """Purge the oldest links where there are too many, and delete the uploads that no living link leads to."""
        links, gone = await self.links.outlived((await self.clock()).now(), wall() - SWEEP_AFTER)
        if not links and not gone:
            return
        digests = await self.store.digests(gone)
        batch = self.scope.batch()
        for source, digest in digests.items():
            self.ledger.add_digest(batch, source, digest)
        batch.delete(*gone)
        self.links.add_purge(batch, links)
        await self.scope.run_late(batch)

    async def _digests(self) -> Mapping[str, str]:
        """Hash every upload that was or will be charged for: whether it was paid for twice may be asked as long as
        its charge is known."""
        due = [job.charge for job in await self.jobs.all() if job.charge is not None]
        charges = [*await self.ledger.charges(), *due]
        return await self.store.digests([source for one in charges for source in one.sources])


async def next_generation(store: Store) -> int:
    """Take a number that no generation of any account has had."""
    batch = Batch()
    number = batch.add("server/generations", 1)
    return (await store.run(batch)).of(number) or 0
