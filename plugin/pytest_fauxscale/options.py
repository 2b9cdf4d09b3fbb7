"""Options of a run and of a test: the command line wins over the marker over the ini file over the default."""

from __future__ import annotations

from collections.abc import Iterable
from math import inf
from typing import TYPE_CHECKING, cast

import pytest

from . import declared, explore_options
from .declared import MARKER, TERMS

if TYPE_CHECKING:
    from fauxscale.dispatch.provider import Provider
    from fauxscale.settings import Scalar

    from .declared import Network, Option, Strictness, Value

_ACCEPTS = {float: "a number", int: "a whole number", str: "a text"}


def _written(config: pytest.Config, name: str) -> Value | None:
    """Read an ini value, None where it is not set. Raises ValueError, TypeError or UsageError for no number."""
    value: Value | None = config.getini(f"fauxscale_{name}")
    return declared.EVERY[name].kind(value) if isinstance(value, str) else value


def check(config: pytest.Config) -> None:
    """Raise UsageError for invalid options and ini values, before any test is run."""
    for name, option in declared.EVERY.items():
        _check_given(f"--fauxscale-{name.replace('_', '-')}", option, config.getoption(f"fauxscale_{name}"))
        try:
            written = _written(config, name)
        except (TypeError, ValueError, pytest.UsageError) as error:  # which one depends on pytest's version
            raise pytest.UsageError(f"fauxscale_{name} must be {_ACCEPTS[option.kind]}: {error}") from None
        _check_given(f"fauxscale_{name}", option, written)
        chosen = _chosen(config, name, option)
        if name in TERMS and chosen is not None and chosen != option.default:
            _check_terms(f"fauxscale_{name}", name, chosen)
    if url := config.getoption("--fauxscale-url"):
        _check_url(config, str(url))
    explore_options.check(config)


def _check_terms(shown: str, name: str, value: Value) -> None:
    """Raise UsageError for invalid terms, before any test uses them."""
    from fauxscale.providers import PROVIDERS
    from fauxscale.providers.installed import find_providers
    from fauxscale.settings import Terms

    try:
        if name == "api_version":
            api_version_options((*PROVIDERS, *find_providers(PROVIDERS).providers), value)
        else:
            Terms.from_mapping({name: value})
    except ValueError as error:
        raise pytest.UsageError(f"{shown}: {error}") from None


def _check_url(config: pytest.Config, url: str) -> None:
    if not url.startswith(("http://", "https://")):
        raise pytest.UsageError(
            f"--fauxscale-url must be an address such as http://mock.test:2160, not {url!r}"
        )
    for name in ("--fauxscale-usage", "--fauxscale-contract-report"):
        if config.getoption(name):
            raise pytest.UsageError(
                f"{name} cannot be combined with --fauxscale-url: it needs a server that the run itself starts"
            )
    if config.getoption("--fauxscale-contract") in ("strict", "error", "warn"):
        raise pytest.UsageError(
            f"--fauxscale-contract={config.getoption('--fauxscale-contract')} cannot be combined with --fauxscale-url: "
            "calls are checked against the contract only if the run itself starts the server"
        )


def _check_given(name: str, option: Option, value: Value | None) -> None:
    if value is None:
        return
    if option.choices and value not in option.choices:
        raise pytest.UsageError(f"{name} must be one of {', '.join(option.choices)}, not {value!r}")
    if option.kind is not str and not 0 <= float(value) < inf:
        raise pytest.UsageError(f"{name} must be {_ACCEPTS[option.kind]} of 0 or more, not {value!r}")


def unheld(config: pytest.Config) -> str:
    """Say why the calls of this run are checked against no contract; "" if they are, or are not meant to be."""
    if not config.getoption("--fauxscale-url") or _chosen(config, "contract", declared.CONTRACT) == "off":
        return ""
    return "calls to the server of --fauxscale-url were not checked against the recorded contract"


def check_marker(item: pytest.Item) -> None:
    """Raise UsageError for invalid arguments of a marker."""
    for mark in item.iter_markers(MARKER):
        if mark.args:
            raise pytest.UsageError(
                f"{item.nodeid}: the marker fauxscale accepts named arguments only: fauxscale(balance=1)"
            )
        if unknown := sorted(set(mark.kwargs) - set(declared.MARKED)):
            from fauxscale.spelling import choose_from  # here, so that unused it loads no server

            known = choose_from(unknown[0], declared.MARKED)
            raise pytest.UsageError(f"{item.nodeid}: the marker fauxscale has no {unknown[0]!r}{known}")
        for name, value in mark.kwargs.items():
            if name in TERMS:
                _check_term(item, name, value)
        _check_contract(item, mark.kwargs.get("contract", {}))
        explore_options.check_marked(item, mark.kwargs.get("explore", True))


