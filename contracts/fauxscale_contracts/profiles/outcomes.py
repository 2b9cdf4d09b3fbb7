"""Checks what no schema can say about a service: what it refuses, what its links return and how long, its limits."""

from __future__ import annotations

import json
import zlib
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias
from urllib.parse import urlsplit

import httpx

from fauxscale.clock import wait
from fauxscale.hosts import is_loopback
from fauxscale_contracts.contract.contract import Contract
from fauxscale_contracts.contract.exchange import Exchange, Reply
from fauxscale_contracts.contract.schemas import Json

from .pictures import decoded
from .probing import ask, is_known, read, sample_picture, value_at
from .profile import Probe, Profile

Verdict: TypeAlias = Literal["PASS", "FAIL", "untried"]
_LATER = 0.5  # seconds that a link may be readable beyond its life: clocks differ, and replies take a while


@dataclass(frozen=True, slots=True)
class Outcome:
    """One observation. `pointer` is its place in the answer to the paid probe, "" if it has none."""

    name: str
    verdict: Verdict
    message: str
    pointer: str = ""


@dataclass(frozen=True, slots=True)
class Trials:
    """What may be tried beyond the probes; each costs time or money.

    `link_life`: seconds that links live, so that one is read after its expiry. `rate_limit`: calls a minute, so
    that one more is sent. `sizes`: the largest accepted file, and one byte more.
    """

    link_life: float = 0.0
    rate_limit: int = 0
    sizes: bool = False

    def cost(self, profile: Profile) -> float:
        """The most dollars that they cost."""
        return 2 * paid(profile).cost if self.sizes else 0.0


@dataclass(frozen=True, slots=True)
class Service:
    """A service under examination."""

    profile: Profile
    contract: Contract
    base_url: str
    key: str
    http: httpx.AsyncClient
    timeout: float

    async def ask(self, probe: Probe, picture: bytes | None = None) -> Exchange:
        return await ask(
            self.profile, probe, self.base_url, self.key, self.http, timeout=self.timeout, picture=picture
        )

    async def read(self, link: str) -> Exchange:
        return await read(self.profile, link, self.http, self.timeout)


def paid(profile: Profile) -> Probe:
    """The probe that requests work."""
    return next(probe for probe in profile.probes if probe.cost)


async def look(service: Service, probed: Mapping[str, Exchange], trials: Trials) -> AsyncIterator[Outcome]:
    """Check the probes' answers, and try the rest except the rate limit. Raises Unreachable."""
    profile = service.profile
    for probe in profile.probes:
        if not probe.cost and not probe.free:
            yield _refused(probe, probed[probe.id])
    work = probed.get("its job", probed[paid(profile).id])
    if profile.results.carrier == "link":
        async for outcome in _links(service, work, probed.get("its picture"), trials):
            yield outcome
    if trials.sizes:
        async for outcome in _sizes(service):
            yield outcome
    else:
        yield Outcome("size limit", "untried", "sends large uploads and may pay for one: add --sizes")


def _refused(probe: Probe, exchange: Exchange) -> Outcome:
    status = _status(exchange)
    if status < 400:
        return Outcome(probe.id, "FAIL", f"it was accepted with {status}, but should be rejected", "/status")
    return Outcome(probe.id, "PASS", f"it was rejected with {status}{_took(exchange)}")


async def _links(
    service: Service, work: Exchange, first: Exchange | None, trials: Trials
) -> AsyncIterator[Outcome]:
    """Follow each link of a success; `first` is what the probes read at one of them."""
    links = list(_linked(service.profile, work))
    if not links:
        yield Outcome("link", "FAIL", "a success without a link to a picture", service.profile.results.at)
    for place, link in links:
        split = urlsplit(link)
        if split.scheme != "https" and not is_loopback(split.hostname or ""):
            yield Outcome(
                "link", "FAIL", f"it is not an https address: {split.scheme}://{split.netloc}/…", place
            )
        if not is_known(service.profile, service.base_url, link):
            message = f"it leads to {split.netloc}, a host not in the contract: not followed"
            yield Outcome("link", "FAIL", message, place)
            continue
        picture = first if first is not None and first.request.url == link else await service.read(link)
        yield _picture(service, picture, place)
    known = [one for one in links if is_known(service.profile, service.base_url, one[1])]
    if known and not trials.link_life:
        yield Outcome("link's life", "untried", "add --link-life with the seconds until links expire")
    elif known:
        await wait(trials.link_life + _LATER)
        place, link = known[0]
        late = _status(await service.read(link))
        verdict: Verdict = "FAIL" if late < 400 else "PASS"
        yield Outcome("link's life", verdict, f"{trials.link_life:g} s later it is answered {late}", place)


