"""Control API routes for accounts: open, read, change, reset, delete."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from msgspec.structs import asdict, replace

from fauxscale.bodies.strict_json import is_object
from fauxscale.clock import stopwatch
from fauxscale.dispatch.options import change
from fauxscale.settings import Terms
from fauxscale.spelling import choose_from
from fauxscale.state.account import RESETTABLE
from fauxscale.state.accounts import Card
from fauxscale.state.journal import LIVE_CALL, Entry

from .request import Ask, ControlRoute, Missing


async def make(ask: Ask) -> object:
    """Open an account with its own keys; those given in `keys`, by provider, are used unchanged."""
    ask.know("terms", "label", "keys")
    named = _keys(ask)
    keys: dict[str, str] = {}

    def mint(number: int) -> Mapping[str, str]:
        for name, provider in ask.providers.items():
            keys[name] = named.get(name) or provider.mint_key(ask.accounts.mint(number, name))
        return keys

    terms = ask.arguments.get("terms")
    account = await ask.accounts.make(
        Terms() if terms is None else _terms(ask, terms), mint, ask.text("label"), given=named
    )
    return {"id": account.id, "keys": keys}


def _keys(ask: Ask) -> dict[str, str]:
    keys = ask.arguments.get("keys", {})
    if not is_object(keys):
        raise ValueError("keys must be an object of keys by provider")
    for name, key in keys.items():
        if name not in ask.providers:
            raise ValueError(f"no provider {name!r}{choose_from(name, ask.providers)}")
        if not isinstance(key, str) or not key.isascii() or not key:
            raise ValueError(f"the key for {name} must be a text of ASCII characters")
    return cast("dict[str, str]", keys)


def _terms(ask: Ask, members: object, own: Terms | None = None) -> Terms:
    """Read terms from JSON, with the options of `own` kept unless changed. Raises ValueError naming what is known."""
    if not is_object(members):
        raise ValueError("terms must be an object")
    options: object = members.get("options", {})
    if options is None:
        options = {}
    elif is_object(options):
        options = change(own.options if own else {}, options, tuple(ask.providers.values()))
    return Terms.from_mapping({**members, "options": options})


async def find(ask: Ask) -> object:
    """List all open accounts."""
    return {"accounts": [asdict(card) for card in await ask.accounts.cards()]}


async def read(ask: Ask) -> object:
    """Read one account: its label and shortened keys, its terms in force, its time, its totals."""
    card = await ask.accounts.card(ask.account.id) or Card(ask.account.id, "unassigned", 0, {})
    terms = await ask.account.terms()
    totals = await ask.account.totals()
    return {**asdict(card), "settings": asdict(terms), "now": await ask.now(), "totals": totals}


async def read_settings(ask: Ask) -> object:
    """Read the current terms: the account's own, or the server's where it has none."""
    return asdict(await ask.account.terms())


async def change_settings(ask: Ask) -> object:
    """Change the named terms and options; null removes the override. A new balance counts from now on."""
    own = await ask.account.own_terms()
    terms = _terms(ask, ask.arguments, own)
    named = replace(own, **{name: getattr(terms, name) for name in ask.arguments})
    await ask.account.set_terms(named, refill="balance" in ask.arguments)
    return asdict(await ask.account.terms())


async def totals(ask: Ask) -> object:
    """Read the account's totals since it was opened: calls, refused calls, images, micro-dollars."""
    return await ask.account.totals()


async def reset(ask: Ask) -> object:
    """Reset the parts of the account named in `what`; all of them if it is missing."""
    ask.know("what")
    what = ask.arguments.get("what", list(RESETTABLE))
    names: list[object] = cast("list[object]", what) if isinstance(what, list) else [what]
    for name in names:
        if name not in RESETTABLE:
            raise ValueError(f"cannot reset {name!r}{choose_from(str(name), RESETTABLE)}")
    await ask.account.reset(tuple(str(name) for name in names))
    return {"reset": names}


async def delete(ask: Ask) -> object:
    """Close an account and return its totals, which cannot be read afterwards."""
    if await ask.accounts.card(ask.account.id) is None:
        raise Missing("the account for unassigned calls cannot be closed")
    totals = await ask.account.totals()
    await ask.accounts.delete(ask.account.id)
    return totals


async def note_refusal(ask: Ask) -> object:
    """Record that a guard stopped a call of this account's test on its way to a real host."""
    ask.know("host", "reason", "provider")
    account = ask.account
    number = await account.number_call()
    await account.journal.write(
        Entry(
            n=number,
            id=f"call_{number}",
            at=await ask.now(),
            started=stopwatch(),
            ended=stopwatch(),
            provider=ask.text("provider"),
            operation="live.refused",
            path=ask.text("host"),
            rule=LIVE_CALL,
            reason=ask.text("reason"),
            raw=True,
        )
    )
    return {"id": f"call_{number}"}


ROUTES = (
    ControlRoute("POST", "/accounts", make, 201),
    ControlRoute("GET", "/accounts", find),
    ControlRoute("GET", "/accounts/{id}", read),
    ControlRoute("DELETE", "/accounts/{id}", delete),
    ControlRoute("POST", "/accounts/{id}/reset", reset),
    ControlRoute("GET", "/accounts/{id}/settings", read_settings),
    ControlRoute("PATCH", "/accounts/{id}/settings", change_settings),
    ControlRoute("GET", "/accounts/{id}/totals", totals),
    ControlRoute("POST", "/accounts/{id}/refusals", note_refusal, 201),
)
