"""Control API routes for faults: add one or a script, list, remove, export what went wrong."""

from __future__ import annotations

from typing import cast

from fauxscale.bodies.strict_json import is_object
from fauxscale.faults import (
    Expire,
    Fail,
    Fault,
    Ok,
    RequestKind,
    Rule,
    UnsafeImage,
    at,
    did_you_mean,
    from_json,
    to_json,
)
from fauxscale.state.journal import LIVE_CALL, Entry

from .request import Ask, ControlRoute, JsonObject, Missing

_MOST_TIMES = 10**12
_WHEN = ("on", "times", "after", "probability")
# Refusals that the state of a service causes, and no mistake of its client: a script can stage them again.
_STATE = frozenset(
    [
        "no_funds",
        "rate_limited",
        "too_many_in_flight",
        "server_error",
        "upstream_error",
        "unavailable",
        "timeout",
    ]
)


async def add(ask: Ask) -> object:
    """Configure one fault: its kind, its members, and when it applies."""
    fault = from_json({name: value for name, value in ask.arguments.items() if name not in _WHEN})
    return await _add_rule(ask, (fault,))


async def script(ask: Ask) -> object:
    """Configure faults for the next calls, one each, in the order given."""
    ask.know("script", *_WHEN)
    steps = ask.arguments.get("script")
    if not isinstance(steps, list) or not steps:
        raise ValueError("script must be a list of at least one fault")
    return await _add_rule(ask, tuple(_fault(step) for step in cast("list[object]", steps)))


def _fault(step: object) -> Fault:
    if not is_object(step):
        raise ValueError(f'a step of a script must be an object such as {{"fault": "Ok"}}, got {step!r}')
    return from_json(step)


async def _add_rule(ask: Ask, steps: tuple[Fault, ...]) -> object:
    times = None if ask.arguments.get("times", 1) is None else ask.number("times", 1)
    probability = None if ask.arguments.get("probability") is None else ask.number("probability")
    after = ask.number("after")
    if times is not None and (not 1 <= times <= _MOST_TIMES or times != int(times)):
        raise ValueError(f"times must be a whole number, 1 or more, or null for no limit, got {times:g}")
    if not 0 <= after <= _MOST_TIMES or after != int(after):
        raise ValueError(f"after must be a whole number, 0 or more, got {after:g}")
    if probability is not None and not 0 <= probability <= 1:
        raise ValueError(f"probability must be from 0 to 1, got {probability:g}")
    on = ask.text("on", "*")
    rule = Rule(
        "",
        steps,
        on=f"{on}.*" if on in ask.providers else on,
        times=None if times is None else int(times),
        after=int(after),
        probability=probability,
    )
    _check_reach(ask, rule)
    _check_codes(ask, rule)
    made = await ask.account.faults.add(rule)
    return {"id": made.id}


def _check_reach(ask: Ask, rule: Rule) -> None:
    """Raise ValueError for a rule that no call could ever match."""
    endpoints = [
        endpoint
        for provider in ask.providers.values()
        for site in provider.sites
        for endpoint in site.endpoints
    ]
    known = {(endpoint.operation, str(endpoint.kind)) for endpoint in endpoints}
    # What is paid for may send its picture in the reply itself.
    known |= {(one.operation, "inline") for one in endpoints if one.price or one.answers == "picture"}
    for step in rule.steps:
        if not any(rule.fits(step, operation, kind) for operation, kind in known):
            names = sorted({operation for operation, _ in known})
            near = did_you_mean(rule.on, [*names, *ask.providers])
            raise ValueError(
                f"no operation that {type(step).__name__} applies to matches {rule.on!r}{near or ':'} "
                f"there are {', '.join(names)}"
            )


def _check_codes(ask: Ask, rule: Rule) -> None:
    """Raise ValueError for an error code that no provider the rule applies to has."""
    for step in rule.steps:
        if not isinstance(step, Fail) or step.code is None:
            continue
        known = {
            name: provider.codes
            for name, provider in ask.providers.items()
            for site in provider.sites
            if any(rule.fits(step, endpoint.operation, endpoint.kind) for endpoint in site.endpoints)
        }
        if all(codes is not None and step.code not in codes for codes in known.values()):
            codes = sorted({code for codes in known.values() for code in codes or ()})
            raise ValueError(f"{', '.join(known)} has no error {step.code!r}: choose from {', '.join(codes)}")


async def find(ask: Ask) -> object:
    """List every rule, oldest first. `applied` counts; `left` is null for rules without a limit."""
    return {"faults": [_about(rule, applied) for rule, applied in await ask.account.faults.rules()]}


def _about(rule: Rule, applied: int) -> JsonObject:
    left = None if rule.total is None else rule.total - applied
    return {
        "id": rule.id,
        "script": [to_json(step) for step in rule.steps],
        "on": rule.on,
        "times": rule.times,
        "after": rule.after,
        "probability": rule.probability,
        "applied": applied,
        "left": left,
    }


async def clear(ask: Ask) -> object:
    """Remove all fault rules."""
    await ask.account.faults.clear()
    return {"reset": ["faults"]}


async def remove(ask: Ask) -> object:
    """Remove one fault rule."""
    if not await ask.account.faults.remove(ask.part("fault")):
        raise Missing(f"{ask.account.id} has no fault {ask.part('fault')!r}")
    return {"removed": ask.part("fault")}


async def export(ask: Ask) -> object:
    """Export what went wrong in this account's calls so far, as a script that reproduces it."""
    script: list[Fault] = []
    dead: set[str] = set()
    for entry in await ask.account.journal.entries():
        if entry.rule != LIVE_CALL:
            kind: RequestKind = "download" if entry.kind == "download" else "api"
            script.append(at(_of_call(entry, dead), kind))
    return {"script": [to_json(step) for step in script]}


def _of_call(entry: Entry, dead: set[str]) -> Fault:
    """Return what went wrong with one call; Ok() for nothing. Of several faults, the one that ended the call.

    `dead` are the links that expired so far: they stay expired, and need no second fault.
    """
    faults = [from_json(members) for members in entry.configured]
    applied = sorted((one for one in faults if not isinstance(one, Ok)), key=lambda one: one.combines)
    ended = applied[0] if applied and not applied[0].combines else None
    link = f"{entry.provider}{entry.path.partition('?')[0]}"
    if entry.rule == "link_expired":
        again = link in dead
        dead.add(link)
        return Ok() if again else Expire()
    dead.discard(link)  # it was signed anew
    if isinstance(ended, Fail) and ended.status == entry.status:
        return ended
    if isinstance(ended, UnsafeImage) and entry.rule == "unsafe":
        return UnsafeImage(refuse=True)  # or a gateway's upstream found it so
    if entry.rule in _STATE and entry.status is not None:
        return Fail(entry.status, retry_after=entry.retry_after)
    return applied[0] if applied else Ok()


ROUTES = (
    ControlRoute("POST", "/accounts/{id}/faults", add, 201),
    ControlRoute("POST", "/accounts/{id}/faults/script", script, 201),
    ControlRoute("GET", "/accounts/{id}/faults", find),
    ControlRoute("GET", "/accounts/{id}/faults/export", export),
    ControlRoute("DELETE", "/accounts/{id}/faults", clear),
    ControlRoute("DELETE", "/accounts/{id}/faults/{fault}", remove),
)