def _picture(service: Service, picture: Exchange, place: str) -> Outcome:
    """Judge the picture behind a link: by the contract, and by the request."""
    status = _status(picture)
    if status != 200:
        return Outcome("picture", "FAIL", f"its link is answered {status}", place)
    if found := service.contract.check_response(picture):
        return Outcome("picture", "FAIL", f"{found[0].pointer}: {found[0].message}", place)
    image = decoded(picture.reply.body if picture.reply else b"")
    if image is None:
        return Outcome("picture", "FAIL", "its link does not lead to a picture", place)
    label = picture.reply.header("content-type") if picture.reply else None
    if label != image.get_format_mimetype():
        return Outcome("picture", "FAIL", f"it is a {image.format}, labelled {label}", place)
    side = round(service.profile.side * service.profile.scale)
    size = f"{image.width}x{image.height}"
    if image.size != (side, side):
        return Outcome("picture", "FAIL", f"it is {size}, not {side}x{side}", place)
    return Outcome("picture", "PASS", f"a {image.format} of {size}{_took(picture)}")


async def _sizes(service: Service) -> AsyncIterator[Outcome]:
    """Send the largest documented file, and one byte more."""
    probe = paid(service.profile)
    most = largest(service.contract, probe)
    if most is None:
        yield Outcome("size limit", "untried", "none is on record")
        return
    within = _status(await service.ask(probe, padded(sample_picture(service.profile.side), most)))
    beyond = _status(await service.ask(probe, padded(sample_picture(service.profile.side), most + 1)))
    taken: Verdict = "PASS" if within < 300 else "FAIL"
    yield Outcome("size limit", taken, f"a file of {most:,} bytes, which may be sent, is answered {within}")
    refused: Verdict = "PASS" if 400 <= beyond < 500 else "FAIL"
    yield Outcome("size limit", refused, f"a file of {most + 1:,} bytes, one too many, is answered {beyond}")


async def rate_limit(service: Service, most: int) -> Outcome:
    """Send one call more than a minute allows, of those that cost nothing. Raises Unreachable.

    It comes last: for a minute all other calls are refused.
    """
    if not most:
        return Outcome("rate limit", "untried", "add --rate-limit with the allowed calls per minute")
    cheap = [one for one in service.profile.probes if not one.cost and not one.risk and one.valid_key]
    for number in range(most + 1):
        exchange = await service.ask(cheap[0])
        if _status(exchange) == 429:
            found = service.contract.check_response(exchange)
            if found:
                return Outcome(
                    "rate limit", "FAIL", f"429, {found[0].pointer}: {found[0].message}", "/status"
                )
            return Outcome("rate limit", "PASS", f"call {number + 1} is answered 429, as on record")
    return Outcome("rate limit", "FAIL", f"{most + 1} calls in a row, and none got a 429", "/status")


def largest(contract: Contract, probe: Probe) -> int | None:
    """The largest picture of a probe in bytes, by the contract; None if it has no limit."""
    for content in contract.operation(probe.operation).bodies.values():
        node: Json = (
            content.schema.node.get("properties", {}).get(probe.picture, {}) if content.schema else {}
        )
        rule = contract.operation(probe.operation).resolve(node).get("x-picture", {})
        if "maxBytes" in rule:
            return int(rule["maxBytes"])
    return None


def padded(png: bytes, size: int) -> bytes:
    """Make a PNG of exactly `size` bytes with a chunk that no reader knows, before its end."""
    head, end = png[:-12], png[-12:]
    data = b"fxPd" + bytes(size - len(png) - 12)
    return head + (len(data) - 4).to_bytes(4, "big") + data + zlib.crc32(data).to_bytes(4, "big") + end


def _linked(profile: Profile, work: Exchange) -> Iterator[tuple[str, str]]:
    """Each link of an answer, with its place: all results if there is a list of them."""
    try:
        body = json.loads(work.reply.body if work.reply else b"")
    except (ValueError, RecursionError):
        return
    listed, _, number = profile.results.at.rpartition("/")
    found: Any = value_at(body, listed) if number.isdecimal() else None
    count = len(found) if isinstance(found, list) else 1  # pyright: ignore[reportUnknownArgumentType]  # JSON
    for index in range(count):
        at = f"{listed}/{index}" if number.isdecimal() else profile.results.at
        link = value_at(body, f"{at}/{profile.results.member}" if profile.results.member else at)
        if isinstance(link, str) and link.startswith(("http://", "https://")):
            yield f"/body{at}/{profile.results.member}", link


def _status(exchange: Exchange) -> int:
    reply: Reply | None = exchange.reply
    return reply.status if reply else 0


def _took(exchange: Exchange) -> str:
    """How long it took: reported, and never judged."""
    return f", in {exchange.seconds:.2f} s" if exchange.seconds else ""
