"""What a run can be told, and who wins: the command line over the marker over the ini file over the default."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf
from typing import Literal, NamedTuple, cast, get_args

import pytest

Value = float | int | str
Network = Literal["block", "allow"]
MARKER = "fauxscale"


class Word(NamedTuple):
    """One word of the marker, the option `--fauxscale-<word>` and the ini value `fauxscale_<word>`."""

    # No dataclass: making one costs every run of pytest a millisecond.

    kind: type[float] | type[int] | type[str]
    help: str
    default: Value | None = None
    choices: tuple[str, ...] | None = None


WORDS: Mapping[str, Word] = {
    "balance": Word(float, "dollars in the wallet of each test's account", 10.0),
    "rate_limit": Word(int, "calls a minute before 429"),
    "in_flight": Word(int, "calls at once before 429"),
    "link_ttl": Word(float, "seconds a link to a result lives"),
    "latency": Word(float, "seconds every API call waits before it is answered"),
    "time": Word(
        str, "real, or virtual: the waits clients are asked for pass at once", choices=("real", "virtual")
    ),
    "api_version": Word(str, "the date of the contract the providers follow, 2026-10 for instance"),
}
_TAKES = {float: "a number", int: "a whole number", str: "a text"}
_TYPED = {float: "NUMBER", int: "COUNT", str: "DATE"}
# Words of a run, not of a test.
NETWORK = Word(
    str, "whether tests may reach other hosts than this one: block or allow", "block", get_args(Network)
)
Strictness = Literal["error", "warn", "off"]
CONTRACT = Word(
    str,
    "what a call outside the recorded contract does to its test: error, warn or off",
    "error",
    get_args(Strictness),
)
BUDGET = Word(float, "dollars the run may come to before it fails")
EVERY: Mapping[str, Word] = {**WORDS, "network": NETWORK, "budget": BUDGET, "contract": CONTRACT}
MARKED = (*WORDS, "contract")


def declare(parser: pytest.Parser) -> None:
    """Options and ini values."""
    group = parser.getgroup("fauxscale", "fauxscale, a stand-in for image-upscaling APIs")
    for name, word in EVERY.items():
        given = "" if word.default is None else f" (default: {word.default})"
        group.addoption(
            f"--fauxscale-{name.replace('_', '-')}",
            type=word.kind,
            default=None,
            choices=word.choices,
            metavar=None if word.choices else _TYPED[word.kind],
            help=f"{word.help}{given}",
        )
        kind: Literal["float", "int", "string"] = (
            "float" if word.kind is float else "int" if word.kind is int else "string"
        )
        parser.addini(f"fauxscale_{name}", word.help, type=kind, default=None)
    parser.addini(
        "fauxscale_reachable",
        "hosts tests may reach although the network is blocked",
        type="args",
        default=[],
    )
    group.addoption(
        "--fauxscale-url",
        default=None,
        metavar="URL",
        help="use the fauxscale running there instead of an own one",
    )
    group.addoption(
        "--fauxscale-token", default=None, metavar="TOKEN", help="the control token of that server"
    )


def check(config: pytest.Config) -> None:
    """Raise UsageError for what no option and no ini value can be, before any test is run."""
    for name, word in EVERY.items():
        _check_given(f"--fauxscale-{name.replace('_', '-')}", word, config.getoption(f"fauxscale_{name}"))
        try:
            written: Value | None = config.getini(f"fauxscale_{name}")
        except (TypeError, ValueError, pytest.UsageError) as error:  # which of them hangs on the version
            raise pytest.UsageError(f"fauxscale_{name} is {_TAKES[word.kind]}: {error}") from None
        _check_given(f"fauxscale_{name}", word, written)
        chosen = _chosen(config, name, word)
        if name in WORDS and chosen is not None and chosen != word.default:
            _check_terms(f"fauxscale_{name}", name, chosen)
    if url := config.getoption("--fauxscale-url"):
        _check_url(config, str(url))


def _check_terms(shown: str, name: str, value: Value) -> None:
    """What no account can be given is refused before any test asks for one."""
    from fauxscale.providers import PROVIDERS
    from fauxscale.settings import Terms

    from .fixtures import api_version_options

    try:
        if name == "api_version":
            api_version_options(PROVIDERS, value)
        else:
            Terms.from_mapping({name: value})
    except ValueError as error:
        raise pytest.UsageError(f"{shown}: {error}") from None


def _check_url(config: pytest.Config, url: str) -> None:
    if not url.startswith(("http://", "https://")):
        raise pytest.UsageError(f"--fauxscale-url is an address such as http://mock.test:2160, not {url!r}")
    if config.getoption("--fauxscale-contract") in ("error", "warn"):
        raise pytest.UsageError(
            f"--fauxscale-contract={config.getoption('--fauxscale-contract')} cannot be kept with --fauxscale-url: "
            "only calls of a server of the run's own are held against the contract"
        )


def _check_given(name: str, word: Word, value: Value | None) -> None:
    if value is None:
        return
    if word.choices and value not in word.choices:
        raise pytest.UsageError(f"{name} is one of {', '.join(word.choices)}, not {value!r}")
    if word.kind is not str and not 0 <= float(value) < inf:
        raise pytest.UsageError(f"{name} is {_TAKES[word.kind]} of 0 or more, not {value!r}")


def unheld(config: pytest.Config) -> str:
    """Why the calls of this run are held against no contract, "" if they are or are not meant to be."""
    if not config.getoption("--fauxscale-url") or _chosen(config, "contract", CONTRACT) == "off":
        return ""
    return "calls to the server of --fauxscale-url were not held against the recorded contract"


def check_marker(item: pytest.Item) -> None:
    """Raise UsageError for what no marker can say."""
    for mark in item.iter_markers(MARKER):
        if mark.args:
            raise pytest.UsageError(
                f"{item.nodeid}: the marker fauxscale takes words only: fauxscale(balance=1)"
            )
        if unknown := sorted(set(mark.kwargs) - set(MARKED)):
            known = ", ".join(MARKED)
            raise pytest.UsageError(
                f"{item.nodeid}: the marker fauxscale has no {unknown[0]!r}: choose from {known}"
            )
        for name, value in mark.kwargs.items():
            if name in WORDS:
                _check_word(item, name, value)
        _check_contract(item, mark.kwargs.get("contract", {}))


def _check_word(item: pytest.Item, name: str, value: object) -> None:
    word = WORDS[name]
    fits = isinstance(value, (int, float) if word.kind is float else word.kind) and not isinstance(
        value, bool
    )
    if not fits or (word.choices and value not in word.choices):
        wanted = f"one of {', '.join(word.choices)}" if word.choices else _TAKES[word.kind]
        raise pytest.UsageError(f"{item.nodeid}: {name} is {wanted}, not {value!r}")
    _check_given(f"{item.nodeid}: {name}", word, cast("Value", value))
    _check_terms(f"{item.nodeid}: {name}", name, cast("Value", value))


def _check_contract(item: pytest.Item, value: object) -> None:
    if isinstance(value, dict):
        said = cast("dict[object, object]", value)
        if all(isinstance(one, str) and one for pair in said.items() for one in pair):
            return
    elif value in get_args(Strictness):
        return
    raise pytest.UsageError(
        f"{item.nodeid}: contract is error, warn or off, or allowances with their reasons: "
        'fauxscale(contract={"/body/image_request/style": "in beta for us"})'
    )


def contract(item: pytest.Item) -> tuple[Strictness, dict[str, str]]:
    """How strict this test is, and what it allows itself: patterns of pointers with the reasons for them."""
    marked: Strictness | None = None
    allowed: dict[str, str] = {}
    for mark in item.iter_markers(MARKER):  # the closest comes first
        value = mark.kwargs.get("contract")
        if isinstance(value, dict):
            allowed = {**cast("dict[str, str]", value), **allowed}
        elif value is not None and marked is None:
            marked = cast("Strictness", value)
    return cast("Strictness", _chosen(item.config, "contract", CONTRACT, marked)), allowed


def words_for(item: pytest.Item) -> dict[str, Value]:
    """The words in force for one test; what nobody said and has no default is left out."""
    marked: dict[str, Value] = {}
    for mark in item.iter_markers(MARKER):  # the closest comes first
        said = {name: value for name, value in mark.kwargs.items() if name in WORDS}
        marked = {**said, **marked}
    chosen: dict[str, Value] = {}
    for name, word in WORDS.items():
        value = _chosen(item.config, name, word, marked.get(name))
        if value is not None:
            chosen[name] = value
    return chosen


def network(config: pytest.Config) -> Network:
    return cast("Network", _chosen(config, "network", NETWORK))


def reachable(config: pytest.Config) -> list[str]:
    return [str(host) for host in config.getini("fauxscale_reachable")]


def budget(config: pytest.Config) -> float | None:
    chosen = _chosen(config, "budget", BUDGET)
    return None if chosen is None else float(chosen)


def _chosen(config: pytest.Config, name: str, word: Word, marked: Value | None = None) -> Value | None:
    given: Value | None = config.getoption(f"--fauxscale-{name.replace('_', '-')}")
    written: Value | None = config.getini(f"fauxscale_{name}")
    return next((value for value in (given, marked, written) if value is not None), word.default)
