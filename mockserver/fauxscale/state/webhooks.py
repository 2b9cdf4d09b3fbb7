"""Webhooks: notices that work is done, signed with Ed25519, sent to loopback only, retried by the clock."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from urllib.parse import urlsplit

from msgspec import Struct, field
from msgspec.structs import replace

from fauxscale.errors import ApiError, Problem
from fauxscale.extras import MissingExtra, needed_by
from fauxscale.hosts import at_loopback, is_loopback

from .batch import Batch
from .outgoing import exchange
from .scope import Scope

TIMEOUT = 15.0
# fal documents ten retries within two hours (read 2026-08), but not their spacing. Doubling from 7 s, they add up to
# 7,161 s.
_FIRST_RETRY = 7.0
_RETRIES = 10


class Attempt(Struct, frozen=True):
    """One attempt: when, by the account's clock, and the receiver's status or the error instead."""

    at: float
    status: int | None
    problem: str = ""


class Signature(Struct, frozen=True):
    """How a provider signs its notices: the `headers` it sends, and the `text` that is signed.

    Both may hold `{id}` (the job's), `{user}`, `{timestamp}` (Unix seconds) and `{sha256}` (the body's,
    hexadecimal); headers also `{signature}`: Ed25519, hexadecimal.
    """

    headers: Mapping[str, str]
    text: str = "{id}\n{user}\n{timestamp}\n{sha256}"

    @classmethod
    def named(cls, provider: str) -> Signature:
        """fal.ai's signature (docs read 2026-08), with headers named after another provider."""
        members = {"Request-Id": "id", "User-Id": "user", "Timestamp": "timestamp", "Signature": "signature"}
        start = f"X-{provider.capitalize()}-Webhook"
        return cls({f"{start}-{name}": f"{{{member}}}" for name, member in members.items()})


class Delivery(Struct, frozen=True, kw_only=True):
    """One notice to deliver. `due` is the time of the next attempt, in Unix seconds by the account's clock.

    `user` is the account as the receiver sees it, `copies` how often it is sent even after success; `open` until it
    is accepted or given up.
    """

    id: str
    url: str
    body: str
    signature: Signature
    user: str
    due: float
    copies: int = 1
    open: bool = True
    attempts: tuple[Attempt, ...] = field(default_factory=tuple[Attempt, ...])

    def after(self, attempt: Attempt) -> Delivery:
        """Return this delivery after an attempt: closed, or due again later."""
        attempts = (*self.attempts, attempt)
        taken = attempt.status is not None and 200 <= attempt.status < 300
        missed = len([one for one in attempts if one.status is None or not 200 <= one.status < 300])
        due = self.due + _FIRST_RETRY * 2 ** (missed - 1) if missed else self.due
        return replace(self, attempts=attempts, open=not taken and missed <= _RETRIES, due=due)


class Key:
    """The server's key pair, made from 32 secret bytes. Raises ApiError without the signing library."""

    def __init__(self, secret: bytes) -> None:
        try:
            with needed_by("signing webhooks"):
                from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        except MissingExtra as missing:
            raise ApiError(Problem.UNAVAILABLE, "Webhooks are not available", reason=str(missing)) from None
        self._key = Ed25519PrivateKey.from_private_bytes(secret)

    @property
    def public(self) -> bytes:
        """32 bytes."""
        return self._key.public_key().public_bytes_raw()

    @property
    def jwk(self) -> dict[str, str]:
        """The public key as members of a JSON Web Key (RFC 8037)."""
        x = base64.urlsafe_b64encode(self.public).rstrip(b"=").decode()
        return {"kty": "OKP", "crv": "Ed25519", "x": x}

    def headers(self, delivery: Delivery, at: float) -> dict[str, str]:
        """The headers that identify and sign a delivery tried at `at`; the signature covers the body's exact bytes."""
        known = {
            "id": delivery.id,
            "user": delivery.user,
            "timestamp": str(int(at)),
            "sha256": hashlib.sha256(delivery.body.encode()).hexdigest(),
        }
        signature = self._key.sign(delivery.signature.text.format_map(known).encode()).hex()
        return {
            name: value.format_map(known | {"signature": signature})
            for name, value in delivery.signature.headers.items()
        }


