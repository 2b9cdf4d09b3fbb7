"""The names of the package: one list, and no class of a package named like another."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path
from types import ModuleType

import pytest

import fauxscale
import fauxscale_contracts
import pytest_fauxscale
from fauxscale import faults
from fauxscale.faults import KINDS

ROOT = Path(__file__).resolve().parents[2]
MOST = 60


def test_every_public_name_is_there_and_listed_once(capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        print(f"\n{len(fauxscale.__all__)} public names")  # the figure is wanted in every run
    assert len(fauxscale.__all__) <= MOST
    assert fauxscale.__all__ == sorted(set(fauxscale.__all__))
    assert dir(fauxscale) == fauxscale.__all__
    assert [name for name in fauxscale.__all__ if getattr(fauxscale, name) is None] == []
    assert {kind.__name__ for kind in KINDS} <= set(fauxscale.__all__)


@pytest.mark.parametrize(
    "package", [faults, fauxscale_contracts, pytest_fauxscale], ids=lambda one: one.__name__
)
def test_a_package_lists_the_names_that_an_editor_completes(package: ModuleType) -> None:
    assert dir(package) == sorted(package.__all__)
    assert [name for name in package.__all__ if getattr(package, name) is None] == []


def test_a_misspelt_name_is_told_what_was_meant() -> None:
    for package, name, meant in [
        (fauxscale, "Fial", "Fail"),
        (fauxscale_contracts, "ClientConformence", "ClientConformance"),
        (pytest_fauxscale, "UnusedFalt", "UnusedFault"),
    ]:
        with pytest.raises(AttributeError, match=f"no attribute '{name}', did you mean '{meant}'"):
            getattr(package, name)


def test_an_import_of_a_misspelt_name_is_told_what_was_meant() -> None:
    for package, name, meant in [
        (fauxscale, "LostReply", "LoseReply"),
        (fauxscale_contracts, "laod", "load"),
        (pytest_fauxscale, "UnusedFalt", "UnusedFault"),
    ]:
        told = f"cannot import '{name}' from '{package.__name__}', did you mean '{meant}'"
        with pytest.raises(ImportError, match=told):
            exec(f"from {package.__name__} import {name}")
        assert not hasattr(package, name)


def test_type_checkers_are_told_the_same_names() -> None:
    source = ast.parse(Path(fauxscale.__file__).read_text(encoding="utf-8"))
    imported = {
        alias.asname
        for node in ast.walk(source)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.asname
    }
    assert imported == set(fauxscale.__all__)


def test_what_a_module_happens_to_hold_is_no_public_name() -> None:
    assert hasattr(faults, "Rule")
    for name in ("Rule", "nothing", "_private"):
        with pytest.raises(AttributeError, match=f"no attribute '{name}'"):
            getattr(fauxscale, name)


@pytest.mark.parametrize("package", ["mockserver/fauxscale", "plugin/pytest_fauxscale"])
def test_no_two_public_classes_of_a_package_share_a_name(package: str) -> None:
    where: defaultdict[str, list[str]] = defaultdict(list)
    for file in sorted((ROOT / package).rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                where[node.name].append(str(file.relative_to(ROOT / package)))
    assert where, "the classes are found"
    assert {name: files for name, files in where.items() if len(files) > 1} == {}
