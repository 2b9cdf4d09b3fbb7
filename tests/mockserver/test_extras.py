"""Where a library is missing, one line names the extra that brings it."""

from __future__ import annotations

import sys
import tomllib
from importlib import import_module
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from fauxscale.extras import EXTRAS, MissingExtra, needed_by

PYPROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8"))


def test_the_library_and_the_extra_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "trustme", None)
    with pytest.raises(MissingExtra) as missing, needed_by("TLS"):
        import_module("trustme")
    assert str(missing.value) == "TLS needs trustme: pip install 'fauxscale[tls]'"
    assert missing.value.name == "trustme"


def test_a_larger_extra_may_be_named() -> None:
    with pytest.raises(MissingExtra, match="'fauxscale\\[contracts\\]'"), needed_by("a command", "contracts"):
        raise ModuleNotFoundError(name="jsonschema_rs.sub")


def test_what_no_extra_brings_is_told_as_it_is() -> None:
    with pytest.raises(ModuleNotFoundError) as told, needed_by("a command"):
        raise ModuleNotFoundError(name="fauxscale.nothing")
    assert not isinstance(told.value, MissingExtra)


def test_every_library_of_an_extra_is_known_by_it() -> None:
    extras = PYPROJECT["project"]["optional-dependencies"]
    declared = {
        (Requirement(line).name.replace("-", "_"), extra)
        for extra, lines in extras.items()
        for line in lines
        if not line.startswith("fauxscale")
    }
    assert set(EXTRAS.items()) == declared
