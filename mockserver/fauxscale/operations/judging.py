"""Everything that may refuse work: the picture, its size, faults, the wallet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fauxscale.dispatch.provider import Call
from fauxscale.errors import ApiError, Problem
from fauxscale.faults import Refuse, Withhold, magic
from fauxscale.state.journal import brief

from .upscale_request import Upscale

if TYPE_CHECKING:
    from fauxscale.images.probe import Picture


async def judge(call: Call, ask: Upscale) -> Picture:
    """Everything that may refuse the work, the wallet included, for who has more to do before it is paid. Costs
    nothing."""
    picture = await judge_unpaid(call, ask)
    await call.account.ledger.check(price_of(call, ask), await _funds(call))
    return picture


async def judge_unpaid(call: Call, ask: Upscale) -> Picture:
    """Everything that may refuse the work but the wallet, which refuses when it is to pay."""
    picture = await _probed(call, ask)
    await call.faults.apply_prompt_fault(magic(ask.prompt))
    await call.faults.apply("outcome")
    # Without a link, there is no reply that could leave the picture out.
    withheld = ask.path is None and call.faults.take(Withhold) is not None
    if withheld or call.faults.take(Refuse) is not None:
        raise ApiError(
            Problem.UNSAFE,
            "Prompt or provided image failed the safety check",
            reason="configured: a safety refusal",
            param=ask.part,
        )
    return picture


async def _funds(call: Call) -> int | None:
    """Micro-dollars the account's wallet begins with, None without a limit."""
    return await call.account.funds() if call.snapshot is None else call.account.funds_of(call.snapshot.head)


async def _probed(call: Call, ask: Upscale) -> Picture:
    """The picture that was sent, judged by its bytes; the journal learns what it is."""
    from fauxscale.images.formats import check_fits
    from fauxscale.images.structure import Rules  # Pillow: not before the first picture

    call.entry.params = {name: brief(value) for name, value in ask.params.items()}
    rules = Rules(max_pixels=ask.max_pixels)
    try:
        picture = await call.accounts.probes.judge(ask.source, rules)
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
    """What to add to a refusal when the part's label says one thing and its bytes another."""
    nothing: dict[str, object] = {}
    about = next((part for part in call.entry.parts if part["name"] == name), nothing)
    declared, detected = str(about.get("content_type", "")), str(about.get("detected", ""))
    if not declared.startswith("image/") or declared == f"image/{detected.lower()}":
        return ""
    return f"; declared {declared}, bytes are {detected}"


def price_of(call: Call, ask: Upscale) -> int:
    """Micro-dollars for all results: what the work says, else what the endpoint's price makes of the parameters."""
    each = call.endpoint.price_of(ask.params) if ask.price is None else ask.price
    return each * ask.count
