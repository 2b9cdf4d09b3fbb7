"""The accounts of one server: found by API key, by id, or by a link they gave out."""

from __future__ import annotations

import hashlib
import hmac
import itertools
import secrets
from collections.abc import Callable, Collection, Mapping, Sequence

from msgspec.structs import replace

from fauxscale.clock import wall
from fauxscale.credentials import shorten
from fauxscale.errors import ApiError, Problem
from fauxscale.images.permits import Permits
from fauxscale.images.probe_cache import ProbeCache
from fauxscale.images.renderer import Renderer
from fauxscale.redact import fingerprint, nickname
from fauxscale.settings import Settings, Terms
from fauxscale.workers import Workers

from .account import Account, next_generation
from .batch import Batch
from .card import Card as Card
from .files import File
from .head import Head, HeadRoom
from .link import Link
from .links import Place, directory_key, file_id
from .recall import Owner as Owner
from .recall import Recall
from .scope import Scope
from .signing import Signer
from .starting import StartingAccount
from .store import Store
from .timed_store import TimedStore

UNASSIGNED = "acct_0"
_CARDS = "accounts/cards"


class Accounts:
    """The whole state of one server: accounts by key, and what they share. The accounts of `starting` are opened at the
    start and after each reset of the server."""

    def __init__(self, settings: Settings, store: Store, starting: Sequence[StartingAccount] = ()) -> None:
        self.settings = settings
        self._starting = tuple(starting)
        self.store = TimedStore(store)
        # Dice follow from the seed, so that tests see the same ids again. Signatures and keys do so only if there is
        # neither a token nor a list of keys: anyone who knows the seed could make them.
        self._dice = hashlib.sha256(f"fauxscale:{settings.seed}".encode()).digest()
        own = store.secret or secrets.token_bytes(32)
        self._secret = own if settings.is_guarded else self._dice
        self.signer = Signer(self._secret)
        self.workers = Workers()
        memory = Permits(settings.rendering_memory)
        self.renderer = Renderer(self.workers, memory, cache=settings.rendition_memory)
        self.probes = ProbeCache(self.workers, memory)
        self.recall = Recall()
        self._unassigned = Account(Scope(self.store, UNASSIGNED), settings, self._dice)
        # Names this worker among all that share a store, and is part of the name of each of its calls.
        self._worker = secrets.token_hex(6)
        self._calls = itertools.count(1)
        self._named = {fingerprint(key): key for key in settings.keys}

    def new_holder(self) -> str:
        """Make a name for a call, unique across all workers."""
        return f"{self._worker}.{next(self._calls)}"

    def recalled(self, hashed: str, provider: str) -> Account | None:
        """Return the account for a key's fingerprint from this worker's cache. Entering the account checks that it is
        still right."""
        owner = self.recall.owners.get(hashed)
        if owner is None or owner.provider not in ("*", provider):
            return None
        return self.recall.accounts.get(owner.account)

    async def giver(self, link_id: str) -> Account | None:
        """Find the generation of the account that gave a link out, None if none did; cached."""
        place = self.recall.givers.get(link_id)
        if place is None:
            account = await self._giver(link_id)
            if account is not None:
                self.recall.givers.put(link_id, (account.id, account.scope.generation))
            return account
        known = self.recall.accounts.get(place[0])
        current = known is not None and known.scope.generation == place[1]
        return known if current else self._generation(*place)

    async def of_key(self, key: str | None, provider: str) -> Account:
        """Find or open the account of a key. Raises MISSING_KEY, or INVALID_KEY according to the key policy."""
        if not key:
            raise ApiError(Problem.MISSING_KEY, "API key missing", reason="this call had no API key")
        hashed = fingerprint(key)
        batch = Batch()
        owner = batch.get(f"key/{hashed}", Owner)
        found = (await self.store.run(batch)).of(owner)
        account = None if found is None else await self.get(found.account)
        if found is not None and account is not None:
            self.recall.owners.put(hashed, found)
            if found.provider in ("*", provider):
                return account
            raise ApiError(
                Problem.INVALID_KEY,
                "Invalid API key",
                reason=f"this key was issued for {found.provider}, not for {provider}: "
                "does the client read the wrong environment variable?",
            )
        if hashed in self._named or not self.settings.issued_only:
            if "invalid" in key and hashed not in self._named:
                raise ApiError(
                    Problem.INVALID_KEY, "Invalid API key", reason="a key that contains 'invalid' is refused"
                )
            # Equal keys make equal accounts on every worker and after every start, without any key being stored.
            card = Card(_open_id(hashed), nickname(key), wall(), {"*": nickname(key)})
            opened = await self._open(card, {"*": key}, Head(), taken=True) or await self.get(card.id)
            return opened or await self.of_key(key, provider)  # another call closed it at once
        raise ApiError(
            Problem.INVALID_KEY,
            "Invalid API key",
            reason=f"the key {shorten(key)} was not issued here: use account.api_key(provider), "
            "a key from the control API, or start the server with --key",
        )

    async def make(
        self,
        terms: Terms,
        mint: Callable[[int], Mapping[str, str]],
        label: str = "",
        given: Collection[str] = (),
    ) -> Account:
        """Open an account. `mint` makes its keys, by provider, from its number.

        Raises ValueError if another account has one of the keys of `given` (keys that a user chose), or if another
        account made here has one of the others.
        """
        batch = Batch()
        made = batch.add("accounts/made", 1)
        number = (await self.store.run(batch)).of(made) or 0
        keys = mint(number)
        if len(set(keys.values())) < len(keys):
            raise ValueError("each provider needs a different key")
        name = f"acct_{number}"
        card = Card(name, label or name, wall(), {one: shorten(key) for one, key in keys.items()})
        account = await self._open(card, keys, Head(terms=terms))
        if account is None and await self._delete_strays(keys, given):
            account = await self._open(card, keys, Head(terms=terms))
        if account is None:
            raise ValueError(f"the key for {await self._taken(keys)} belongs to another account already")
        return account

    async def open_starting(self) -> None:
        """Open the accounts that exist from the start. An account that is already open stays unchanged."""
        for one in self._starting:
            card = Card(_open_id(fingerprint(one.keys[0][1])), one.label, wall(), one.shortened())
            await self._open(card, dict(one.keys), one.head())

    def mint(self, number: int, provider: str) -> bytes:
        """Make 32 bytes to mint a key from, by the server's secret, the account's number and the provider's name."""
        return hmac.digest(self._secret, f"key\n{number}\n{provider}".encode(), "sha256")

    async def is_current(self, account: Account) -> bool:
        """Whether an account is open, and has not been reset since it was found."""
        if not account.scope.guarded:
            return True
        now = await self.get(account.id)
        return now is not None and now.scope.generation == account.scope.generation

    async def get(self, account_id: str) -> Account | None:
        """Find an open account by its id; None if there is none."""
        batch = Batch()
        head = HeadRoom(Scope(self.store, account_id)).get(batch)
        found = (await self.store.run(batch)).of(head)
        if found is None or account_id == UNASSIGNED:
            return None
        return self._generation(account_id, found.generation)

    async def card(self, account_id: str) -> Card | None:
        batch = Batch()
        card = batch.get_field(_CARDS, account_id, Card)
        return (await self.store.run(batch)).of(card)

    async def cards(self) -> list[Card]:
        """List every open account, oldest first."""
        batch = Batch()
        cards = batch.fields(_CARDS, Card)
        return list((await self.store.run(batch)).of(cards).values())

    async def delete(self, account_id: str) -> None:
        """Close an account: its keys stop working, its links are unknown, its state is deleted."""

        def forget(batch: Batch, head: Head) -> None:
            batch.delete(*(f"key/{digest}" for digest in head.keys))
            batch.delete_field(_CARDS, account_id)

        account = await self.get(account_id)
        if account is not None:
            await account.close(forget)

    async def link(self, link_id: str) -> Link | None:
        """Find a link by its id; None if there never was one or it was purged."""
        account = await self._giver(link_id)
        return None if account is None else await account.links.get(link_id)

    async def file(self, name: str) -> File | None:
        """Find a stored file by its id; None if there never was one or it was purged."""
        account = await self._giver(file_id(name))
        return None if account is None else await account.links.file(name)

    async def _giver(self, link_id: str) -> Account | None:
        """Find the generation of the account that gave a link out."""
        batch = Batch()
        place = batch.get(directory_key(link_id), Place)
        found = (await self.store.run(batch)).of(place)
        return None if found is None else self._generation(found.account, found.generation)

    def unassigned(self) -> Account:
        """The account that journals calls without an account: unknown keys, links and addresses."""
        return self._unassigned

    async def reset(self) -> None:
        """Delete every account and all of its state."""
        cards = await self.cards()
        batch = Batch()
        batch.drop("key", "link", "accounts")
        await self.store.run(batch)
        for card in cards:
            await self.delete(card.id)
        await self.unassigned().close(lambda batch, head: None)
        await self.open_starting()

    async def close(self) -> None:
        self.renderer.close()
        self.workers.close()
        await self.store.close()

    def _generation(self, account_id: str, generation: int) -> Account:
        scope = Scope(self.store, account_id, generation, guarded=True)
        return Account(scope, self.settings, self._dice)

    async def _open(
        self, card: Card, keys: Mapping[str, str], head: Head, *, taken: bool = False
    ) -> Account | None:
        """Open an account with all of its keys. None if it is already open or, unless `taken` keys are allowed, if
        another account has one."""
        generation = await next_generation(self.store)
        digests = {provider: fingerprint(key) for provider, key in keys.items()}
        # Versions are unique across generations: batches compare nothing else.
        version, own = generation << 24, tuple(digests.values())
        head = replace(head, generation=generation, version=version, label=card.label, keys=own)
        batch, room = Batch(), HeadRoom(Scope(self.store, card.id))
        room.expect(batch, room.or_first(None))
        for provider, digest in digests.items():
            if not taken:
                batch.expect(f"key/{digest}", None)
            batch.put(f"key/{digest}", Owner(card.id, provider))
        room.put(batch, head)
        batch.set_field(_CARDS, card.id, card)
        opened = (await self.store.run(batch)).refusal is None
        return self._generation(card.id, generation) if opened else None

    async def _delete_strays(self, keys: Mapping[str, str], given: Collection[str]) -> bool:
        """Delete the accounts that strangers opened with keys of ours; returns whether there were any.

        A reset of the server restarts the numbers of accounts, and so the keys. If a client of an earlier test
        still calls then, its key belongs to nobody yet, and the open key policy accepts it.
        """
        strays = [
            owner.account
            for provider, owner in (await self._owners(keys)).items()
            if provider not in given and owner.account == _open_id(fingerprint(keys[provider]))
        ]
        for stray in strays:
            await self.delete(stray)
        return bool(strays)

    async def _taken(self, keys: Mapping[str, str]) -> str:
        """Find the first provider whose key belongs to another account."""
        return next(iter(await self._owners(keys)), "one")

    async def _owners(self, keys: Mapping[str, str]) -> dict[str, Owner]:
        """Find the accounts that have these keys already, by provider."""
        batch = Batch()
        asked = {provider: batch.get(f"key/{fingerprint(key)}", Owner) for provider, key in keys.items()}
        outcome = await self.store.run(batch)
        return {provider: owner for provider, one in asked.items() if (owner := outcome.of(one)) is not None}


def _open_id(hashed: str) -> str:
    """Name the account that a key of this fingerprint opens if every key is accepted."""
    return f"acct_{hashed[:12]}"
