"""The checks that may refuse work: pictures, their sizes, faults, the wallet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fauxscale.dispatch.provider import Call
from fauxscale.errors import ApiError, Problem
from fauxscale.faults import Refuse, Withhold, magic
from fauxscale.images.recipe import size
from fauxscale.state.journal import brief

from .work import Sent, Work

if TYPE_CHECKING:
    from fauxscale.images.probe import Picture


async def judge(call: Call, work: Work) -> tuple[Picture, ...]:
    """Check everything that may refuse the work, the wallet included, before work that is paid later. Costs nothing.
    Returns the pictures that were sent."""
    pictures = await judge_unpaid(call, work)
    await call.account.ledger.check(price_of(call, work, pictures), await _funds(call))
    return pictures


async def judge_unpaid(call: Call, work: Work) -> tuple[Picture, ...]:
    """Check everything that may refuse the work except the wallet, which refuses at the charge."""
    pictures = await _feasible(call, work)
    await call.faults.apply_prompt_fault(magic(work.prompt))
    await call.faults.apply("outcome")
    # If no reply could leave the picture out, one to be withheld is refused.
    silent = work.path is None or not work.withholds
    withheld = silent and call.faults.take(Withhold, lambda one: withholds_any(one, work)) is not None
    if withheld or call.faults.take(Refuse) is not None:
        raise ApiError(
            Problem.UNSAFE,
            "Prompt or provided image failed the safety check",
            reason="configured: a safety refusal",
            param=_named(work),
        )
    return pictures


async def quote(call: Call, work: Work) -> int:
    """The price of work that could be done, in micro-dollars, without checking safety or the wallet."""
    return price_of(call, work, await _feasible(call, work))


async def _feasible(call: Call, work: Work) -> tuple[Picture, ...]:
    """The pictures that were sent, after checking that the work can be made from them."""
    call.entry.params = {name: brief(value) for name, value in work.params.items()}
    pictures = tuple([await probed(call, one) for one in work.sources])
    _check_results(work, pictures)
    return pictures


async def _funds(call: Call) -> int | None:
    """Micro-dollars the account's wallet begins with, None without a limit."""
    return await call.account.funds() if call.snapshot is None else call.account.funds_of(call.snapshot.head)


async def probed(call: Call, sent: Sent) -> Picture:
    """One picture that was sent, judged by its bytes; the journal records the first."""
    from fauxscale.images.formats import sniff  # Pillow: loaded with the first picture
    from fauxscale.images.structure import Rules

    rules = Rules(max_pixels=sent.max_pixels)
    try:
        picture = await call.accounts.probes.judge(sent.data, rules)
        _check_sides(picture, sent.sides)
    except ApiError as refusal:
        refusal.param = refusal.param or sent.part
        refusal.reason += _mislabelled(call, sent.part)
        said = {"rule": refusal.problem.value, "format": sniff(sent.data), "bytes": len(sent.data)}
        call.entry.refused_file = {**said}
        raise
    call.entry.image = call.entry.image or {
        "format": picture.format,
        "width": picture.width,
        "height": picture.height,
        "bytes": len(sent.data),
        "mode": picture.mode,
        "orientation": picture.orientation,
        "has_alpha": picture.has_alpha,
        "animated": picture.animated,
    }
    return picture


def _check_results(work: Work, pictures: tuple[Picture, ...]) -> None:
    """Refuse results that cannot be made from these pictures, or are too large for their format."""
    from fauxscale.images.formats import check_fits

    try:
        for step_of in work.steps:
            check_fits(work.format, *size(step_of([one.size for one in pictures], 0)))
    except ApiError as refusal:
        refusal.param = refusal.param or _named(work)
        raise


def _named(work: Work) -> str | None:
    """The part that a refusal of the whole work names."""
    return next((sent.part for sent in work.sources), None)


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
    """The addition to a refusal when the part's declared type and its bytes differ."""
    nothing: dict[str, object] = {}
    about = next((part for part in call.entry.parts if part["name"] == name), nothing)
    declared, detected = str(about.get("content_type", "")), str(about.get("detected", ""))
    if not declared.startswith("image/") or declared == f"image/{detected.lower()}":
        return ""
    return f"; declared {declared}, bytes are {detected}"


def withholds_any(effect: Withhold, work: Work) -> bool:
    """Whether the work has the image that is to be withheld."""
    return effect.only is None or effect.only < work.count


def price_of(call: Call, work: Work, pictures: Sequence[Picture]) -> int:
    """Micro-dollars for all images: the work's price, else the endpoint's for the parameters."""
    if work.price is None:
        return call.endpoint.price_of(work.params) * work.count
    return (
        work.price if isinstance(work.price, int) else work.price([one.size for one in pictures])
    ) * work.count
