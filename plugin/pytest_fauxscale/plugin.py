"""The pytest plugin: options, marker, fixtures, and the summary at the end of a run.

Everything heavy is imported when a fixture is first used; `make bench ARGS=plugin` tells what is left.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

from . import coverage, options
from .contract_log import LOG, ContractLog
from .stashed import ACCOUNT, SERVER
from .totals import Totals, dollars

if TYPE_CHECKING:
    from fauxscale_contracts.usage.collected import Collected

    from .account import TestedAccount
    from .remote import Server
    from .samples import SampleImages

Status: TypeAlias = "int | pytest.ExitCode | None"
TOTALS = pytest.StashKey[Totals]()
# What is wrong with providers of installed packages: each line once, whichever workers said it.
PROBLEMS = pytest.StashKey[dict[str, None]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    options.declare(parser)


def pytest_configure(config: pytest.Config) -> None:
    options.check(config)
    coverage.check(config)
    arguments = ", ".join(f"{name}=…" for name in options.MARKED)
    config.addinivalue_line(
        "markers", f"{options.MARKER}({arguments}): the terms of this test's fauxscale account"
    )
    config.stash[TOTALS] = Totals()
    config.stash[LOG] = ContractLog()
    config.stash[PROBLEMS] = {}
    if config.getoption("--fauxscale-explore") or config.getoption("--fauxscale-explore-plan"):
        from .explore import register

        register(config)


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Replace the functions that sleep before a module of the user's keeps them for itself."""
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
    # A worker of pytest-xdist that stops at its collection stops the run with an internal error (3.8).
    if not hasattr(config, "workerinput"):
        for item in items:
            options.check_marker(item)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Warn in a worker of what a run without workers is warned of at its collection."""
    options.check_marker(item)
    if item.config.stash.get(SERVER, None) is not None:
        from .item_checks import begin

        item.stash[ACCOUNT] = None  # plugins may run a test again: nothing is left of the time before
        begin(item)


@pytest.fixture(scope="session")
def fauxscale_server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """The server of this run: a MockServer, or the one that --fauxscale-url names. One for each xdist worker.

    `with fauxscale_server.account() as account:` opens an account of its own, inside @given for instance.
    """
    from fauxscale.providers import PROVIDERS
    from fauxscale.providers.installed import find_providers

    from .fixtures import running, totals

    found = find_providers(PROVIDERS)
    request.config.stash[PROBLEMS].update(dict.fromkeys(found.problems))
    with running(request.config, (*PROVIDERS, *found.providers)) as server:
        request.config.stash[SERVER] = server
        yield server
        del request.config.stash[SERVER]
        request.config.stash[TOTALS].add(totals(request.config, server))


@pytest.fixture
def fauxscale(
    request: pytest.FixtureRequest, fauxscale_server: Server, monkeypatch: pytest.MonkeyPatch
) -> Iterator[TestedAccount]:
    """A fresh account on the stand-in: keys, wallet, faults, clock and calls of this test alone."""
    from .fixtures import account_of

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
    """The same account, with the services' real hosts answered by it in this process: the client stays as it is."""
    from .fixtures import intercepted

    with intercepted(request.node, fauxscale_server, fauxscale, monkeypatch):
        yield fauxscale


@pytest.fixture
def sample_image() -> SampleImages:
    """Pictures to send: sample_image("PNG", 640, 480, mode="RGBA", exif_orientation=6), and broken ones by name."""
    from .samples import SampleImages

    return SampleImages()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None]:
    """Check a test's contract, blocked calls and faults once it has run; guard tests that took the server alone, as
    those with an account are from its fixture on. What a test asks for in its body is known at its end."""
    try:
        with _guard(item):
            result = yield
        if _takes_part(item):
            from .item_checks import check_blocked_calls

            check_blocked_calls(item, item.stash.get(ACCOUNT, None))
    except BaseException as failure:
        if _took_part(item):
            from .item_checks import check_contract

            check_contract(item, failure)
        raise
    if _took_part(item):
        from .item_checks import check_contract, check_unused_faults

        check_contract(item, None)
        account = item.stash.get(ACCOUNT, None)
        if account and account.id in item.config.stash[SERVER].client.opened:
            check_unused_faults(item, account)
    return result


def _guard(item: pytest.Item) -> AbstractContextManager[None]:
    if item.stash.get(ACCOUNT, None) is not None or not _takes_part(item):
        return nullcontext()
    from .fixtures import guarded

    return guarded(item.config, item.config.stash[SERVER])


