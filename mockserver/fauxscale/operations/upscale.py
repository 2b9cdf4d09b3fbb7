"""Upscaling, the same for every provider: judge the picture, charge for it, give out links to the results."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from fauxscale.clock import LATEST, wall
from fauxscale.dispatch.provider import Call, link
from fauxscale.errors import ApiError
from fauxscale.faults import Alter, Withhold, to_json
from fauxscale.images.recipe import Enlarge, Recipe
from fauxscale.state.ledger import Charge, digest_of
from fauxscale.state.link import Link
from fauxscale.state.passage import pay, read_snapshot

from .altered_results import altered
from .judging import judge_unpaid, price_of
from .upscale_request import Outcome, Result, Upscale

if TYPE_CHECKING:
    from fauxscale.images.probe import Picture

SEEDS = 2**31  # seeds are 0..2147483647 at every provider


async def upscale(call: Call, ask: Upscale) -> Outcome:
    """Judge, charge, give out links. No pixel is enlarged before somebody looks."""
    picture = await judge_unpaid(call, ask)
    return await perform(call, ask, picture)


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
    snapshot = call.snapshot = call.snapshot or await read_snapshot(call.account)
    links = [one.link for one in outcome.results]
    head = await pay(
        call.account,
        snapshot.head,
        charge=charge,
        results=links,
        blobs=[outcome.charge.source],
        arrival=call.arrival,
    )
    if head is not snapshot.head:
        call.snapshot = replace(snapshot, head=head)


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
        micros=price_of(call, ask),
        images=ask.count,
        call=call.entry.id,
        source=source,
        params_digest=digest_of(ask.params),
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
    from fauxscale.images.peaks import memory_to_enlarge

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
        exp=int(min(call.now + life, LATEST)) if finished else None,
        life=life,
        signed=ask.signed,
        altered=how,
        fault=json.dumps(to_json(call.faults.for_reads)) if call.faults.for_reads else "",
        safe=safe,
        given=safe and ask.given and ask.path is not None,
        made=wall(),
    )
    url = link(call, made) if safe and made.path and finished else None
    return Result(made, url, _seed(call, ask, *place))


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
