"""The types of the npm package say what the control API's description says, and its client reaches every route."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from fauxscale._version import __version__
from fauxscale.state.journal import Entry
from tests.js_package.api_types import DESCRIPTION, ROOT, TYPES, types

PACKAGE = ROOT / "clients" / "js"
CLIENT = (PACKAGE / "index.js").read_text("utf-8")


def described() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(DESCRIPTION.read_text("utf-8"))
    return loaded


def test_the_types_are_those_of_the_description() -> None:
    assert TYPES.read_text("utf-8") == types(described()), "make types"


def test_a_member_of_a_fault_that_the_types_lack_is_noticed() -> None:
    changed = described()
    changed["components"]["schemas"]["Fail"]["properties"]["colour"] = {"type": "string"}
    assert "  colour?: string;" in types(changed)
    assert types(changed) != TYPES.read_text("utf-8")


def test_a_schema_that_the_types_cannot_say_is_an_error() -> None:
    changed = described()
    changed["components"]["schemas"]["Fail"]["properties"]["colour"] = {"anyOf": []}
    with pytest.raises(ValueError, match="no type for"):
        types(changed)


def test_the_client_reaches_every_route_and_no_other() -> None:
    routes = {f"{method.upper()} {path}" for path, item in described()["paths"].items() for method in item}
    assert set(re.findall(r'control\("([A-Z]+ [^"]+)"', CLIENT)) == routes


def test_the_journal_is_described_whole() -> None:
    members = set(Entry.__struct_fields__) - {"secret", "raw"}
    assert set(described()["components"]["schemas"]["Call"]["properties"]) == members


def test_the_package_has_the_version_and_the_licence_of_the_project_and_needs_no_other() -> None:
    about = json.loads((PACKAGE / "package.json").read_text("utf-8"))
    assert (about["version"], about["license"]) == (__version__, "MIT")
    assert (PACKAGE / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()
    assert not about.keys() & {"dependencies", "devDependencies"}
    assert set(about["peerDependencies"]) == {
        name for name, meta in about["peerDependenciesMeta"].items() if meta["optional"]
    }