def _check_term(item: pytest.Item, name: str, value: object) -> None:
    option = TERMS[name]
    fits = isinstance(value, (int, float) if option.kind is float else option.kind) and not isinstance(
        value, bool
    )
    if not fits or (option.choices and value not in option.choices):
        wanted = f"one of {', '.join(option.choices)}" if option.choices else _ACCEPTS[option.kind]
        raise pytest.UsageError(f"{item.nodeid}: {name} must be {wanted}, not {value!r}")
    _check_given(f"{item.nodeid}: {name}", option, cast("Value", value))
    _check_terms(f"{item.nodeid}: {name}", name, cast("Value", value))


def _check_contract(item: pytest.Item, value: object) -> None:
    if isinstance(value, dict):
        said = cast("dict[object, object]", value)
        if all(isinstance(one, str) and one for pair in said.items() for one in pair):
            return
    elif value in (declared.CONTRACT.choices or ()):
        return
    raise pytest.UsageError(
        f"{item.nodeid}: contract must be strict, error, warn or off, or allowances with reasons: "
        'fauxscale(contract={"/body/image_request/style": "in beta for us"})'
    )


def contract(item: pytest.Item) -> tuple[Strictness, dict[str, str]]:
    """Return how strict a test is about contracts, and what it allows: patterns of pointers with their reasons."""
    marked: Strictness | None = None
    allowed: dict[str, str] = {}
    for mark in item.iter_markers(MARKER):  # the closest marker comes first
        value = mark.kwargs.get("contract")
        if isinstance(value, dict):
            allowed = {**cast("dict[str, str]", value), **allowed}
        elif value is not None and marked is None:
            marked = cast("Strictness", value)
    return cast("Strictness", _chosen(item.config, "contract", declared.CONTRACT, marked)), allowed


def terms_for(item: pytest.Item) -> dict[str, Value]:
    """Return the terms in force for one test; those not set and without a default are left out."""
    marked: dict[str, Value] = {}
    for mark in item.iter_markers(MARKER):  # the closest marker comes first
        said = {name: value for name, value in mark.kwargs.items() if name in TERMS}
        marked = {**said, **marked}
    chosen: dict[str, Value] = {}
    for name, option in TERMS.items():
        value = _chosen(item.config, name, option, marked.get(name))
        if value is not None:
            chosen[name] = value
    return chosen


def api_version_options(providers: Iterable[Provider], api_version: object) -> dict[str, Scalar]:
    """Turn an API version into options of every provider that has it. ValueError if none has."""
    if api_version is None:
        return {}
    known = {
        one.name: option.choices
        for one in providers
        for option in one.options
        if option.name == "api_version"
    }
    chosen: dict[str, Scalar] = {
        f"{name}.api_version": str(api_version) for name, dates in known.items() if api_version in dates
    }
    if not chosen:
        from fauxscale.spelling import choose_from  # as above

        dates = sorted({str(date) for choices in known.values() for date in choices})
        raise ValueError(
            f"no provider has the API version {api_version!r}{choose_from(str(api_version), dates)}"
        )
    return chosen


def network(config: pytest.Config) -> Network:
    return cast("Network", _chosen(config, "network", declared.NETWORK))


def reachable(config: pytest.Config) -> list[str]:
    return [str(host) for host in config.getini("fauxscale_reachable")]


def budget(config: pytest.Config) -> float | None:
    if config.getoption("--fauxscale-explore") or config.getoption("--fauxscale-explore-plan"):
        return None  # cached for the many tests of a run
    chosen = _chosen(config, "budget", declared.BUDGET)
    return None if chosen is None else float(chosen)


def coverage_fail_under(config: pytest.Config) -> float | None:
    chosen = _chosen(config, "coverage_fail_under", declared.FAIL_UNDER)
    return None if chosen is None else float(chosen)


def _chosen(config: pytest.Config, name: str, option: Option, marked: Value | None = None) -> Value | None:
    given: Value | None = config.getoption(f"--fauxscale-{name.replace('_', '-')}")
    written = _written(config, name)
    return next((value for value in (given, marked, written) if value is not None), option.default)
