"""Performs work, the same for every provider: judges the pictures, charges, makes links to the results."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from fauxscale.clock import LATEST, wall
from fauxscale.dispatch.provider import Call, link
from fauxscale.errors import ApiError
from fauxscale.faults import Alter, Withhold, to_json
from fauxscale.images.recipe import Recipe
from fauxscale.state.ledger import Charge, digest_of
from fauxscale.state.link import Alteration, Link
from fauxscale.state.passage import pay, read_snapshot

from .altered_results import altered
from .judging import judge_unpaid, price_of, withholds_any
from .work import Outcome, Result, StepOf, Work

if TYPE_CHECKING:
    from fauxscale.images.probe import Picture

SEEDS = 2**31  # seeds are 0..2147483647 at every provider


async def perform(call: Call, work: Work, pictures: tuple[Picture, ...] | None = None) -> Outcome:
    """Judge the work, unless its `pictures` were judged before, charge for it and give out a link to each result.

    Pixels are made only when a result is read.
    """
    outcome = await prepare(call, work, await judge_unpaid(call, work) if pictures is None else pictures)
    try:
        await keep(call, outcome, outcome.charge)
    except ApiError:
        call.entry.charge, call.entry.results = "", []  # nothing of it is stored
        raise
    call.entry.cost = outcome.charge.micros
    await call.account.sweep_sometimes()
    return outcome


async def keep(call: Call, outcome: Outcome, charge: Charge | None) -> None:
    """Charge for work, give out the links to its results and keep their sources: all of it or nothing.

    Without a charge it is paid for later. Raises NO_FUNDS, and INVALID_KEY if the account is gone.
    """
    snapshot = call.snapshot = call.snapshot or await read_snapshot(call.account)
    head = await pay(
        call.account,
        snapshot.head,
        charge=charge,
        results=[one.link for one in outcome.results],
        blobs=outcome.charge.sources,
        arrival=call.arrival,
    )
    if head is not snapshot.head:
        call.snapshot = replace(snapshot, head=head)


async def prepare(call: Call, work: Work, pictures: tuple[Picture, ...], *, finished: bool = True) -> Outcome:
    """Prepare work whose pictures were judged; the caller charges for it and stores it with `keep`.

    Not `finished`: the lives of its links begin with the end of a job.
    """
    account, first = call.account, call.drawn
    call.drawn += work.count * len(work.steps)
    charge = Charge(
        id=f"charge_{account.dice.id_of_call('charge', call.entry.n, first)}",
        at=call.now,
        operation=call.endpoint.operation,
        micros=price_of(call, work, pictures),
        images=work.count,
        call=call.entry.id,
        sources=await _stored(call, work, first),
        params_digest=digest_of(work.params),
        product=work.product,
    )
    call.entry.charge = charge.id
    if call.entry.image is not None:
        call.entry.image["source"] = charge.sources[0]
    withhold = call.faults.take(Withhold, lambda one: withholds_any(one, work))
    making = _Making(call, work, pictures, charge, first, finished=finished)
    results = [
        making.result(number, step_of, place, safe=withhold is None or withhold.only not in (None, number))
        for number in range(work.count)
        for place, step_of in enumerate(work.steps, number * len(work.steps))
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
    return Outcome(pictures, tuple(results), charge)


async def _stored(call: Call, work: Work, first: int) -> tuple[str, ...]:
    """Store the pictures that were sent; returns their blobs, whose names are never reused."""
    names = [f"{call.arrival.holder}.{first}" + (f".{at}" if at else "") for at in range(len(work.sources))]
    return tuple(
        [await call.account.put_upload(one.data, name) for one, name in zip(work.sources, names, strict=True)]
    )


class _Making(Struct, frozen=True):
    """Makes the results of one call's work. `first` counts the call's earlier draws from its account's dice."""

    call: Call
    work: Work
    pictures: Sequence[Picture]
    charge: Charge
    first: int
    finished: bool

    def result(self, number: int, step_of: StepOf, place: int, *, safe: bool) -> Result:
        """The picture at this place, which belongs to the image of this number."""
        from fauxscale.images.memory import memory_of  # Pillow: loaded with the first work

        call, work = self.call, self.work
        seed = self._seed(number)
        step = step_of([one.size for one in self.pictures], seed)
        recipe = Recipe(
            sources=self.charge.sources,
            step=step,
            format=work.format,
            quality=work.quality,
            memory=memory_of(step, self.pictures, work.format),
        )
        shown, how = self._altered(recipe)
        link_id = call.account.dice.id_of_call("link", call.entry.n, self.first + place)
        life = link_life(call, work.life)
        made = Link(
            id=link_id,
            account=call.account.id,
            provider=call.provider.name,
            operation=call.endpoint.operation,
            path=work.path(link_id) if work.path else "",
            recipe=shown,
            width=recipe.width,
            height=recipe.height,
            charge=self.charge.id,
            exp=int(min(call.now + life, LATEST)) if self.finished else None,
            life=life,
            signed=work.signed,
            altered=how,
            fault=json.dumps(to_json(call.faults.for_reads)) if call.faults.for_reads else "",
            safe=safe,
            given=safe and work.given and work.path is not None,
            made=wall(),
        )
        url = link(call, made) if safe and made.path and self.finished else None
        return Result(made, url, seed)

    def _altered(self, recipe: Recipe) -> tuple[Recipe, Alteration]:
        """The recipe altered by a fault, and the alteration; a fault that would change nothing goes back."""
        width, height = self.pictures[0].size if self.pictures else (recipe.width, recipe.height)

        def changes(effect: Alter) -> bool:
            return effect.how == "swapped" or altered(recipe, effect.how, width, height) != recipe

        alter = self.call.faults.take(Alter, changes)
        if alter is None:
            return recipe, ""
        return altered(recipe, alter.how, width, height), alter.how

    def _seed(self, number: int) -> int:
        """The requested seed, counted up for further images, or one from the account's dice."""
        if self.work.seed is not None:
            return (self.work.seed + (0 if self.work.same_seed else number)) % SEEDS
        dice, call = self.call.account.dice, self.call.entry.n
        return int.from_bytes(dice.of_call("seed", call, self.first + number)[:4], "big") % SEEDS


def link_life(call: Call, asked: float | None = None) -> float:
    """Seconds a link lives: the work's value, else its account's terms, else its provider's."""
    if asked is not None:
        return asked
    return call.provider.link_life if call.terms.link_ttl is None else call.terms.link_ttl
