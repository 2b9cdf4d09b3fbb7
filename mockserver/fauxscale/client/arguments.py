"""Typed keyword arguments for type checkers and editors: the members of `Terms`, filters of calls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypedDict

from fauxscale.settings import Scalar

from .names import OperationName, ProviderName


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


class CallFilters(TypedDict, total=False):
    """The facts by which every call can be filtered. `operation` may be a pattern, `fault` is the name of a kind."""

    kind: Literal["api", "download"]
    provider: ProviderName | str
    operation: OperationName | str
    method: str
    status: int
    rule: str
    fault: str
    image_size: tuple[int, int]
    image_format: str
    image_mode: str
    has_alpha: bool