class Webhooks:
    """The deliveries of one account."""

    _MOST = 10_000

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._all = scope.key("webhooks", "all")
        self._held = scope.key("webhooks", "held")

    def add_delivery(self, batch: Batch, delivery: Delivery, *, held: bool = False) -> None:
        """Queue a delivery; a held one leaves only after the next one that is not."""
        batch.set_field(self._all, delivery.id, delivery, most=self._MOST)
        if held:
            batch.put(self._held, delivery.id)

    def add_reset(self, batch: Batch) -> None:
        """Forget every delivery."""
        batch.drop(self._scope.group("webhooks"))

    async def add(self, delivery: Delivery, *, held: bool = False) -> None:
        batch = self._scope.batch()
        self.add_delivery(batch, delivery, held=held)
        await self._scope.run_late(batch)

    async def get(self, delivery_id: str) -> Delivery | None:
        batch = Batch()
        delivery = batch.get_field(self._all, delivery_id, Delivery)
        return (await self._scope.store.run(batch)).of(delivery)

    async def all(self) -> list[Delivery]:
        """List every delivery, oldest first."""
        batch = Batch()
        found = batch.fields(self._all, Delivery)
        return list((await self._scope.store.run(batch)).of(found).values())

    async def deliver(self, key: Key, now: float) -> None:
        """Attempt every delivery that is due, as often as it has become due by the clock."""
        batch = Batch()
        waiting, all_ = batch.get(self._held, str), batch.fields(self._all, Delivery)
        outcome = await self._scope.store.run(batch)
        held = outcome.of(waiting)
        sent = False
        for delivery in outcome.of(all_).values():
            if delivery.id != held:
                sent = await self._try(delivery, key, now) or sent
        if held is not None and sent and (last := await self.get(held)) is not None:
            batch = self._scope.batch()
            batch.delete(self._held)
            await self._scope.run_late(batch)
            await self._try(last, key, now)

    async def _try(self, delivery: Delivery, key: Key, now: float) -> bool:
        """Attempt one delivery; whether anything was sent."""
        sent = False
        while delivery.open and delivery.due <= now:
            number = len(delivery.attempts) + 1
            # An attempt is claimed first: two refreshes at once must not send one notice twice.
            if not await self._claim(f"{delivery.id}:{number}"):
                return sent
            headers = key.headers(delivery, delivery.due)
            for _ in range(delivery.copies - 1):
                await _post(delivery, headers, delivery.due)
            attempt = await _post(delivery, headers, delivery.due)
            delivery, sent = delivery.after(attempt), True
            await self._put(delivery)
        return sent

    async def _claim(self, attempt: str) -> bool:
        key = self._scope.key("webhooks", attempt)
        batch = self._scope.batch()
        batch.expect(key, None)
        batch.put(key, value=True, ttl=60)
        outcome = await self._scope.run_late(batch)
        return outcome is not None and outcome.refusal is None

    async def _put(self, delivery: Delivery) -> None:
        batch = self._scope.batch()
        batch.set_field(self._all, delivery.id, delivery)
        await self._scope.run_late(batch)


def check_address(url: str, param: str) -> None:
    """Raise INVALID_PARAMETER unless `url` is http(s) at a loopback address, the only ones that notices are sent to."""
    if not _is_local(url):
        problem = "webhooks are delivered to loopback addresses only (http://127.0.0.1:…, http://localhost:…), not to"
    elif not _is_sound(url):
        problem = "webhooks cannot be sent to an address with such a port or such characters:"
    else:
        return
    raise ApiError(
        Problem.INVALID_PARAMETER,
        "Webhook URL is not allowed",
        reason=f"{problem} {url[:100]!r}",
        param=param,
    )


def _is_local(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and is_loopback((parts.hostname or "").lower())
    except ValueError:
        return False


def _is_sound(url: str) -> bool:
    """Whether the HTTP client can send a request to an address."""
    import httpx

    try:
        parts = urlsplit(url)
        httpx.URL(_pinned(url))
        return parts.port != 0 and parts.netloc.isascii()
    except (ValueError, httpx.InvalidURL):
        return False


async def _post(delivery: Delivery, headers: dict[str, str], at: float) -> Attempt:
    import httpx

    try:
        headers = {
            "content-type": "application/json",
            "host": urlsplit(delivery.url).netloc.rpartition("@")[2],
            **headers,
        }
        url, body = httpx.URL(_pinned(delivery.url)), delivery.body.encode()
        # The receiver's certificate, if it has one, is a developer's own.
        async with exchange("POST", url, headers, content=body, seconds=TIMEOUT, verify=False) as reply:
            return Attempt(at, reply.status_code)
    except Exception as error:  # in any case it was not accepted, and the status before it stands
        return Attempt(at, None, f"{type(error).__name__}: {error}"[:200])


def _pinned(url: str) -> str:
    """`url` with a name like `app.localhost` replaced by an address, so that no resolver is involved."""
    parts = urlsplit(url)
    name = parts.hostname or ""
    if at_loopback(name) == name:
        return url
    port = f":{parts.port}" if parts.port else ""
    return parts._replace(netloc=f"{at_loopback(name)}{port}").geturl()
