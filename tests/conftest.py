"""What every test may rely on."""

from __future__ import annotations

import inspect
import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import cast

import click.testing
import httpx
import pytest

from tests import outbound, tools
from tests.stages import EVERY_MODE, MODES, Mode, Stage, open_stage

FIXTURES = Path(__file__).parent.parent / "fixtures"


def pytest_configure() -> None:
    """Watch what is connected to. Heed the signals that a shell has background jobs ignore, as programs that tests
    start would inherit that."""
    outbound.watch()
    # Five seconds, httpx's own patience, pass on a busy machine before a program that was just started has answered.
    patience = inspect.signature(httpx.get).parameters["timeout"].default
    patience.connect = patience.read = patience.write = patience.pool = 60
    for number, handler in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, handler)

    _keep_streams_apart()


def _keep_streams_apart() -> None:
    """Have click before 8.2 keep what commands write to stdout and stderr apart, as it has since."""
    if "mix_stderr" in inspect.signature(click.testing.CliRunner).parameters:
        click.testing.CliRunner = partial(click.testing.CliRunner, mix_stderr=False)  # type: ignore[assignment,misc,call-arg]
        click.testing.Result.output = property(lambda one: one.stdout + one.stderr)  # type: ignore[assignment,method-assign]


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Tests that start a program from outside Python run only where it is installed: see tests/tools.py."""
    tools.enforce(item)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--every-mode", action="store_true", help="run what asks for `stage` in every mode")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What starts a program from outside Python is of `make e2e`."""
    for item in items:
        if item.get_closest_marker("needs"):
            item.add_marker(pytest.mark.e2e)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that asks for `mode`, or for `stage`, runs over a socket; in every mode where that matters to it
    (`@pytest.mark.every_mode`), and in `make modes`."""
    own = any("mode" in str(mark.args[0]) for mark in metafunc.definition.iter_markers("parametrize"))
    own = own or hasattr(metafunc.cls, "pytest_generate_tests")
    if "mode" in metafunc.fixturenames and not own:
        matters = any(metafunc.definition.iter_markers("every_mode"))
        every = metafunc.config.getoption("--every-mode")
        modes = EVERY_MODE if every else MODES if matters else MODES[:1]
        metafunc.parametrize("mode", modes, indirect=True, scope="session")


@pytest.fixture(autouse=True)
def no_way_out(request: pytest.FixtureRequest) -> Iterator[None]:
    """Nothing a test does in this process leads out of this machine, even where the refusal is swallowed.

    A test that is marked `tries_to_leave` is about what is let through, and is refused here all the same.
    """
    yield
    led, outbound.refused[:] = list(outbound.refused), []
    assert not led or request.node.get_closest_marker("tries_to_leave"), f"a test would {', '.join(led)}"


@pytest.fixture(scope="session")
def mode(request: pytest.FixtureRequest) -> Mode:
    """The way the app runs."""
    return cast("Mode", request.param)


@pytest.fixture(scope="session")
def stage(mode: Mode) -> Iterator[Stage]:
    """The server all tests of a mode share; each takes accounts of its own."""
    yield from open_stage(mode)


@pytest.fixture(scope="session")
def photo() -> bytes:
    """A real photo: 512 x 512, RGB, PNG."""
    return (FIXTURES / "images" / "astronaut.png").read_bytes()
