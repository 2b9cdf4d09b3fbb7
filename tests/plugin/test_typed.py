"""What the plugin offers has types: typed.py, which `make check` reads like every test, does as they say."""

from __future__ import annotations

from pathlib import Path

import pytest

import pytest_fauxscale
from pytest_fauxscale.item_checks import UnusedFault
from tests.plugin.runs import Runs

pytest_plugins = ["pytester"]
TYPED = Path(__file__).with_name("typed.py")


def test_typed_tests_do_what_their_types_say(run: Runs) -> None:
    run.pytester.makepyfile(test_typed=TYPED.read_text(encoding="utf-8"))
    run.again().assert_outcomes(passed=2)


def test_names_of_the_plugin_come_when_they_are_asked_for() -> None:
    assert pytest_fauxscale.UnusedFault is UnusedFault
    with pytest.raises(AttributeError, match="no attribute 'Acount'"):
        pytest_fauxscale.Acount  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]  # the mistake that checkers must find
