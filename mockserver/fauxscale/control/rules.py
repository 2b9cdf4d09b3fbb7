"""Reads a fault rule from JSON, and refuses one that no call could match."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from msgspec.structs import replace

from fauxscale.bodies.strict_json import is_object
from fauxscale.dispatch.provider import Provider
from fauxscale.faults import Fail, Fault, Rule, from_json
from fauxscale.spelling import choose_from, did_you_mean, nearest_few

from .members import know, number, text

WHEN = ("on", "times", "after", "probability")
_MOST_TIMES = 10**12
_FEW, _LIST = 3, "/__fauxscale/api/providers"


def read_rule(members: Mapping[str, object], providers: Mapping[str, Provider]) -> Rule:
    """Read the rule of one fault, its kind, members, and when it applies. Raises ValueError naming what is wrong."""
    fault = from_json({name: value for name, value in members.items() if name not in WHEN})
    return _rule(members, (fault,), providers)


def read_script(members: Mapping[str, object], providers: Mapping[str, Provider]) -> Rule:
    """Read the rule of a `script` of faults. Raises ValueError naming what is wrong."""
    know(members, "script", *WHEN)
    steps = members.get("script")
    if not isinstance(steps, list) or not steps:
        raise ValueError("script must be a list of at least one fault")
    return _rule(members, tuple(_fault(step) for step in cast("list[object]", steps)), providers)


def _fault(step: object) -> Fault:
    if not is_object(step):
        raise ValueError(f'a step of a script must be an object such as {{"fault": "Ok"}}, got {step!r}')
    return from_json(step)


def _rule(members: Mapping[str, object], steps: tuple[Fault, ...], providers: Mapping[str, Provider]) -> Rule:
    times = None if members.get("times", 1) is None else number(members, "times", 1)
    probability = None if members.get("probability") is None else number(members, "probability")
    after = number(members, "after")
    if times is not None and (not 1 <= times <= _MOST_TIMES or times != int(times)):
        raise ValueError(f"times must be a whole number, 1 or more, or null for no limit, got {times:g}")
    if not 0 <= after <= _MOST_TIMES or after != int(after):
        raise ValueError(f"after must be a whole number, 0 or more, got {after:g}")
    if probability is not None and not 0 <= probability <= 1:
        raise ValueError(f"probability must be from 0 to 1, got {probability:g}")
    on = text(members, "on", "*")
    rule = Rule(
        "",
        steps,
        on=f"{on}.*" if on in providers else on,
        times=None if times is None else int(times),
        after=int(after),
        probability=probability,
    )
    _check_reach(rule, providers)
    _check_codes(rule, providers)
    return rule


def _check_reach(rule: Rule, providers: Mapping[str, Provider]) -> None:
    """Raise ValueError for a rule that no call could ever match."""
    endpoints = [
        endpoint for provider in providers.values() for site in provider.sites for endpoint in site.endpoints
    ]
    known = {(endpoint.operation, str(endpoint.kind)) for endpoint in endpoints}
    # A paid operation may send its picture in the reply itself.
    known |= {(one.operation, "inline") for one in endpoints if one.price or one.answers == "picture"}
    for step in rule.steps:
        if not any(rule.fits(step, operation, kind) for operation, kind in known):
            names = sorted({one for one, kind in known if replace(rule, on=one).fits(step, one, kind)})
            near = did_you_mean(rule.on, [*names, *providers])
            few = nearest_few(rule.on, names, _FEW, least=0.4)
            nearest = f"the nearest are {', '.join(few)}; " if len(few) > 1 else ""
            raise ValueError(
                f"no operation that {type(step).__name__} applies to matches {rule.on!r}{near or ':'} "
                f"{nearest}GET {_LIST} lists all"
            )


def _check_codes(rule: Rule, providers: Mapping[str, Provider]) -> None:
    """Raise ValueError for an error code that none of the rule's providers has."""
    for step in rule.steps:
        if not isinstance(step, Fail) or step.code is None:
            continue
        known = {
            name: provider.codes
            for name, provider in providers.items()
            for site in provider.sites
            if any(rule.fits(step, endpoint.operation, endpoint.kind) for endpoint in site.endpoints)
        }
        if all(codes is not None and step.code not in codes for codes in known.values()):
            codes = sorted({code for codes in known.values() for code in codes or ()})
            raise ValueError(f"{', '.join(known)} has no error {step.code!r}{choose_from(step.code, codes)}")
