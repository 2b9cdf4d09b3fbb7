"""What every test may rely on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from tests import tools
from tests.stages import MODES, Mode, Stage, open_stage

FIXTURES = Path(__file__).parent.parent / "fixtures"


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Tests that start a program from outside Python run only where it is installed: see tests/tools.py."""
    tools.enforce(item)


@pytest.fixture(scope="session", params=MODES)
def mode(request: pytest.FixtureRequest) -> Mode:
    """Every way the app can run. A test that asks for it, or for `stage`, runs once in each."""
    return cast("Mode", request.param)


@pytest.fixture(scope="session")
def stage(mode: Mode) -> Iterator[Stage]:
    """The server all tests of a mode share; each takes accounts of its own."""
    yield from open_stage(mode)


@pytest.fixture(scope="session")
def photo() -> bytes:
    """A real photo: 512 x 512, RGB, PNG."""
    return (FIXTURES / "images" / "astronaut.png").read_bytes()
