"""The words of `Terms` as keyword arguments, so that type checkers know them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypedDict

from fauxscale.settings import Scalar


class TermArguments(TypedDict, total=False):
    """What an account can be opened with; units as in `Terms`."""

    balance: float | None
    rate_limit: int | None
    in_flight: int | None
    link_ttl: float | None
    latency: float | None
    time: Literal["real", "virtual"] | None


class TermChanges(TermArguments, total=False):
    """What can be changed of one that is open: the options that are named here, too. None takes a word back."""

    options: Mapping[str, Scalar | None] | None
