"""Recorded contracts, and checks of clients and servers against them."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from fauxscale.extras import needed_by

if TYPE_CHECKING:
    from .conform.candidate import Endpoint as Endpoint
    from .conform.scenario import Expect as Expect
    from .conform.suite import ClientConformance as ClientConformance
    from .contract.contract import Contract as Contract
    from .contract.curl import curl as curl
    from .contract.exchange import Exchange as Exchange
    from .contract.exchange import Reply as Reply
    from .contract.exchange import Request as Request
    from .contract.violations import ContractError as ContractError
    from .contract.violations import Violation as Violation
    from .generate.boundaries import boundary_responses as boundary_responses
    from .generate.strategies import broken_images as broken_images
    from .generate.strategies import fuzz_responses as fuzz_responses
    from .generate.strategies import images as images
    from .generate.strategies import requests as requests
    from .generate.strategies import responses as responses
    from .profiles.loading import api_versions as api_versions
    from .profiles.loading import load as load
    from .profiles.loading import load_file as load_file
    from .profiles.profile import Job as Job
    from .profiles.profile import Probe as Probe
    from .profiles.profile import Profile as Profile
    from .profiles.profile import Results as Results

__all__ = [
    "ClientConformance",
    "Contract",
    "ContractError",
    "Endpoint",
    "Exchange",
    "Expect",
    "Job",
    "Probe",
    "Profile",
    "Reply",
    "Request",
    "Results",
    "Violation",
    "api_versions",
    "boundary_responses",
    "broken_images",
    "curl",
    "fuzz_responses",
    "images",
    "load",
    "load_file",
    "requests",
    "responses",
]

# Loaded when first asked for: a check needs no Hypothesis, a strategy no checks.
_ROOMS = {
    "generate.boundaries": ("boundary_responses",),
    "conform.candidate": ("Endpoint",),
    "conform.scenario": ("Expect",),
    "conform.suite": ("ClientConformance",),
    "contract.contract": ("Contract",),
    "contract.exchange": ("Exchange", "Reply", "Request"),
    "contract.curl": ("curl",),
    "generate.strategies": ("broken_images", "fuzz_responses", "images", "requests", "responses"),
    "contract.violations": ("ContractError", "Violation"),
    "profiles.loading": ("api_versions", "load", "load_file"),
    "profiles.profile": ("Job", "Probe", "Profile", "Results"),
}
_HOMES = {name: room for room, names in _ROOMS.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        from fauxscale.spelling import missing_name

        raise missing_name(__name__, name, __all__)
    with needed_by(f"{__name__}.{name}", "contracts"):
        return getattr(import_module(f".{_HOMES[name]}", __name__), name)


def __dir__() -> list[str]:
    return __all__
