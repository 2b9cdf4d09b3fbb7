"""The work itself, the same for every provider: judge the picture, charge for it, give out links to the results."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from fauxscale.dispatch.provider import Call, link
from fauxscale.errors import ApiError, Problem
from fauxscale.faults import magic, to_json
from fauxscale.images.renderer import Rendition
from fauxscale.state.ledger import Charge

from .altered_results import really, spoil

if TYPE_CHECKING:
    from fauxscale.images.probe import Picture

SEEDS = 2**31  # seeds are 0..2147483647 at every provider


@dataclass(frozen=True, slots=True, kw_only=True)
class Upscale:
    """What a client asks for. `path` makes a link's provider-relative path of a link id.

    `target` chooses the result's size from the shown one, exactly twice by default; `params` are what the
    journal, the ledger and the fingerprint know of the request. `part` names where the picture came from.
    `price` in micro-dollars for each result, the endpoint's when None. `life` in seconds is how long links
    live, as the account and the provider say when None.
    """

    source: bytes
    part: str
    path: Callable[[str], str]
    prompt: str = ""
    count: int = 1
    seed: int | None = None
    format: str = "PNG"
    quality: int | None = None
    signed: bool = True
    params: Mapping[str, object] = field(default_factory=dict[str, object])
    target: Callable[[int, int], tuple[int, int]] = lambda width, height: (2 * width, 2 * height)
    max_pixels: int = 25_000_000
    price: int | None = None
    life: float | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """One enlarged picture: its link (None when withheld), its size in pixels, its seed."""

    rendition: Rendition
    url: str | None
    seed: int
    safe: bool

    @property
    def size(self) -> str:
        return f"{self.rendition.width}x{self.rendition.height}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of the work: the picture as sent, the results, the price in micro-dollars."""

    picture: Picture
    results: tuple[Result, ...]
    micros: int
    source: bytes


async def upscale(call: Call, ask: Upscale) -> Outcome:
    """Judge, charge, give out links. No pixel is enlarged before somebody looks."""
    picture = await judge(call, ask)
    return await perform(call, ask, picture)


async def judge(call: Call, ask: Upscale) -> Picture:
    """Everything that may refuse the work, up to the wallet. Costs nothing."""
    from fauxscale.images.formats import check_fits
    from fauxscale.images.structure import Rules  # Pillow: not before the first picture

    call.entry.params = dict(ask.params)
    rules = Rules(max_pixels=ask.max_pixels)
    try:
        picture = await call.accounts.renditions.run(partial(call.accounts.verdicts.probe, ask.source, rules))
        check_fits(ask.format, *ask.target(picture.width, picture.height))
    except ApiError as refusal:
        refusal.param = refusal.param or ask.part
        refusal.reason += _lie(call, ask.part)
        raise
    call.entry.image = {
        "format": picture.format,
        "width": picture.width,
        "height": picture.height,
        "bytes": len(ask.source),
        "mode": picture.mode,
        "orientation": picture.orientation,
        "has_alpha": picture.has_alpha,
    }
    await call.apply_prompt_fault(magic(ask.prompt))
    await call.apply(("outcome",))
    if "refuse" in call.flags:
        raise ApiError(
            Problem.UNSAFE,
            "Prompt or provided image failed the safety check",
            reason="configured: a safety refusal",
            param=ask.part,
        )
    await call.account.ledger.check(_price(call, ask), await call.account.funds())
    return picture


def _lie(call: Call, name: str) -> str:
    """What to add to a refusal when the part's label says one thing and its bytes another."""
    nothing: dict[str, object] = {}
    about = next((part for part in call.entry.parts if part["name"] == name), nothing)
    declared, detected = str(about.get("content_type", "")), str(about.get("detected", ""))
    if not declared.startswith("image/") or declared == f"image/{detected.lower()}":
        return ""
    return f"; declared {declared}, bytes are {detected}"


async def perform(call: Call, ask: Upscale, picture: Picture) -> Outcome:
    """Do the work on a judged picture: charge it and give out a link for each result."""
    outcome, charge = await promise(call, ask, picture)
    try:
        await call.account.ledger.charge(charge, await call.account.funds())
    except ApiError:
        # Another call spent the money meanwhile: nothing of this one stays.
        for result in outcome.results:
            await call.account.links.purge(result.rendition)
        await call.account.drop_upload(charge.source)
        call.entry.charge, call.entry.results = "", []
        raise
    call.entry.cost = charge.micros
    return outcome


