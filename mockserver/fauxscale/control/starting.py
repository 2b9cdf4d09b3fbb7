"""Reads the accounts that a server opens when it starts, from settings files and `Settings.accounts`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from msgspec.structs import replace

from fauxscale.bodies.strict_json import is_object
from fauxscale.dispatch.options import parse_options
from fauxscale.dispatch.provider import Provider
from fauxscale.faults import Rule
from fauxscale.redact import nickname
from fauxscale.settings import Terms, WrongSetting
from fauxscale.spelling import choose_from
from fauxscale.state.starting import StartingAccount

from .clock import read_time
from .rules import read_rule, read_script

_TERMS = tuple(name for name in Terms.__struct_fields__ if name != "options")
MEMBERS = ("key", "label", *_TERMS, "set", "clock", "frozen", "fault")
# TOML has no null, which in JSON means that a fault applies for ever.
_FOR_EVER = "forever"


def read_accounts(
    accounts: Sequence[Mapping[str, object]], providers: Sequence[Provider]
) -> tuple[StartingAccount, ...]:
    """Read the accounts to open. Raises WrongSetting: its path begins with `account` and the number of one."""
    by_name = {provider.name: provider for provider in providers}
    found = [_account(number, members, by_name) for number, members in enumerate(accounts)]
    taken: set[str] = set()
    for number, one in enumerate(found):
        for _, key in one.keys:
            if key in taken:
                raise WrongSetting(("account", number, "key"), "key is that of another account, too")
        taken.update(key for _, key in one.keys)
    return tuple(found)


def _account(
    number: int, members: Mapping[str, object], providers: Mapping[str, Provider]
) -> StartingAccount:
    place: tuple[str | int, ...] = ("account", number)
    for name in members:
        if name not in MEMBERS:
            raise WrongSetting(
                (*place, name), f"an account has no setting {name!r}{choose_from(name, MEMBERS)}"
            )
    if "key" not in members:
        raise WrongSetting(place, "an account needs a key, the one that its clients send")
    keys = _keys((*place, "key"), members["key"], providers)
    label = members.get("label", nickname(keys[0][1]))
    if not isinstance(label, str):
        raise WrongSetting((*place, "label"), f"label must be a text, got {label!r}")
    frozen = members.get("frozen", False)
    if not isinstance(frozen, bool):
        raise WrongSetting((*place, "frozen"), f"frozen must be true or false, got {frozen!r}")
    return StartingAccount(
        label=label,
        keys=keys,
        terms=_terms(place, members, providers),
        at=_time((*place, "clock"), members["clock"]) if "clock" in members else None,
        frozen=frozen,
        rules=_rules((*place, "fault"), members.get("fault", []), providers),
    )


def _keys(
    place: tuple[str | int, ...], value: object, providers: Mapping[str, Provider]
) -> tuple[tuple[str, str], ...]:
    keys = value if is_object(value) else {"*": value}
    for name, key in keys.items():
        if name != "*" and name not in providers:
            raise WrongSetting((*place, name), f"no provider {name!r}{choose_from(name, providers)}")
        if not isinstance(key, str) or not key.isascii() or not key:
            raise WrongSetting(
                place, "key must be a text of ASCII characters, or a table of such texts by provider"
            )
    if not keys or len(set(map(str, keys.values()))) < len(keys):
        raise WrongSetting(place, "key must name at least one key, and another one for each provider")
    return tuple((name, str(key)) for name, key in keys.items())


def _terms(
    place: tuple[str | int, ...], members: Mapping[str, object], providers: Mapping[str, Provider]
) -> Terms:
    found: dict[str, object] = {}
    for name in (name for name in _TERMS if name in members):
        try:
            Terms.from_mapping({name: members[name]})
        except ValueError as wrong:
            raise WrongSetting((*place, name), str(wrong)) from None
        found[name] = members[name]
    options = members.get("set", {})
    if not is_object(options):
        raise WrongSetting((*place, "set"), "set must be a table of provider options by full name")
    for name, value in options.items():
        try:
            parse_options({name: value}, tuple(providers.values()))
        except ValueError as wrong:
            raise WrongSetting((*place, "set", name), str(wrong)) from None
    return Terms.from_mapping(found | {"options": parse_options(options, tuple(providers.values()))})


def _time(place: tuple[str | int, ...], value: object) -> float:
    try:
        return read_time(value)
    except ValueError as wrong:
        raise WrongSetting(place, str(wrong).replace("at ", "clock ", 1)) from None


def _rules(
    place: tuple[str | int, ...], value: object, providers: Mapping[str, Provider]
) -> tuple[Rule, ...]:
    if not isinstance(value, list):
        raise WrongSetting(place, 'fault must be a list of tables such as { fault = "Fail", status = 429 }')
    found: list[Rule] = []
    for number, members in enumerate(cast("list[object]", value)):
        if not is_object(members):
            raise WrongSetting((*place, number), f"a fault must be a table, got {members!r}")
        if members.get("times") == _FOR_EVER:
            members = {**members, "times": None}
        read = read_script if "script" in members else read_rule
        try:
            rule = read(members, providers)
        except ValueError as wrong:
            raise WrongSetting((*place, number), str(wrong)) from None
        found.append(replace(rule, id=f"fault_{number + 1}"))
    return tuple(found)
