"""All accounts of one server: by key, by id, by what they gave out."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass

from fauxscale.clock import wall
from fauxscale.errors import ApiError, Problem
from fauxscale.images.probe_cache import ProbeCache
from fauxscale.images.renderer import Renderer
from fauxscale.redact import nickname, shorten
from fauxscale.settings import Settings, Terms
from fauxscale.workers import Workers

from .account import Account
from .files import File
from .link import Link
from .signing import Signer
from .store import Store

UNASSIGNED = "acct_0"


@dataclass(frozen=True, slots=True)
class Card:
    """What is known of an account besides its state. `keys` are shortened, by provider ("*" is any)."""

    id: str
    label: str
    made: float
    keys: Mapping[str, str]


class Accounts:
    """The whole state of one server: accounts by key, and what they share."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self.settings = settings
        self.store = store
        self._secret = hashlib.sha256(f"fauxscale:{settings.seed}".encode()).digest()
        self.signer = Signer(self._secret)
        self.workers = Workers()
        self.renderer = Renderer(
            self.workers, cache=settings.rendition_memory, memory=settings.rendering_memory
        )
        self.probes = ProbeCache()
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

    async def proof(self, account_id: str) -> bytes | None:
        """What tells an account from one opened under the same id after a reset; None once it is closed."""
        return await self.store.get(f"account:{account_id}")

    async def get(self, account_id: str) -> Account | None:
        return None if await self.card(account_id) is None else self.of_id(account_id)

    async def card(self, account_id: str) -> Card | None:
        row = await self.store.get(f"account:{account_id}")
        return None if row is None else Card(**json.loads(row))

    async def cards(self) -> list[Card]:
        """Every account still open, oldest first."""
        # A key's account that was closed and opened again is listed twice.
        ids = dict.fromkeys(row.decode() for row in await self.store.items("accounts"))
        rows = [await self.card(one) for one in ids]
        return [card for card in rows if card is not None]

    async def delete(self, account_id: str) -> None:
        """Close an account: its keys stop working, its links are unknown, nothing of it stays."""
        account = self.of_id(account_id)
        await account.links.forget()
        for row in await self.store.items(f"{account.prefix}keys"):
            await self.store.delete(f"key:{row.decode()}")
        await self.store.delete(f"account:{account_id}")
        await self.store.clear(account.prefix)

    async def link(self, link_id: str) -> Link | None:
        """What a link's id leads to, None if it never did or was purged."""
        row = await self.store.get(f"link:{link_id}")
        return None if row is None else Link.from_json(row)

    async def file(self, file_id: str) -> File | None:
        """A file somebody put here, None if there never was one of this id, or it was purged."""
        row = await self.store.get(f"link:file:{file_id}")
        return None if row is None else File.from_json(row)

    def unassigned(self) -> Account:
        """Where calls are journalled that no account can be told for: unknown keys, links and addresses."""
        return self.of_id(UNASSIGNED)

    async def reset(self) -> None:
        """Forget every account and all of its state."""
        for prefix in ("a:", "key:", "account", "link:"):
            await self.store.clear(prefix)

    async def close(self) -> None:
        self.renderer.close()
        self.workers.close()
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
