"""The house keeps its shape: imports go downwards, packages keep their distance, modules stay short."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

from tests.imports import Import, cycle, modules_of, read, read_all

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = {
    "fauxscale": ROOT / "mockserver" / "fauxscale",
    "fauxscale_contracts": ROOT / "contracts" / "fauxscale_contracts",
    "pytest_fauxscale": ROOT / "plugin" / "pytest_fauxscale",
}

# The floors of fauxscale, from the roof down. A module imports from lower floors and from its own; imports in
# functions and for types count too. A sub-package stands on one floor as a whole.
FLOORS = (
    ("commands", "__main__ cli doctor"),
    ("public names", "fauxscale"),
    ("ways to run", "server interception stacks"),
    ("the pipeline", "app control inspector pipeline replay routing takes"),
    ("services", "providers"),
    ("what services share", "banner deferred downloads options sources spoils upscale waits"),
    ("the seam", "provider"),
    ("one key's state", "account accounts"),
    ("the remote control", "client"),
    (
        "rooms",
        "faults fetch files forms jobs journal ledger limits links multipart parameters preamble renditions "
        "replies signing uploads verdicts webhooks",
    ),
    ("ground", "images jsontext provenance store stores"),
    (
        "stones",
        "bridge clock errors forward guard listener observing recording redact rows settings tls wire",
    ),
    ("version", "_version"),
)

# Modules of a floor whose modules do not know each other, and what they may share.
STRANGERS = {"providers": {"_openai"}}

# Leaves know nothing of the house but these.
LEAVES = {
    "clock": set[str](),
    "errors": set[str](),
    "images": {"errors"},
    "redact": set[str](),
    "store": {"clock", "errors"},
    "client": {"errors", "faults", "settings"},
}

# What contracts may know of the mock: one that judges itself by its own schemas agrees with its own mistakes.
CONTRACTS_MAY_IMPORT = {"fauxscale.redact", "fauxscale.recordings.har"}
# These start a mock server, because that is their job; so may what they are split into (drift_report, say).
CONTRACTS_THAT_START_A_SERVER = ("conform", "drift")
STARTED = {"fauxscale", "fauxscale.client", "fauxscale.server"}

# Why a module may be longer than 300 lines. An entry that is no longer needed fails too.
LONG: Mapping[str, str] = {}

MODULES = {name: modules_of(folder) for name, folder in PACKAGES.items()}
IMPORTS = read_all({module: file for modules in MODULES.values() for module, file in modules.items()})


def room(module: str) -> str:
    """`fauxscale.providers.fal` -> `providers`; `fauxscale` -> `fauxscale`."""
    return module.split(".")[1] if "." in module else module


def package(module: str) -> str:
    return module.partition(".")[0]


def floor(module: str) -> int:
    """How far below the roof a module of fauxscale stands."""
    for depth, (_, names) in enumerate(FLOORS):
        if room(module) in names.split():
            return depth
    raise LookupError(f"{module} stands on no floor: add it to FLOORS in {Path(__file__).name}")


def upward(imports: Iterable[Import]) -> list[str]:
    """Imports within fauxscale that climb."""
    return [
        f"{found}: up from '{FLOORS[floor(found.importer)][0]}' to '{FLOORS[floor(found.target)][0]}'"
        for found in imports
        if package(found.importer) == package(found.target) == "fauxscale"
        and floor(found.target) < floor(found.importer)
    ]


def between_strangers(imports: Iterable[Import]) -> list[str]:
    """Imports between two modules of a sub-package whose modules do not know each other."""
    return [
        str(found)
        for found in imports
        if package(found.importer) == "fauxscale"
        and found.importer != f"fauxscale.{room(found.importer)}"
        and room(found.importer) == room(found.target) in STRANGERS
        and found.target.split(".")[2] not in STRANGERS[room(found.target)] | {found.importer.split(".")[2]}
    ]


def beyond_a_leaf(imports: Iterable[Import]) -> list[str]:
    """Imports by a leaf of anything of the house that its row does not name."""
    return [
        str(found)
        for found in imports
        if package(found.importer) == package(found.target) == "fauxscale"
        and (allowed := LEAVES.get(room(found.importer))) is not None
        and room(found.target) not in allowed | {room(found.importer)}
    ]


def across(imports: Iterable[Import]) -> list[str]:
    """Imports from one of the three packages into another that keep no distance."""
    wrong: list[str] = []
    for found in imports:
        pair = package(found.importer), package(found.target)
        if pair[0] == pair[1] or pair[0] == "pytest_fauxscale" or pair[1] not in PACKAGES:
            continue
        starts = room(found.importer).startswith(CONTRACTS_THAT_START_A_SERVER)
        allowed = CONTRACTS_MAY_IMPORT | STARTED if starts else CONTRACTS_MAY_IMPORT
        if pair != ("fauxscale_contracts", "fauxscale") or found.target not in allowed:
            wrong.append(str(found))
    return wrong


def foreign(imports: Iterable[Import], importer: str, allowed: Iterable[str]) -> list[str]:
    """What a module loads with itself beside the standard library, the house and `allowed`."""
    known = {*sys.stdlib_module_names, *PACKAGES, *allowed}
    return [
        str(found)
        for found in imports
        if found.eager and found.importer == importer and package(found.target) not in known
    ]


def loaded_with(imports: Iterable[Import], start: str) -> list[Import]:
    """Every import that loading one module runs, its neighbours' in the same package included."""
    listed = [found for found in imports if found.eager]
    seen, ahead, run = {start}, [start], list[Import]()
    while ahead:
        module = ahead.pop()
        for found in (found for found in listed if found.importer == module):
            run.append(found)
            if package(found.target) == package(start) and found.target not in seen:
                seen.add(found.target)
                ahead.append(found.target)
    return run


