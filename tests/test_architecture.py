"""The storeys hold: imports go downwards, packages keep their distance, ARCHITECTURE.md names every module.

The storeys are read from ARCHITECTURE.md, so that what a newcomer reads there is what this test enforces.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Mapping
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from tests.imports import Import, circle, modules_of, read, read_all

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = {
    "fauxscale": ROOT / "mockserver" / "fauxscale",
    "fauxscale_contracts": ROOT / "contracts" / "fauxscale_contracts",
    "pytest_fauxscale": ROOT / "plugin" / "pytest_fauxscale",
}
MODULES = {module: file for folder in PACKAGES.values() for module, file in modules_of(folder).items()}
IMPORTS = read_all(MODULES)

# What a provider may import of fauxscale, beside its own folder and the dialect the gateways share.
PROVIDER_API = "fauxscale.provider_api"
DIALECT = "fauxscale.providers.openai_dialect"

# Leaves know nothing of the packages but leaves; `errors` is a word that everybody shares.
LEAVES = frozenset(
    [
        "errors",
        "clock",
        "credentials",
        "key_shapes",
        "redact",
        "settings",
        "spelling",
        "observer",
        "assertions",
        "hosts",
        "workers",
        "extras",
        "_version",
    ]
)

# What contracts may know of the mock: one that judges itself by its own schemas agrees with its own mistakes.
CONTRACTS_MAY_IMPORT = {
    "fauxscale.errors",
    "fauxscale.clock",
    "fauxscale.credentials",
    "fauxscale.hosts",
    "fauxscale.extras",
    "fauxscale.redact",
    "fauxscale.spelling",
    "fauxscale.recordings.har",
    "fauxscale.recordings.packed",
}
# These start a mock server, because that is their job.
CONTRACTS_THAT_START_A_SERVER = ("conform", "drift", "explore")
STAND_IN = "fauxscale_contracts.profiles.stand_in"
STARTED = {
    "fauxscale",
    "fauxscale.client",
    "fauxscale.interception.guard",
    "fauxscale.interception.intercept",
    "fauxscale.server",
}

# What each room may load that is neither ours nor Python's own; lazily too. "" is what every room may.
# What its classes of values are made with: any module may.
EVERYWHERE: Mapping[str, str] = {"fauxscale": "msgspec"}
LIBRARIES: Mapping[str, Mapping[str, frozenset[str]]] = {
    "fauxscale": {
        "": frozenset({"starlette"}),
        "assertions": frozenset({"PIL"}),
        "bodies": frozenset({"starlette"}),
        "cli": frozenset({"click"}),
        "client": frozenset({"httpx"}),
        "images": frozenset({"PIL", "isal"}),
        "interception": frozenset({"httpx", "respx", "httpcore", "anyio", "starlette"}),
        "operations": frozenset({"httpx", "starlette"}),
        "server": frozenset({"uvicorn", "starlette"}),
        "state": frozenset({"httpx", "cryptography", "redis"}),
        "transport": frozenset({"anyio", "h11", "httpx", "starlette", "trustme", "uvicorn", "cryptography"}),
    },
    "fauxscale_contracts": {
        "": frozenset({"click"}),
        "check": frozenset({"click", "schemathesis", "httpx"}),
        "conform": frozenset({"click", "httpx", "hypothesis", "msgspec", "PIL", "pytest"}),
        "contract": frozenset({"jsonschema_rs", "python_multipart"}),
        "observe": frozenset({"click", "httpx"}),
        "drift": frozenset({"click", "httpx", "PIL"}),
        "generate": frozenset({"hypothesis", "PIL"}),
        "profiles": frozenset({"httpx", "PIL"}),
        "record": frozenset({"click", "httpx", "starlette", "uvicorn"}),
    },
    "pytest_fauxscale": {
        "": frozenset({"pytest", "_pytest"}),
        "intercepted_calls": frozenset({"httpx"}),
        "remote": frozenset({"httpx"}),
        "report": frozenset({"pytest", "httpx"}),
        "samples": frozenset({"pytest", "PIL"}),
    },
}

# Why a module may be longer than 300 lines. An entry that is no longer needed fails too.
LONG: Mapping[str, str] = {}


def room(module: str) -> str:
    """`fauxscale.providers.fal` -> `providers`; `fauxscale` -> ``."""
    return module.split(".")[1] if "." in module else ""


def package(module: str) -> str:
    return module.partition(".")[0]


class Storeys:
    """The rooms of each package from the top down, as a page of Markdown lists them, and the modules it names.

    A row of its tables starts with a room in backticks (`state/`, `server`), or with a module of one (`state/jobs`).
    """

    def __init__(self, page: str) -> None:
        self.floors: dict[tuple[str, str], int] = {}
        self.modules: set[str] = set()
        for title, text in re.findall(r"^### `(\w+)`.*?\n(.*?)(?=^#|\Z)", page, re.MULTILINE | re.DOTALL):
            self._read(title, text)

    def _read(self, name: str, text: str) -> None:
        for depth, one in enumerate(re.findall(r"^\| `([\w/]+)` \|", text, re.MULTILINE)):
            if "/" not in one.rstrip("/"):
                self.floors[name, one.rstrip("/")] = depth
            if not one.endswith("/"):
                self.modules.add(".".join([name, *one.split("/")]))

    def floor(self, module: str) -> int:
        """How far from the top a module stands. The public names stand above everything."""
        if not room(module):
            return -1
        key = (package(module), room(module))
        if key not in self.floors:
            raise LookupError(f"{module} stands on no floor: add it to ARCHITECTURE.md")
        return self.floors[key]


STOREYS = Storeys((ROOT / "ARCHITECTURE.md").read_text("utf-8"))


def upward(imports: Iterable[Import]) -> list[str]:
    """Imports within a package that climb, or stay on the floor of another room. Lazy ones count too."""
    return [
        str(found)
        for found in imports
        if package(found.importer) == package(found.target)
        and room(found.importer) != room(found.target)
        and room(found.importer)
        and STOREYS.floor(found.target) <= STOREYS.floor(found.importer)
        and not {room(found.importer), room(found.target)} <= LEAVES
    ]


def beyond_the_provider_api(imports: Iterable[Import]) -> list[str]:
    """Imports by a provider of anything of ours but the one list made for it: other providers included."""
    wrong: list[str] = []
    for found in imports:
        where = found.importer.split(".")
        if where[:2] != ["fauxscale", "providers"] or len(where) < 3 or where[2] == "installed":
            continue
        own = ".".join(where[:3])
        allowed = found.target in (PROVIDER_API, DIALECT) or f"{found.target}.".startswith(f"{own}.")
        if package(found.target) in PACKAGES and not allowed:
            wrong.append(str(found))
    return wrong


def beyond_a_leaf(imports: Iterable[Import]) -> list[str]:
    """Imports by a leaf of anything of ours but leaves."""
    return [
        str(found)
        for found in imports
        if package(found.importer) == "fauxscale"
        and room(found.importer) in LEAVES
        and package(found.target) in PACKAGES
        and room(found.target) not in LEAVES
    ]


def across(imports: Iterable[Import]) -> list[str]:
    """Imports from one of the three packages into another that keep no distance."""
    wrong: list[str] = []
    for found in imports:
        pair = package(found.importer), package(found.target)
        if pair[0] == pair[1] or pair[0] == "pytest_fauxscale" or pair[1] not in PACKAGES:
            continue
        starts = room(found.importer) in CONTRACTS_THAT_START_A_SERVER or found.importer == STAND_IN
        allowed = CONTRACTS_MAY_IMPORT | STARTED if starts else CONTRACTS_MAY_IMPORT
        if pair != ("fauxscale_contracts", "fauxscale") or found.target not in allowed:
            wrong.append(str(found))
    return wrong


def foreign(imports: Iterable[Import]) -> list[str]:
    """Imports of libraries that the importing room has no business with."""
    wrong: list[str] = []
    for found in imports:
        known = LIBRARIES.get(package(found.importer), {})
        allowed = known.get(room(found.importer), known.get("", frozenset[str]()))
        target = package(found.target)
        everywhere = EVERYWHERE.get(package(found.importer))
        if target not in {*sys.stdlib_module_names, *PACKAGES, everywhere} and target not in allowed:
            wrong.append(str(found))
    return wrong


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


def floors(arrows: Iterable[tuple[object, object]]) -> int:
    """How many rooms the longest way down leads through."""
    below: dict[object, set[object]] = {}
    for one, other in arrows:
        below.setdefault(one, set()).add(other)
    heights: dict[object, int] = {}
    for one in TopologicalSorter(below).static_order():
        heights[one] = 1 + max((heights[other] for other in below.get(one, ())), default=0)
    return max(heights.values())


def figures() -> dict[str, int]:
    """Rooms, floors, arrows between rooms, circles: what `python -m tests.test_architecture` prints."""
    arrows = {
        (package(one.importer), room(one.importer), package(one.target), room(one.target))
        for one in IMPORTS
        if package(one.target) in PACKAGES
        and (package(one.importer), room(one.importer)) != (package(one.target), room(one.target))
    }
    lengths = {module: len(file.read_text("utf-8").splitlines()) for module, file in MODULES.items()}
    return {
        "rooms": len({(package(module), room(module)) for module in MODULES}),
        "floors": floors({(one[:2], one[2:]) for one in arrows}),
        "arrows": len(arrows),
        "circles": int(circle(IMPORTS) is not None),
        "modules": len(MODULES),
        "largest module": max(lengths.values()),
        "modules over 250 lines": sum(lines > 250 for lines in lengths.values()),
        "lines": sum(lengths.values()),
    }


def test_architecture_md_names_every_module_and_no_other() -> None:
    shown = {module for module, file in MODULES.items() if file.name != "__init__.py"}
    assert shown - STOREYS.modules == set(), "add a line to ARCHITECTURE.md"
    assert {module for module in STOREYS.modules if module not in MODULES} == set(), "no such module"


def test_imports_go_downwards() -> None:
    assert upward(IMPORTS) == []


def test_providers_know_the_provider_api_alone() -> None:
    assert beyond_the_provider_api(IMPORTS) == []


def test_leaves_know_nothing_of_the_rooms_above_them() -> None:
    assert beyond_a_leaf(IMPORTS) == []


def test_the_three_packages_keep_their_distance() -> None:
    assert across(IMPORTS) == []


def test_every_room_loads_its_own_libraries_alone() -> None:
    assert foreign(IMPORTS) == []


def test_loading_the_plugin_loads_pytest_and_what_it_declares_alone() -> None:
    run = loaded_with(IMPORTS, "pytest_fauxscale.plugin")
    ours = {found.target for found in run if package(found.target) in PACKAGES}
    assert ours == {"pytest_fauxscale.declared"}
    allowed = {*sys.stdlib_module_names, "pytest", "_pytest", *PACKAGES}
    assert [str(found) for found in run if package(found.target) not in allowed] == []


def test_a_server_starts_without_pillow_and_without_what_only_calls_need() -> None:
    loaded = {
        found.target
        for start in ("fauxscale.server", "fauxscale.providers")
        for found in loaded_with(IMPORTS, start)
    }
    assert "fauxscale.providers.ideogram" in loaded
    assert [target for target in loaded if package(target) == "PIL"] == []
    assert "fauxscale.providers.ideogram.operations" in MODULES
    later = {"fauxscale.providers.ideogram.operations", "importlib.metadata", "fauxscale.recordings.har"}
    assert loaded.isdisjoint({*later, "fauxscale.state.redis", "redis"})


def test_an_upscale_loads_nothing_of_other_operations() -> None:
    ideogram = "fauxscale.providers.ideogram"
    loaded = {found.target for found in loaded_with(IMPORTS, f"{ideogram}.upscale")}
    others = {f"{ideogram}.{one}" for one in ("legacy", "v3", "recipes", "describe", "edit", "models")}
    assert others <= set(MODULES)
    assert loaded.isdisjoint(others)


def test_no_imports_go_round_in_a_circle() -> None:
    assert circle(IMPORTS) is None


def test_a_module_past_three_hundred_lines_has_a_reason() -> None:
    long = {
        module: lines
        for module, file in MODULES.items()
        if (lines := len(file.read_text("utf-8").splitlines())) > 300
    }
    assert {module: lines for module, lines in long.items() if module not in LONG} == {}, (
        "which idea is missing?"
    )
    assert set(LONG) - set(long) == set(), "no longer long: take it out of LONG"


# The rules above pass on an empty house as well, so each is shown a house that breaks it.

Rule = Callable[[Iterable[Import]], list[str]]
KNOWN = frozenset(MODULES)


def say(module: str, source: str) -> list[Import]:
    return read(module, source, KNOWN, is_package=module in PACKAGES)


@pytest.mark.parametrize(
    ("rule", "module", "source"),
    [
        (upward, "fauxscale.faults.fault", "from fauxscale.state.accounts import Accounts"),
        (
            upward,
            "fauxscale.faults.fault",
            "def ask():\n    if True:\n        from fauxscale.state import accounts",
        ),
        (upward, "fauxscale.state.account", "try:\n    pass\nexcept OSError:\n    import fauxscale.server"),
        (
            upward,
            "fauxscale.dispatch.provider",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from fauxscale import MockServer",
        ),
        (upward, "fauxscale_contracts.contract.schemas", "from fauxscale_contracts.conform.run import play"),
        (
            beyond_the_provider_api,
            "fauxscale.providers.fal.queue",
            "from fauxscale.providers.ideogram import PROVIDER",
        ),
        (beyond_the_provider_api, "fauxscale.providers.fal.queue", "from fauxscale.state.jobs import Job"),
        (
            beyond_the_provider_api,
            "fauxscale.providers.ideogram",
            "def late():\n    from fauxscale import clock",
        ),
        (beyond_a_leaf, "fauxscale.clock", "from fauxscale.images.recipe import Recipe"),
        (across, "fauxscale.app", "import fauxscale_contracts"),
        (across, "fauxscale.app", "def check():\n    from pytest_fauxscale.plugin import x"),
        (across, "fauxscale_contracts.contract.checks", "from fauxscale.faults import Fail"),
        (across, "fauxscale_contracts.contract.checks", "import fauxscale"),
        (across, "fauxscale_contracts.conform.run", "from fauxscale.state.accounts import Account"),
        (across, "fauxscale_contracts.drift.run", "import pytest_fauxscale"),
        (foreign, "fauxscale.client.calls", "import requests"),
        (foreign, "fauxscale.client.calls", "def late():\n    import starlette"),
        (foreign, "fauxscale.state.jobs", "import starlette.requests"),
        (foreign, "pytest_fauxscale.options", "import httpx"),
    ],
)
def test_a_broken_rule_is_found(rule: Rule, module: str, source: str) -> None:
    assert rule(say(module, source)) != []


@pytest.mark.parametrize(
    ("rule", "module", "source"),
    [
        (upward, "fauxscale.server", "from fauxscale import state, faults"),
        (
            upward,
            "fauxscale.state.account",
            "from .journal import Journal\nfrom fauxscale.errors import ApiError",
        ),
        (upward, "fauxscale", "from .server import MockServer"),
        (
            beyond_the_provider_api,
            "fauxscale.providers.fal.queue",
            "from .errors import wire_error\nfrom fauxscale.provider_api import Call",
        ),
        (
            beyond_the_provider_api,
            "fauxscale.providers.lumenfall",
            "from fauxscale.providers.openai_dialect import MODEL",
        ),
        (beyond_a_leaf, "fauxscale.settings", "from fauxscale.errors import ApiError"),
        (across, "fauxscale_contracts.record.proxy", "from fauxscale.redact import redact"),
        (across, "fauxscale_contracts.conform.run", "from fauxscale import MockServer"),
        (across, "pytest_fauxscale.plugin", "import fauxscale, fauxscale_contracts"),
        (foreign, "fauxscale.client.calls", "import httpx\nfrom json import loads"),
    ],
)
def test_a_kept_rule_is_left_alone(rule: Rule, module: str, source: str) -> None:
    assert rule(say(module, source)) == []


def test_a_module_without_a_floor_is_told_where_to_go() -> None:
    with pytest.raises(LookupError, match=r"attic stands on no floor: add it to ARCHITECTURE\.md"):
        STOREYS.floor("fauxscale.attic")


def test_a_heavy_import_is_found_through_a_neighbour_of_the_plugin() -> None:
    imports = read("p.plugin", "import pytest\nfrom . import side", {"p.side"}, is_package=False)
    imports += read("p.side", "import httpx", {"p.side"}, is_package=False)
    assert [found.target for found in loaded_with(imports, "p.plugin")] == ["pytest", "p.side", "httpx"]


@pytest.mark.parametrize(
    "back",
    [
        "from . import a",
        "class B:\n    import p.a",
        "def late():\n    from . import a",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from . import a",
    ],
)
def test_a_circle_counts_lazy_imports_and_those_for_types(back: str) -> None:
    known = {"p.a", "p.b"}
    imports = read("p.a", "from .b import B", known, is_package=False)
    assert circle(imports) is None
    imports += read("p.b", back, known, is_package=False)
    assert set(circle(imports) or ()) == known


if __name__ == "__main__":
    print("\n".join(f"{name}: {number:,}" for name, number in figures().items()))
