"""An account: everything the stand-in remembers about one API key."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from dataclasses import asdict

from fauxscale.clock import Clock, wall
from fauxscale.faults import Plan
from fauxscale.settings import Settings, Terms, micros

from .jobs import Jobs
from .journal import Journal
from .ledger import Ledger
from .links import Links
from .rate_limits import Limits
from .store import Store
from .webhooks import Webhooks

SWEEP_EVERY = 64
# A developer renews a link that just died; a test sets its clock back.
SWEEP_AFTER = 3600.0
RESETTABLE = ("calls", "clock", "faults", "jobs", "ledger", "limits", "links", "seed")
# What bears an id drawn from the dice.
_NUMBERED = frozenset({"calls", "jobs", "ledger", "links"})


class Account:
    """The state of one tenant. Its rooms share the store under the account's own prefix."""

    def __init__(self, id: str, store: Store, settings: Settings, secret: bytes) -> None:  # noqa: A002  # its name
        self.id = id
        self.prefix = f"a:{id}:"
        self.store = store
        self._settings = settings
        self._secret = secret
        self.ledger = Ledger(store, self.prefix)
        self.limits = Limits(store, self.prefix)
        self.faults = Plan(store, self.prefix)
        self.links = Links(store, self.prefix)
        self.jobs = Jobs(store, self.prefix)
        self.webhooks = Webhooks(store, self.prefix)
        self.journal = Journal(
            store, self.prefix, most=settings.journal_entries, most_bytes=settings.journal_bytes
        )

    async def clock(self) -> Clock:
        row = await self.store.get(f"{self.prefix}clock")
        return Clock(**json.loads(row)) if row else Clock()

    async def set_clock(self, clock: Clock) -> None:
        await self.store.put(f"{self.prefix}clock", json.dumps(asdict(clock)).encode())

    async def terms(self) -> Terms:
        """The terms in force: the account's own, and the server's wherever those say nothing."""
        return self._settings.terms.under(await self.own_terms())

    async def own_terms(self) -> Terms:
        row = await self.store.get(f"{self.prefix}terms")
        return Terms() if row is None else Terms(**json.loads(row))

    async def set_terms(self, terms: Terms, *, refill: bool = True) -> None:
        """Replace the account's own terms; with `refill` a balance counts from now on, and none is the server's."""
        await self.store.put(f"{self.prefix}terms", terms.to_json())
        if refill and terms.balance is not None:
            funds = micros(terms.balance) + await self.ledger.spent()
            await self.store.put(f"{self.prefix}funds", str(funds).encode())
        elif refill:
            await self.store.delete(f"{self.prefix}funds")

    async def funds(self) -> int | None:
        """Micro-dollars that may be spent in all, None without a limit."""
        row = await self.store.get(f"{self.prefix}funds")
        if row is not None:
            return int(row)
        balance = self._settings.terms.balance
        return None if balance is None else micros(balance)

    async def since(self) -> float:
        """When the account's minutes began to count, by its clock."""
        row = await self.store.get(f"{self.prefix}since")
        if row is not None:
            return float(row)
        now = (await self.clock()).now()
        await self.store.claim(f"{self.prefix}since", str(now).encode())
        return now

    async def draw(self, purpose: str) -> bytes:
        """32 bytes off the account's dice. Same seed, same calls since reset: same bytes."""
        number = await self.store.add(f"{self.prefix}draws:{purpose}", 1)
        return hmac.digest(self._secret, f"{self.id}\n{purpose}\n{number}".encode(), "sha256")

    async def draw_id(self, purpose: str) -> str:
        """22 URL-safe characters, 16 drawn bytes."""
        return base64.urlsafe_b64encode((await self.draw(purpose))[:16]).rstrip(b"=").decode()

    async def roll(self) -> float:
        """A number from 0 up to, not including, 1. The label decides, not the account's number: a test that runs
        alone has the luck it had among others."""
        row = await self.store.get(f"account:{self.id}")
        name = self.id if row is None else json.loads(row)["label"]
        number = await self.store.add(f"{self.prefix}draws:roll", 1)
        rolled = hmac.digest(self._secret, f"roll\n{name}\n{number}".encode(), "sha256")
        return int.from_bytes(rolled[:8], "big") / 2**64

    async def reset(self, what: tuple[str, ...] = RESETTABLE) -> None:
        """Forget what is named: calls (the journal), clock, faults, jobs (and webhooks), ledger (and balance as
        at first), limits, links (and the pictures behind them), seed (the dice and a recording begin anew; ids too
        where nothing is left that bears one). Keys and terms stay."""
        prefix, store = self.prefix, self.store
        if "calls" in what:
            await store.clear(f"{prefix}journal")
        if "clock" in what:
            await store.delete(f"{prefix}clock")
        if "faults" in what:
            await self.faults.clear()
        if "jobs" in what:
            await store.clear(f"{prefix}job")
            await store.clear(f"{prefix}webhook")
        if "ledger" in what:
            await store.delete(f"{prefix}spent", f"{prefix}charges", f"{prefix}funds")
            await store.clear(f"{prefix}refund:")
            await store.clear(f"{prefix}digest:")
            balance = (await self.own_terms()).balance
            if balance is not None:
                await store.put(f"{prefix}funds", str(micros(balance)).encode())
        if "limits" in what:
            await store.clear(f"{prefix}minute:")
            await store.delete(f"{prefix}since")
        if "links" in what:
            due = [job.charge for job in await self.jobs.all() if job.charge is not None]
            for charge in [*await self.ledger.charges(), *due]:
                await self._note_digest(charge.source)
            await self.links.forget()
        if "seed" in what and set(what) >= _NUMBERED:
            await store.clear(f"{prefix}draws:")
        elif "seed" in what:
            await store.delete(f"{prefix}draws:roll", f"{prefix}draws:seed")
            await store.clear(f"{prefix}draws:replay:")

    async def totals(self) -> dict[str, int]:
        """What the account came to since it was opened, resets or not: calls, refused, images, micros."""
        return await self.journal.totals() | await self.ledger.totals()

    async def keep_upload(self, data: bytes) -> str:
        """Store an upload; returns its blob key, which is never given twice, resets or not."""
        key = f"{self.prefix}blob:{await self.store.add('blobs', 1)}"
        await self.store.put_blob(key, data)
        if (await self.store.add(f"{self.prefix}uploads", 1) or 0) % SWEEP_EVERY == 0:
            for source in await self.links.dead((await self.clock()).now(), wall() - SWEEP_AFTER):
                await self._note_digest(source)
                await self.store.delete(source)
        return key

    async def digest(self, source: str) -> str:
        """SHA-256 of an upload that was let go of, in hexadecimal; "" for one that is here still."""
        row = await self.store.get(f"{self.prefix}digest:{source}")
        return "" if row is None else row.decode()

    async def _note_digest(self, source: str) -> None:
        """Before an upload goes: whether it was paid for twice may be asked as long as its charge is known."""
        data = await self.store.get_blob(source)
        if data is not None:
            digest = (await asyncio.to_thread(hashlib.sha256, data)).hexdigest()
            await self.store.put(f"{self.prefix}digest:{source}", digest.encode())
