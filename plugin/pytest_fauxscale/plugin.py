"""The plugin's options, marker and fixtures.

Every run of pytest imports this and `declared`, those that use nothing of the plugin too: all else is imported, and the
hooks of `run` are registered, by the first use. `make bench ARGS=plugin` tells what is left.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import pytest

from . import declared

if TYPE_CHECKING:
    from .account import TestedAccount
    from .remote import Server
    from .run import Run
    from .samples import SampleImages


def pytest_addoption(parser: pytest.Parser) -> None:
    declared.declare(parser)


def pytest_configure(config: pytest.Config) -> None:
    arguments = ", ".join(f"{name}=…" for name in declared.MARKED)
    config.addinivalue_line(
        "markers", f"{declared.MARKER}({arguments}): the terms of this test's fauxscale account"
    )
    if declared.is_given(config):
        from .run import configure

        configure(config)


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Replace the functions that sleep before a module of the user's imports them by name."""
    if early_config.known_args_namespace.fauxscale_explore_plan:
        from .explore import replace_sleeps

        replace_sleeps(early_config)


@pytest.hookimpl(wrapper=True)
def pytest_cmdline_main(
    config: pytest.Config,
) -> Generator[None, int | pytest.ExitCode | None, int | pytest.ExitCode | None]:
    """Explore once the plain run has ended: a run of its own, with nothing of this one in memory."""
    status = yield
    if not config.getoption("--fauxscale-explore") or config.getoption("--fauxscale-explore-plan"):
        return status
    from .explore import run_plan

    return run_plan(config, status)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    # A worker of pytest-xdist that stops during collection ends the run with an internal error (3.8).
    if not hasattr(config, "workerinput"):
        for item in items:
            _check_marker(item)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Warn in a worker about what a run without workers warns of during collection."""
    _check_marker(item)


def _check_marker(item: pytest.Item) -> None:
    if item.get_closest_marker(declared.MARKER) is not None:
        from .options import check_marker

        check_marker(item)


@pytest.fixture(scope="session")
def fauxscale_server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """The server of this run: a MockServer, or the one that --fauxscale-url names. One for each xdist worker.

    `with fauxscale_server.account() as account:` opens an account of its own, inside @given for instance.
    """
    from .run import run_of

    with run_of(request.config).serving() as server:
        yield server


@pytest.fixture
def fauxscale(
    request: pytest.FixtureRequest, fauxscale_server: Server, monkeypatch: pytest.MonkeyPatch
) -> Iterator[TestedAccount]:
    """A new account on the mock server for this test: its own keys, wallet, faults, clock and calls."""
    from .fixtures import account_of
    from .stashed import ACCOUNT

    with account_of(request.node, fauxscale_server, monkeypatch) as account:
        request.node.stash[ACCOUNT] = account
        yield account


@pytest.fixture
def fauxscale_intercept(
    request: pytest.FixtureRequest,
    fauxscale_server: Server,
    fauxscale: TestedAccount,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[TestedAccount]:
    """The same account, with calls to the services' real hosts redirected to it: the client needs no change."""
    from .fixtures import intercepted

    with intercepted(request.node, fauxscale_server, fauxscale, monkeypatch):
        yield fauxscale


@pytest.fixture
def sample_image() -> SampleImages:
    """Makes pictures to send: sample_image("PNG", 640, 480, mode="RGBA", exif_orientation=6), and broken ones."""
    from .samples import SampleImages

    return SampleImages()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None]:
    """Check a test's contract, blocked calls and faults once it has run. A test may ask for the server in its body, so
    that whether it has is known at its end."""
    before = _run(item)
    try:
        with nullcontext() if before is None else before.guard(item):
            result = yield
        if (run := _run(item)) is not None:
            run.check_blocked_calls(item)
    except BaseException as failure:
        if (run := _run(item)) is not None:
            run.check_failed(item, failure)
        raise
    if run is not None:
        run.check_passed(item)
    return result


def _run(item: pytest.Item) -> Run | None:
    """The run, if it uses the plugin: registered under this name by `run`."""
    run: Run | None = item.config.pluginmanager.get_plugin("fauxscale-run")
    return run


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Add the results of a worker of pytest-xdist that has ended; one that crashed has none."""
    output: dict[str, Any] = getattr(node, "workeroutput", None) or {}
    if "fauxscale" in output:
        from .run import run_of

        run_of(node.config).add_worker(output)