async def promise(call: Call, ask: Upscale, picture: Picture) -> tuple[Outcome, Charge]:
    """All of the work on a judged picture but its charge, which is for the caller to make when the time comes."""
    account, now = call.account, call.now
    await call.check_open()
    source = await account.keep_upload(ask.source)
    charge = Charge(
        id=f"charge_{await account.draw_id('charge')}",
        at=now,
        operation=call.endpoint.operation,
        micros=_price(call, ask),
        images=ask.count,
        call=call.entry.id,
        source=source,
        params=json.dumps(ask.params, sort_keys=True, default=str),
    )
    call.entry.charge = charge.id
    assert call.entry.image is not None  # judge() filled it in
    call.entry.image["source"] = source
    results = [await _result(call, ask, picture, charge, number) for number in range(ask.count)]
    await account.links.keep(*(one.rendition for one in results))
    call.entry.results = [
        {
            "link": one.rendition.id,
            "width": one.rendition.width,
            "height": one.rendition.height,
            "seed": one.seed,
        }
        for one in results
    ]
    return Outcome(picture, tuple(results), charge.micros, ask.source), charge


async def _result(call: Call, ask: Upscale, picture: Picture, charge: Charge, number: int) -> Result:
    from fauxscale.images.probe import permit

    width, height = ask.target(picture.width, picture.height)
    link_id = await call.account.draw_id("link")
    exp = int(call.now + link_life(call, ask.life))
    rendition = Rendition(
        id=link_id,
        account=call.account.id,
        provider=call.provider.name,
        operation=call.endpoint.operation,
        path=ask.path(link_id),
        source=charge.source,
        format=ask.format,
        width=width,
        height=height,
        permit=permit(picture),
        quality=ask.quality,
        charge=charge.id,
        exp=exp,
        signed=ask.signed,
        spoil=spoil(call.flags, picture.width, picture.height),
        configured=json.dumps(to_json(call.aftermath)) if call.aftermath else "",
    )
    safe = "unsafe" not in call.flags
    url = link(call, rendition.path, exp if ask.signed else None) if safe else None
    return Result(rendition, url, await _seed(call, ask, number), safe)


def link_life(call: Call, asked: float | None = None) -> float:
    """Seconds a link lives: what the call asked for, else its account's terms, else its provider."""
    if asked is not None:
        return asked
    return call.provider.link_life if call.terms.link_ttl is None else call.terms.link_ttl


async def _seed(call: Call, ask: Upscale, number: int) -> int:
    """The seed asked for, counted up for further pictures, or one off the account's dice."""
    if ask.seed is not None:
        return (ask.seed + number) % SEEDS
    return int.from_bytes((await call.account.draw("seed"))[:4], "big") % SEEDS


async def picture_of(call: Call, rendition: Rendition) -> bytes:
    """The encoded bytes of a result, rendered now unless they were before.

    Raises LINK_UNKNOWN when the upload is gone; BROKEN_IMAGE, status 422, when its pixels turn out bad, in
    which case the charge is returned: nobody pays for a picture that cannot be had.
    """
    wrong_format = "wrong-format" in call.flags
    recipe, source = await really(
        rendition, call.account, call.accounts.renditions, wrong_format=wrong_format
    )
    if source is None:
        raise ApiError(Problem.LINK_UNKNOWN, "Not found", reason="the upload behind this link was purged")
    try:
        return await call.accounts.renditions.picture(recipe, source)
    except ApiError as refusal:
        if refusal.problem is Problem.BROKEN_IMAGE:
            refusal.status = 422
            await _refund(call, rendition)
        raise


async def _refund(call: Call, rendition: Rendition) -> None:
    account = call.account
    if call.entry.charge == rendition.charge:
        call.entry.cost = 0  # the picture went out in the very reply that is now a refusal
    paid = [one for one in await account.ledger.charges() if one.id == rendition.charge]
    for one in paid:
        await account.ledger.refund(
            replace(
                one,
                id=f"refund_{one.id[7:]}",
                at=call.now,
                micros=-one.micros,
                images=-one.images,
                refunds=one.id,
            ),
            await account.funds(),
        )


def _price(call: Call, ask: Upscale) -> int:
    return (call.endpoint.price if ask.price is None else ask.price) * ask.count