def _takes_part(item: pytest.Item) -> bool:
    """Whether a test uses the server. What it asked for by `request.getfixturevalue`, itself or in a fixture, only its
    request names; the item lists what its signature leads to."""
    if SERVER not in item.config.stash:
        return False
    listed: Sequence[str] = getattr(item, "fixturenames", ())
    return "fauxscale_server" in getattr(getattr(item, "_request", None), "fixturenames", listed)


def _took_part(item: pytest.Item) -> bool:
    """The same once the body has ended. A fixture of wider scope that asked for the server by itself is seen to have
    done so by the first of its tests only: of the others their calls tell."""
    if SERVER not in item.config.stash:
        return False
    from .item_checks import made_calls

    return _takes_part(item) or made_calls(item)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None]:
    """Count the calls a test made, tear-down included, as its own."""
    try:
        return (yield)
    finally:
        if item.config.getoption("--fauxscale-usage"):
            from .usage import settle

            settle(item)
        if (collector := item.config.stash.get(coverage.COLLECTOR, None)) is not None:
            collector.settle(item)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if not report.failed or report.when == "teardown" or SERVER not in item.config.stash:
        return report
    from .report import describe, untold

    if text := untold(item, report):
        report.sections.append(("fauxscale contract", text))
    if (account := item.stash.get(ACCOUNT, None)) is not None:
        report.sections.append(("fauxscale calls", describe(item.config.stash[SERVER], account)))
    return report


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand the totals to the controller, or check them against the budget. The server is gone by now."""
    config = session.config
    totals = config.stash[TOTALS]
    if (output := getattr(config, "workeroutput", None)) is not None:
        output["fauxscale"] = totals.to_members()
        output["fauxscale_problems"] = [*config.stash[PROBLEMS]]
        output["fauxscale_contract"] = config.stash[LOG].to_members()
        if config.getoption("--fauxscale-usage"):
            output["fauxscale_usage"] = _collected(config).to_members()
        if (collector := config.stash.get(coverage.COLLECTOR, None)) is not None:
            output["fauxscale_coverage"] = collector.coverage().to_members()
    elif session.exitstatus == pytest.ExitCode.OK and (
        totals.exceeds(options.budget(config)) or coverage.falls_short(config)
    ):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Add the totals of a worker of pytest-xdist that has ended; one that crashed has no output."""
    output: dict[str, Any] = getattr(node, "workeroutput", None) or {}
    node.config.stash[TOTALS].add(output.get("fauxscale", {}))
    node.config.stash[PROBLEMS].update(dict.fromkeys(output.get("fauxscale_problems", [])))
    node.config.stash[LOG].add(output.get("fauxscale_contract", {}))
    if used := output.get("fauxscale_usage"):
        _collected(node.config).add_members(used)
    if met := output.get("fauxscale_coverage"):
        coverage.collector_of(node.config).add_members(met)


def _collected(config: pytest.Config) -> Collected:
    from .usage import USAGE, UsageWatcher

    return config.stash.setdefault(USAGE, UsageWatcher()).collected


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    problems = config.stash[PROBLEMS]
    for problem in problems:
        terminalreporter.write_line(f"fauxscale: {problem}", yellow=True)
    totals, budget = config.stash[TOTALS], options.budget(config)
    if not totals:
        return
    terminalreporter.write_line(f"fauxscale: {totals}")
    log = config.stash[LOG]
    lines = [totals.contract, log.summary]
    if file := config.getoption("--fauxscale-contract-report"):
        lines.append(log.write(Path(str(file)), totals.judged))
    for line in filter(None, lines):
        terminalreporter.write_line(f"fauxscale contract: {line}")
    if unheld := options.unheld(config):
        terminalreporter.write_line(f"fauxscale: {unheld}")
    from .contract_check import unusable_profiles

    for line in unusable_profiles():
        terminalreporter.write_line(f"fauxscale: {line}")
    if config.getoption("--fauxscale-usage"):
        from .usage import write

        for line in write(_collected(config), config):
            terminalreporter.write_line(f"fauxscale: {line}")
    for line in coverage.coverage_lines(config):
        terminalreporter.write_line(line)
    if short := coverage.falls_short(config):
        terminalreporter.write_line(f"fauxscale: {short}", red=True)
    if budget is not None and totals.exceeds(budget):
        over = dollars(totals.micros - round(budget * 1_000_000))
        terminalreporter.write_line(
            f"fauxscale: the budget of ${budget:.2f} was exceeded by ${over}", red=True
        )
