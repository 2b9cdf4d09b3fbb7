"""Recorded contracts, and checks of clients and servers against them."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .boundaries import boundary_responses as boundary_responses
    from .conform.candidate import Endpoint as Endpoint
    from .conform.scenario import Expect as Expect
    from .conform.suite import ClientConformance as ClientConformance
    from .contract import Contract as Contract
    from .contract import load as load
    from .contract import load_file as load_file
    from .contract import vintages as vintages
    from .exchange import Exchange as Exchange
    from .exchange import Reply as Reply
    from .exchange import Request as Request
    from .reproduce import curl as curl
    from .strategies import broken_images as broken_images
    from .strategies import fuzz_responses as fuzz_responses
    from .strategies import images as images
    from .strategies import requests as requests
    from .strategies import responses as responses
    from .violations import ContractError as ContractError
    from .violations import Violation as Violation

# Loaded when first asked for: a check needs no Hypothesis, a strategy no checks.
_ROOMS = {
    "boundaries": ("boundary_responses",),
    "conform.candidate": ("Endpoint",),
    "conform.scenario": ("Expect",),
    "conform.suite": ("ClientConformance",),
    "contract": ("Contract", "load", "load_file", "vintages"),
    "exchange": ("Exchange", "Reply", "Request"),
    "reproduce": ("curl",),
    "strategies": ("broken_images", "fuzz_responses", "images", "requests", "responses"),
    "violations": ("ContractError", "Violation"),
}
_HOMES = {name: room for room, names in _ROOMS.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
