"""An account is everything the stand-in remembers about one API key; `Accounts` is all of them on one server."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass

from .clock import Clock, wall
from .errors import ApiError, Problem
from .faults import Plan
from .files import File
from .jobs import Jobs
from .journal import Journal
from .ledger import Ledger
from .limits import Limits
from .links import Links
from .redact import nickname, shorten
from .renditions import Rendition, Renditions
from .settings import Settings, Terms, micros
from .signing import Signer
from .store import Store
from .verdicts import Verdicts
from .webhooks import Webhooks

NOBODY = "acct_0"
SWEEP_EVERY = 64
RESETTABLE = ("calls", "clock", "faults", "jobs", "ledger", "limits", "links", "seed")


@dataclass(frozen=True, slots=True)
class Card:
    """What is known of an account besides its state. `keys` are shortened, by provider ("*" is any)."""

    id: str
    label: str
    made: float
    keys: Mapping[str, str]


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
        """Replace the account's own terms; with `refill` a balance counts from now on."""
        await self.store.put(f"{self.prefix}terms", terms.to_json())
        if refill and terms.balance is not None:
            funds = micros(terms.balance) + await self.ledger.spent()
            await self.store.put(f"{self.prefix}funds", str(funds).encode())

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
        at first), limits, links (and the pictures behind them), seed (the dice begin anew). Keys and terms stay."""
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
            balance = (await self.own_terms()).balance
            if balance is not None:
                await store.put(f"{prefix}funds", str(micros(balance)).encode())
        if "limits" in what:
            await store.clear(f"{prefix}minute:")
            await store.delete(f"{prefix}since")
        if "links" in what:
            await self.links.forget()
        if "seed" in what:
            await store.clear(f"{prefix}draws:")

    async def totals(self) -> dict[str, int]:
        """What the account came to since it was opened, resets or not: calls, refused, images, micros."""
        return await self.journal.totals() | await self.ledger.totals()

    async def keep_upload(self, data: bytes) -> str:
        """Store an upload; returns its blob key, which is never given twice, resets or not."""
        number = await self.store.add("blobs", 1) or 0
        key = f"{self.prefix}blob:{number}"
        await self.store.put_blob(key, data)
        if number % SWEEP_EVERY == 0:
            # An hour's grace: a test may set its clock back, a developer renew a link that just died.
            await self.links.sweep((await self.clock()).now() - 3600)
        return key


class Accounts:
    """The whole state of one server: accounts by key, and what they share."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self.settings = settings
        self.store = store
        self._secret = hashlib.sha256(f"fauxscale:{settings.seed}".encode()).digest()
        self.signer = Signer(self._secret)
        self.renditions = Renditions(cache=settings.rendition_memory, permits=settings.rendering_memory)
        self.verdicts = Verdicts()
        self._named = {_digest(key): key for key in settings.keys}

    def of_id(self, account_id: str) -> Account:
        """The state kept under an id, whether or not such an account was opened."""
        return Account(account_id, self.store, self.settings, self._secret)

    async def of_key(self, key: str | None, provider: str) -> Account:
        """The account a key opens. Raises MISSING_KEY, or INVALID_KEY as the key policy says."""
        if not key:
            raise ApiError(Problem.MISSING_KEY, "API key missing", reason="no API key came with this call")
        digest = _digest(key)
        row = await self.store.get(f"key:{digest}")
        if row is not None:
            account_id, _, owner = row.decode().partition(" ")
            if owner in ("*", provider):
                return self.of_id(account_id)
            raise ApiError(
                Problem.INVALID_KEY,
                "Invalid API key",
                reason=f"this key was issued for {owner}, not for {provider}: does the client read the wrong variable?",
            )
        if digest in self._named or not self.settings.issued_only:
            if "invalid" in key and digest not in self._named:
                raise ApiError(
                    Problem.INVALID_KEY, "Invalid API key", reason="a key that contains 'invalid' is refused"
                )
            # Equal keys make equal accounts on every worker and after every start, with no key kept.
            account_id = f"acct_{digest[:12]}"
            if await self._claim(digest, account_id, "*"):
                await self._enrol(Card(account_id, nickname(key), wall(), {"*": nickname(key)}))
            return self.of_id(account_id)
        raise ApiError(
            Problem.INVALID_KEY,
            "Invalid API key",
            reason=f"the key {shorten(key)} was not issued here: take one from account.api_key(provider), "
            "the control API, or start with --key",
        )

    async def make(self, terms: Terms, mint: Callable[[int], Mapping[str, str]], label: str = "") -> Account:
        """Open an account. `mint` makes of its number the keys, by provider, that give access to it.

        Raises ValueError on a taken key.
        """
        number = await self.store.add("accounts:made", 1) or 0
        account, keys = self.of_id(f"acct_{number}"), mint(number)
        if len(set(keys.values())) < len(keys):
            raise ValueError("each provider needs a key of its own")
        for provider, key in keys.items():
            if not await self._claim(_digest(key), account.id, provider):
                await self.delete(account.id)  # all keys or none
                raise ValueError(f"the key for {provider} belongs to another account already")
        await account.set_terms(terms)
        await self._enrol(
            Card(account.id, label or account.id, wall(), {p: shorten(k) for p, k in keys.items()})
        )
        return account

    def mint(self, number: int, provider: str) -> bytes:
        """32 bytes to make a key of, the same for the same server seed, account number and provider."""
        return hmac.digest(self._secret, f"key\n{number}\n{provider}".encode(), "sha256")

    async def get(self, account_id: str) -> Account | None:
        return None if await self.card(account_id) is None else self.of_id(account_id)

    async def card(self, account_id: str) -> Card | None:
        row = await self.store.get(f"account:{account_id}")
        return None if row is None else Card(**json.loads(row))

    async def cards(self) -> list[Card]:
        """Every account still open, oldest first."""
        rows = [await self.card(row.decode()) for row in await self.store.items("accounts")]
        return [card for card in rows if card is not None]

    async def delete(self, account_id: str) -> None:
        """Close an account: its keys stop working, its links are unknown, nothing of it stays."""
        account = self.of_id(account_id)
        await account.links.forget()
        for row in await self.store.items(f"{account.prefix}keys"):
            await self.store.delete(f"key:{row.decode()}")
        await self.store.delete(f"account:{account_id}")
        await self.store.clear(account.prefix)

    async def rendition(self, link_id: str) -> Rendition | None:
        """What a link's id leads to, None if it never did or was purged."""
        row = await self.store.get(f"link:{link_id}")
        return None if row is None else Rendition.from_json(row)

    async def file(self, file_id: str) -> File | None:
        """A file somebody put here, None if there never was one of this id, or it was purged."""
        row = await self.store.get(f"link:file:{file_id}")
        return None if row is None else File.from_json(row)

    def nobody(self) -> Account:
        """Where calls are journalled that no account can be told for: unknown keys, links and addresses."""
        return self.of_id(NOBODY)

    async def reset(self) -> None:
        """Forget every account and all of its state."""
        for prefix in ("a:", "key:", "account", "link:"):
            await self.store.clear(prefix)

    async def close(self) -> None:
        self.renditions.close()
        await self.store.close()

    async def _claim(self, digest: str, account_id: str, provider: str) -> bool:
        if not await self.store.claim(f"key:{digest}", f"{account_id} {provider}".encode()):
            return False
        keys = f"a:{account_id}:keys"
        await self.store.append(keys, digest.encode(), most=1_000, most_bytes=1024 * 1024)
        return True

    async def _enrol(self, card: Card) -> None:
        await self.store.put(f"account:{card.id}", json.dumps(asdict(card)).encode())
        await self.store.append("accounts", card.id.encode(), most=100_000, most_bytes=16 * 1024 * 1024)


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode(errors="surrogatepass")).hexdigest()
