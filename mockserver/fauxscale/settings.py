"""Settings of a whole server (`Settings`), and the terms of one account on it (`Terms`)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Literal

from msgspec import Struct, field, to_builtins

from .errors import FauxscaleError
from .spelling import choose_from

KeyPolicy = Literal["open", "issued"]
Scalar = str | int | float | bool


def micros(dollars: float) -> int:
    """Convert dollars, which people type, to integer micro-dollars, which everything here counts in."""
    return round(dollars * 1_000_000)


class WrongSetting(FauxscaleError, ValueError):
    """A setting that cannot be used. `path` is its place, `("account", 0, "balance")`; `problem` says what is wrong."""

    def __init__(self, path: tuple[str | int, ...], problem: str) -> None:
        super().__init__(problem)
        self.path = path
        self.problem = problem


# No wallet, link or wait is larger; NaN and infinity are not accepted either.
_YEARS = 100 * 365 * 24 * 3600
_MOST = {
    "balance": 1_000_000_000,
    "rate_limit": 1_000_000_000,
    "in_flight": 1_000_000,
    "link_ttl": _YEARS,
    "latency": 3600,
}


class Terms(Struct, frozen=True, kw_only=True):
    """The terms of one account. None means the default of the server or the provider.

    `balance` is in dollars, `link_ttl` and `latency` in seconds, `rate_limit` in calls a minute,
    `in_flight` in calls at once. `time` "virtual": the waits clients are asked for pass at once. `options` are
    provider options by full name (`ideogram.api_version`).
    """

    balance: float | None = None
    rate_limit: int | None = None
    in_flight: int | None = None
    link_ttl: float | None = None
    latency: float | None = None
    time: Literal["real", "virtual"] | None = None
    options: Mapping[str, Scalar] = field(default_factory=dict[str, Scalar])

    def under(self, own: Terms) -> Terms:
        """The terms in force: the members of `own` that are set, and these for the rest."""
        return Terms(
            balance=self.balance if own.balance is None else own.balance,
            rate_limit=self.rate_limit if own.rate_limit is None else own.rate_limit,
            in_flight=self.in_flight if own.in_flight is None else own.in_flight,
            link_ttl=self.link_ttl if own.link_ttl is None else own.link_ttl,
            latency=self.latency if own.latency is None else own.latency,
            time=self.time if own.time is None else own.time,
            options={**self.options, **own.options},
        )

    def to_json(self) -> bytes:
        return json.dumps(to_builtins(self)).encode()

    def to_mapping(self) -> dict[str, object]:
        """Return the members that are set, as `from_mapping` reads them."""
        return {name: value for name, value in to_builtins(self).items() if value not in (None, {})}

    @classmethod
    def from_mapping(cls, members: Mapping[str, object]) -> Terms:
        """Read terms from JSON members. Raises ValueError naming the invalid member."""
        known = set(cls.__struct_fields__)
        if unknown := sorted(set(members) - known):
            raise ValueError(f"unknown setting {unknown[0]!r}{choose_from(unknown[0], sorted(known))}")
        for name, value in members.items():
            if name == "options":
                if not isinstance(value, Mapping):
                    raise ValueError("options must be an object of provider options by full name")
            elif name == "time":
                if value not in (None, "real", "virtual"):
                    raise ValueError(f"time must be real or virtual, got {value!r}")
            elif value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
                raise ValueError(f"{name} must be a number, got {value!r}")
            elif isinstance(value, int | float) and value < 0:
                raise ValueError(f"{name} must not be negative, got {value!r}")
            elif isinstance(value, int | float) and not value <= _MOST[name]:
                raise ValueError(f"{name} must be at most {_MOST[name]:,}, got {value!r}")
            elif name in ("rate_limit", "in_flight") and isinstance(value, float):
                raise ValueError(f"{name} must be a whole number, got {value!r}")
        return cls(**members)  # type: ignore[arg-type]  # judged member by member above


class Settings(Struct, frozen=True, kw_only=True):
    """The settings of a server. Units as in `Terms`; byte budgets in bytes.

    `keys`: only these keys work (and those made through the control API), whatever `key_policy` says.
    `token`: what the control API asks for; None on loopback. `terms`: what every account gets unless its
    own terms say otherwise. `replay`: the folder of a recording to answer from. `accounts`: those that are open from
    the start, each an object as in a settings file (`control/starting.py`): `key`, `label`, terms, `clock`, `fault`.
    """

    seed: int = 0
    key_policy: KeyPolicy = "open"
    keys: tuple[str, ...] = ()
    terms: Terms = field(default_factory=Terms)
    options: Mapping[str, Scalar] = field(default_factory=dict[str, Scalar])
    allow_hosts: tuple[str, ...] = ()
    allow_fetch: tuple[str, ...] = ()
    cors: tuple[str, ...] = ()
    token: str | None = None
    replay: str = ""
    accounts: tuple[Mapping[str, object], ...] = ()
    journal_entries: int = 1_000
    journal_bytes: int = 16 * 1024 * 1024
    upload_memory: int = 64 * 1024 * 1024
    rendition_memory: int = 128 * 1024 * 1024
    rendering_memory: int = 1_200 * 1024 * 1024

    @property
    def is_guarded(self) -> bool:
        """Whether access is restricted, by a token (as on every server that other machines can reach) or by keys. Then
        link signatures and issued keys must not follow from the seed."""
        return bool(self.token or self.keys)

    @property
    def issued_only(self) -> bool:
        return self.key_policy == "issued" or bool(self.keys)