def test_every_module_of_the_server_has_a_floor() -> None:
    for module in MODULES["fauxscale"]:
        floor(module)


def test_imports_go_downwards() -> None:
    assert upward(IMPORTS) == []


def test_providers_do_not_know_each_other() -> None:
    assert between_strangers(IMPORTS) == []


def test_leaves_know_nothing_of_the_house_above_them() -> None:
    assert beyond_a_leaf(IMPORTS) == []


def test_the_three_packages_keep_their_distance() -> None:
    assert across(IMPORTS) == []


def test_the_client_needs_httpx_alone() -> None:
    assert foreign(IMPORTS, "fauxscale.client", {"httpx"}) == []


def test_loading_the_plugin_loads_pytest_alone() -> None:
    allowed = {*sys.stdlib_module_names, "pytest", "_pytest", "pytest_fauxscale"}
    run = loaded_with(IMPORTS, "pytest_fauxscale.plugin")
    assert [str(found) for found in run if package(found.target) not in allowed] == []


def test_no_imports_go_round_in_a_circle() -> None:
    assert cycle(IMPORTS) is None


def test_a_module_past_three_hundred_lines_has_a_reason() -> None:
    long = {
        module: lines
        for modules in MODULES.values()
        for module, file in modules.items()
        if (lines := len(file.read_text("utf-8").splitlines())) > 300
    }
    assert {module: lines for module, lines in long.items() if module not in LONG} == {}, (
        "which idea is missing?"
    )
    assert set(LONG) - set(long) == set(), "no longer long: apply to it from LONG"


# The rules above pass on an empty house as well, so each is shown a house that breaks it.

KNOWN = {
    "fauxscale",
    "fauxscale.server",
    "fauxscale.state.accounts",
    "fauxscale.faults",
    "fauxscale.images",
} | {f"fauxscale.providers.{name}" for name in ("ideogram", "fal", "fal.errors", "_openai")}


def say(module: str, source: str) -> list[Import]:
    return read(module, source, KNOWN, is_package=module in PACKAGES)


