"""Control API routes for faults: add one or a script, list, remove, export as a script."""

from __future__ import annotations

from fauxscale.faults import (
    Expire,
    Fail,
    Fault,
    Ok,
    RequestKind,
    Rule,
    UnsafeImage,
    at,
    from_json,
    to_json,
)
from fauxscale.state.journal import LIVE_CALL, Entry

from .request import Ask, ControlRoute, JsonObject, Missing
from .rules import read_rule, read_script

# Refusals caused by a service's state instead of a client's mistake: a script can stage them again.
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
    return {"id": (await ask.account.faults.add(read_rule(ask.arguments, ask.providers))).id}


async def script(ask: Ask) -> object:
    """Configure faults for the next calls, one each, in the order given."""
    return {"id": (await ask.account.faults.add(read_script(ask.arguments, ask.providers))).id}


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
        return UnsafeImage(refuse=True)  # or a gateway's upstream reported it
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
