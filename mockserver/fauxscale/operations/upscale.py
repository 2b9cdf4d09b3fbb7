"""Upscaling, the same for every provider: judge the picture, charge for it, give out links to the results."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from fauxscale.dispatch.provider import Call, link
from fauxscale.errors import ApiError, Problem
from fauxscale.faults import Alter, Refuse, Withhold, magic, to_json
from fauxscale.images.recipe import Enlarge, Recipe
from fauxscale.state.ledger import Charge
from fauxscale.state.link import Link
from fauxscale.state.passage import pay, read_standing

from .altered_results import altered

if TYPE_CHECKING:
    from fauxscale.images.probe import Picture

SEEDS = 2**31  # seeds are 0..2147483647 at every provider


@dataclass(frozen=True, slots=True, kw_only=True)
class Upscale:
    """The work a client asks for: one picture enlarged by `scale`, `count` times.

    `source` is the picture as sent, `part` names where it came from, `sides` is the least and the most a side of it
    may have, `max_pixels` how many pixels. `size` makes the result's size of the shown one where a scale is not enough.
    `path` makes a link's provider-relative path of a link id; None: there is no link, the picture goes out in the
    reply. Not `given`: the reply is to hold the picture, and has a link only if a fault wants one. `signed` links live
    `life` seconds, as the account and the provider say when None. `params` are what the journal, the ledger and the
    fingerprint know of the request. `price` in micro-dollars for each result, the endpoint's when None.
    """

    source: bytes
    part: str
    path: Callable[[str], str] | None
    prompt: str = ""
    count: int = 1
    seed: int | None = None
    format: str = "PNG"
    quality: int | None = None
    given: bool = True
    signed: bool = True
    params: Mapping[str, object] = field(default_factory=dict[str, object])
    scale: float = 2.0
    size: Callable[[int, int], tuple[int, int]] | None = None
    sides: tuple[int, int] = (1, 2**31)
    max_pixels: int = 25_000_000
    price: int | None = None
    life: float | None = None

    def result_size(self, width: int, height: int) -> tuple[int, int]:
        """The result's size for a picture that is shown as `width` x `height`."""
        if self.size is not None:
            return self.size(width, height)
        return int(width * self.scale + 0.5), int(height * self.scale + 0.5)


@dataclass(frozen=True, slots=True)
class Result:
    """One enlarged picture: its link's address (None when withheld, or not given), its seed, whether it is safe."""

    link: Link
    url: str | None
    seed: int
    safe: bool

    @property
    def size(self) -> str:
        """Its size as replies write it, `1024x768`."""
        return f"{self.link.width}x{self.link.height}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of the work: the picture as sent, the results, the charge for all of them."""

    picture: Picture
    results: tuple[Result, ...]
    charge: Charge


async def upscale(call: Call, ask: Upscale) -> Outcome:
    """Judge the picture, charge, give out links. No pixel is enlarged before a result is read."""
    picture = await _judged(call, ask)
    return await perform(call, ask, picture)


async def judge(call: Call, ask: Upscale) -> Picture:
    """Check everything that may refuse the work, the wallet included, before more is done and it is paid. Costs
    nothing."""
    picture = await _judged(call, ask)
    await call.account.ledger.check(_price(call, ask), await _funds(call))
    return picture


async def _judged(call: Call, ask: Upscale) -> Picture:
    """Check everything that may refuse the work but the wallet, which refuses when it is charged."""
    picture = await _probed(call, ask)
    await call.faults.apply_prompt_fault(magic(ask.prompt))
    await call.faults.apply("outcome")
    if call.faults.take(Refuse) is not None:
        raise ApiError(
            Problem.UNSAFE,
            "Prompt or provided image failed the safety check",
            reason="configured: a safety refusal",
            param=ask.part,
        )
    return picture


async def _funds(call: Call) -> int | None:
    """Micro-dollars the account's wallet begins with, None without a limit."""
    return await call.account.funds() if call.standing is None else call.account.funds_of(call.standing.head)


async def _probed(call: Call, ask: Upscale) -> Picture:
    """Judge the picture that was sent by its bytes, and note in the journal what it is."""
    from fauxscale.images.formats import check_fits
    from fauxscale.images.structure import Rules  # Pillow: not before the first picture

    call.entry.params = dict(ask.params)
    rules = Rules(max_pixels=ask.max_pixels)
    try:
        picture = await call.accounts.workers.run(partial(call.accounts.probes.probe, ask.source, rules))
        _check_sides(picture, ask.sides)
        check_fits(ask.format, *ask.result_size(picture.width, picture.height))
    except ApiError as refusal:
        refusal.param = refusal.param or ask.part
        refusal.reason += _mislabelled(call, ask.part)
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
    return picture