@pytest.mark.parametrize(
    ("rule", "module", "source"),
    [
        (upward, "fauxscale.faults", "from .accounts import Account"),
        (upward, "fauxscale.faults", "def ask():\n    if True:\n        from fauxscale import accounts"),
        (upward, "fauxscale.dispatch.provider", "from . import MockServer"),
        (upward, "fauxscale.state.accounts", "try:\n    pass\nexcept OSError:\n    import fauxscale.server"),
        (between_strangers, "fauxscale.providers.fal", "from .ideogram import PRICE"),
        (beyond_a_leaf, "fauxscale.images", "from .clock import wall"),
        (beyond_a_leaf, "fauxscale.client", "from .accounts import Account"),
        (across, "fauxscale.app", "import fauxscale_contracts"),
        (across, "fauxscale.app", "def check():\n    from pytest_fauxscale.plugin import x"),
        (across, "fauxscale_contracts.contract.checks", "from fauxscale.faults import Fail"),
        (across, "fauxscale_contracts.contract.checks", "import fauxscale"),
        (across, "fauxscale_contracts.conform", "from fauxscale.state.accounts import Account"),
        (across, "fauxscale_contracts.drift.compare", "import pytest_fauxscale"),
    ],
)
def test_a_broken_rule_is_found(rule: object, module: str, source: str) -> None:
    assert callable(rule)
    assert rule(say(module, source)) != []


@pytest.mark.parametrize(
    ("rule", "module", "source"),
    [
        (upward, "fauxscale.server", "from . import accounts, faults"),
        (between_strangers, "fauxscale.providers.fal", "from . import _openai\nfrom ..provider import link"),
        (between_strangers, "fauxscale.providers", "from .providers.fal import FAL"),
        (between_strangers, "fauxscale.providers.fal.queue", "from .errors import words"),
        (beyond_a_leaf, "fauxscale.client", "from .faults import Fail\nimport httpx"),
        (across, "fauxscale_contracts.record.proxy", "from fauxscale.redact import redact"),
        (across, "fauxscale_contracts.conform", "from fauxscale import MockServer"),
        (across, "pytest_fauxscale.plugin", "import fauxscale, fauxscale_contracts"),
    ],
)
def test_a_kept_rule_is_left_alone(rule: object, module: str, source: str) -> None:
    assert callable(rule)
    assert rule(say(module, source)) == []


def test_a_module_without_a_floor_is_told_where_to_go() -> None:
    with pytest.raises(LookupError, match="attic stands on no floor: add it to FLOORS"):
        floor("fauxscale.attic")


def test_a_heavy_import_is_found_through_a_neighbour_of_the_plugin() -> None:
    imports = read("p.plugin", "import pytest\nfrom . import side", {"p.side"}, is_package=False)
    imports += read("p.side", "import httpx", {"p.side"}, is_package=False)
    assert [found.target for found in loaded_with(imports, "p.plugin")] == ["pytest", "p.side", "httpx"]
    assert foreign(imports, "p.side", {"pytest"}) == ["p.side:1 imports httpx"]


@pytest.mark.parametrize(
    ("back", "circle"),
    [
        ("from . import a", ["p.a", "p.b", "p.a"]),
        ("class B:\n    import p.a", ["p.a", "p.b", "p.a"]),
        ("def late():\n    from . import a", None),
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from . import a", None),
        (
            "import typing\nif typing.TYPE_CHECKING:\n    pass\nelse:\n    from . import a",
            ["p.a", "p.b", "p.a"],
        ),
    ],
)
def test_a_circle_counts_only_what_loading_runs(back: str, circle: list[str] | None) -> None:
    known = {"p.a", "p.b"}
    imports = read("p.a", "from .b import B", known, is_package=False) + read(
        "p.b", back, known, is_package=False
    )
    found = cycle(imports)
    assert (found is None) == (circle is None)
    assert set(found or ()) == set(circle or ())
