"""Provider options as people write them, `ideogram.api_version=2026-10`, checked against the declared ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fauxscale.settings import Scalar
from fauxscale.spelling import choose_from

from .provider import Option, Provider

_MOST = 10**12


def declared(providers: Sequence[Provider]) -> dict[str, Option]:
    """Every option of every provider, by full name."""
    return {f"{provider.name}.{option.name}": option for provider in providers for option in provider.options}


def parse_options(given: Mapping[str, object], providers: Sequence[Provider]) -> dict[str, Scalar]:
    """Convert options to their declared types. Raises ValueError naming the wrong one and the known ones."""
    known = declared(providers)
    return {name: _value(name, value, known) for name, value in given.items()}


def change(
    own: Mapping[str, Scalar], given: Mapping[str, object], providers: Sequence[Provider]
) -> dict[str, Scalar]:
    """Return an account's own options with the given ones changed; null removes one. Raises ValueError as
    `parse_options`."""
    known = declared(providers)
    for name in given:
        _named(name, known)
    chosen = parse_options({name: value for name, value in given.items() if value is not None}, providers)
    kept = {name: value for name, value in own.items() if name not in given}
    return kept | chosen


def _named(name: str, known: Mapping[str, Option]) -> Option:
    if name not in known:
        raise ValueError(f"unknown option {name!r}{choose_from(name, sorted(known))}")
    return known[name]


def _value(name: str, value: object, known: Mapping[str, Option]) -> Scalar:
    option = _named(name, known)
    chosen = _typed(name, value, type(option.default))
    if option.choices and chosen not in option.choices:
        raise ValueError(f"{name} must be one of {', '.join(map(str, option.choices))}, got {chosen!r}")
    return chosen


def _typed(name: str, value: object, wanted: type) -> Scalar:
    if wanted is str:
        if not isinstance(value, str):
            raise ValueError(f"{name} must be a text, got {value!r}")
        return value
    if wanted is bool:
        switches = {"true": True, "1": True, "on": True, "false": False, "0": False, "off": False}
        if str(value).lower() not in switches:
            raise ValueError(f"{name} must be true or false, got {value!r}")
        return switches[str(value).lower()]
    try:
        number = int(str(value)) if wanted is int else float(str(value))
    except ValueError:
        raise ValueError(f"{name} must be a number, got {value!r}") from None
    if not 0 <= number <= _MOST:
        raise ValueError(f"{name} must be from 0 to {_MOST:,}, got {value!r}")
    return number
