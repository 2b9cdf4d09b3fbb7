"""The members of `Terms` as typed keyword arguments, so that type checkers know them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypedDict

from fauxscale.settings import Scalar


class TermArguments(TypedDict, total=False):
    """The terms an account can be opened with; units as in `Terms`."""

    balance: float | None
    rate_limit: int | None
    in_flight: int | None
    link_ttl: float | None
    latency: float | None
    time: Literal["real", "virtual"] | None


class TermChanges(TermArguments, total=False):
    """The terms of an open account that can be changed, and the options to change. None removes a value."""

    options: Mapping[str, Scalar | None] | None