def _check_sides(picture: Picture, sides: tuple[int, int]) -> None:
    least, most = sides
    if least <= min(picture.width, picture.height) and max(picture.width, picture.height) <= most:
        return
    raise ApiError(
        Problem.WRONG_SIZE,
        f"Each side of the image must be from {least} to {most} pixels",
        reason=f"the picture is shown as {picture.width}x{picture.height}; each side must be from {least} to {most}",
        details={"width": picture.width, "height": picture.height, "least": least, "most": most},
    )


def _mislabelled(call: Call, name: str) -> str:
    """Add to a refusal that the part's label says one thing and its bytes another."""
    nothing: dict[str, object] = {}
    about = next((part for part in call.entry.parts if part["name"] == name), nothing)
    declared, detected = str(about.get("content_type", "")), str(about.get("detected", ""))
    if not declared.startswith("image/") or declared == f"image/{detected.lower()}":
        return ""
    return f"; declared {declared}, bytes are {detected}"


async def perform(call: Call, ask: Upscale, picture: Picture) -> Outcome:
    """Do the work on a judged picture: charge for it and give out a link to each result."""
    outcome = await prepare(call, ask, picture)
    try:
        await keep(call, outcome, outcome.charge)
    except ApiError:
        call.entry.charge, call.entry.results = "", []  # nothing of it stays
        raise
    call.entry.cost = outcome.charge.micros
    await call.account.sweep_sometimes(call.entry.n)
    return outcome


async def keep(call: Call, outcome: Outcome, charge: Charge | None) -> None:
    """Charge for work, give out the links to its results and keep their sources: all of it or nothing.

    Without a charge it is paid for later. Raises NO_FUNDS, and INVALID_KEY once the account is gone.
    """
    standing = call.standing or await read_standing(call.account)
    links = [one.link for one in outcome.results]
    head = await pay(call.account, standing.head, charge=charge, results=links, blobs=[outcome.charge.source])
    call.standing = replace(standing, head=head)


async def prepare(call: Call, ask: Upscale, picture: Picture, *, finished: bool = True) -> Outcome:
    """Prepare the work on a judged picture; the caller charges for it and keeps it with `keep`.

    Not `finished`: the lives of its links begin with the end of a job.
    """
    account, first = call.account, call.drawn
    call.drawn += ask.count
    source = await account.put_upload(ask.source, f"{call.arrival.holder}.{first}")
    charge = Charge(
        id=f"charge_{account.dice.id_of_call('charge', call.entry.n, first)}",
        at=call.now,
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
    safe = call.faults.take(Withhold) is None
    results = [
        _result(call, ask, picture, charge, (first, number), safe=safe, finished=finished)
        for number in range(ask.count)
    ]
    call.entry.results = [
        {
            "link": one.link.id,
            "width": one.link.recipe.width,
            "height": one.link.recipe.height,
            "seed": one.seed,
        }
        for one in results
    ]
    return Outcome(picture, tuple(results), charge)


def _result(
    call: Call,
    ask: Upscale,
    picture: Picture,
    charge: Charge,
    place: tuple[int, int],
    *,
    safe: bool,
    finished: bool,
) -> Result:
    from fauxscale.images.probe import memory_to_enlarge

    width, height = ask.result_size(picture.width, picture.height)
    link_id = call.account.dice.id_of_call("link", call.entry.n, sum(place))
    alter = call.faults.take(Alter)
    how = alter.how if alter else ""
    recipe = Recipe(
        sources=(charge.source,),
        step=Enlarge(width, height),
        format=ask.format,
        quality=ask.quality,
        memory=memory_to_enlarge(picture, width, height, ask.format),
    )
    life = link_life(call, ask.life)
    made = Link(
        id=link_id,
        account=call.account.id,
        provider=call.provider.name,
        operation=call.endpoint.operation,
        path=ask.path(link_id) if ask.path else "",
        recipe=altered(recipe, how, picture.width, picture.height),
        width=width,
        height=height,
        charge=charge.id,
        exp=int(call.now + life) if finished else None,
        life=life,
        signed=ask.signed,
        altered=how,
        fault=json.dumps(to_json(call.faults.for_reads)) if call.faults.for_reads else "",
        given=safe and ask.given and ask.path is not None,
    )
    url = link(call, made) if safe and made.path and finished else None
    return Result(made, url, _seed(call, ask, *place), safe)


def link_life(call: Call, asked: float | None = None) -> float:
    """Seconds a link lives: what the call asked for, else its account's terms, else its provider."""
    if asked is not None:
        return asked
    return call.provider.link_life if call.terms.link_ttl is None else call.terms.link_ttl


def _seed(call: Call, ask: Upscale, first: int, number: int) -> int:
    """The seed asked for, counted up for further pictures, or one from the account's dice."""
    if ask.seed is not None:
        return (ask.seed + number) % SEEDS
    return int.from_bytes(call.account.dice.of_call("seed", call.entry.n, first + number)[:4], "big") % SEEDS


def _price(call: Call, ask: Upscale) -> int:
    """Micro-dollars for all results: by the work's own price, else by the endpoint's price of the parameters."""
    each = call.endpoint.price_of(ask.params) if ask.price is None else ask.price
    return each * ask.count
