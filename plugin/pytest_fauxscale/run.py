"""A run that uses the plugin: its totals, its findings, and the hooks that collect and report them."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from . import coverage, options
from .contract_log import ContractLog
from .stashed import ACCOUNT, SERVER
from .totals import Totals, dollars

if TYPE_CHECKING:
    from fauxscale_contracts.usage.collected import Collected

    from .remote import Server

# `plugin` finds it by this name, without importing this module in runs that do not use it.
NAME = "fauxscale-run"


def configure(config: pytest.Config) -> None:
    """Take part in a run that was given options. UsageError for invalid ones."""
    options.check(config)
    coverage.check(config)
    run_of(config)
    if config.getoption("--fauxscale-explore") or config.getoption("--fauxscale-explore-plan"):
        from .explore import register

        register(config)


def run_of(config: pytest.Config) -> Run:
    """The run of this process; made and registered when first asked for."""
    run: Run | None = config.pluginmanager.get_plugin(NAME)
    if run is None:
        run = Run(config)
        config.pluginmanager.register(run, NAME)
    return run


class Run:
    """The totals and the log of a run, or of one worker of it, and the hooks that keep them."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._totals = Totals()
        self.log = ContractLog()
        # Problems with providers of installed packages: each line once, from any worker.
        self._problems: dict[str, None] = {}

    @contextmanager
    def serving(self) -> Generator[Server]:
        """Start the server of the run, or connect to the named one, and count its calls."""
        from fauxscale.providers import PROVIDERS
        from fauxscale.providers.installed import find_providers

        from .fixtures import running, totals

        found = find_providers(PROVIDERS)
        self._problems.update(dict.fromkeys(found.problems))
        with running(self._config, (*PROVIDERS, *found.providers)) as server:
            self._config.stash[SERVER] = server
            yield server
            del self._config.stash[SERVER]
            self._totals.add(totals(self._config, server))

    def add_worker(self, output: Mapping[str, Any]) -> None:
        """Add the results of a worker of pytest-xdist."""
        self._totals.add(output["fauxscale"])
        self._problems.update(dict.fromkeys(output["fauxscale_problems"]))
        self.log.add(output["fauxscale_contract"])
        if used := output.get("fauxscale_usage"):
            self._collected().add_members(used)
        if met := output.get("fauxscale_coverage"):
            coverage.collector_of(self._config).add_members(met)

    def guard(self, item: pytest.Item) -> AbstractContextManager[None]:
        """Guard a test that uses only the server; tests with an account are guarded by their fixture."""
        if item.stash.get(ACCOUNT, None) is not None or not self._takes_part(item):
            return nullcontext()
        from .fixtures import guarded

        return guarded(self._config, self._config.stash[SERVER])

    def check_blocked_calls(self, item: pytest.Item) -> None:
        """Fail a test that would pass although its program swallowed the refusal of a live call."""
        if self._takes_part(item):
            from .item_checks import check_blocked_calls

            check_blocked_calls(item, item.stash.get(ACCOUNT, None))

    def check_failed(self, item: pytest.Item, failure: BaseException) -> None:
        """Add the contract violations of its calls to a failure."""
        if self._took_part(item):
            from .item_checks import check_contract

            check_contract(item, self.log, failure)

    def check_passed(self, item: pytest.Item) -> None:
        """Fail a test whose calls left the contract, and warn of faults that never applied."""
        if not self._took_part(item):
            return
        from .item_checks import check_contract, check_unused_faults

        check_contract(item, self.log, None)
        account = item.stash.get(ACCOUNT, None)
        if account and account.id in self._config.stash[SERVER].client.opened:
            check_unused_faults(item, account)

    def _takes_part(self, item: pytest.Item) -> bool:
        """Whether a test uses the server. Fixtures requested by `request.getfixturevalue` are known only to its
        request; the item lists those of its signature."""
        if SERVER not in self._config.stash:
            return False
        listed: Sequence[str] = getattr(item, "fixturenames", ())
        return "fauxscale_server" in getattr(getattr(item, "_request", None), "fixturenames", listed)

    def _took_part(self, item: pytest.Item) -> bool:
        """The same after the body. If a fixture of wider scope requested the server itself, only the first of its tests
        shows it: for the others their calls do."""
        if SERVER not in self._config.stash:
            return False
        from .item_checks import made_calls

        return self._takes_part(item) or made_calls(item)

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        if SERVER in self._config.stash:
            from .item_checks import begin

            item.stash[ACCOUNT] = None  # plugins may run a test again: forget the earlier run
            begin(item)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None]:
        """Count the calls of a test, tear-down included, as its own."""
        try:
            return (yield)
        finally:
            if self._config.getoption("--fauxscale-usage"):
                from .usage import settle

                settle(item)
            if (collector := self._config.stash.get(coverage.COLLECTOR, None)) is not None:
                collector.settle(item)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        if not report.failed or report.when == "teardown" or SERVER not in self._config.stash:
            return report
        from .report import describe, untold

        if text := untold(item, report):
            report.sections.append(("fauxscale contract", text))
        if (account := item.stash.get(ACCOUNT, None)) is not None:
            report.sections.append(("fauxscale calls", describe(self._config.stash[SERVER], account)))
        return report

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Send the totals to the controller, or check them against the budget. The server is stopped by now."""
        config = self._config
        if (output := getattr(config, "workeroutput", None)) is not None:
            output["fauxscale"] = self._totals.to_members()
            output["fauxscale_problems"] = [*self._problems]
            output["fauxscale_contract"] = self.log.to_members()
            if config.getoption("--fauxscale-usage"):
                output["fauxscale_usage"] = self._collected().to_members()
            if (collector := config.stash.get(coverage.COLLECTOR, None)) is not None:
                output["fauxscale_coverage"] = collector.coverage().to_members()
        elif session.exitstatus == pytest.ExitCode.OK and (
            self._totals.exceeds(options.budget(config)) or coverage.falls_short(config)
        ):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        for problem in self._problems:
            terminalreporter.write_line(f"fauxscale: {problem}", yellow=True)
        if not self._totals:
            return
        for line in self._summary():
            terminalreporter.write_line(line)
        budget = options.budget(self._config)
        if short := coverage.falls_short(self._config):
            terminalreporter.write_line(f"fauxscale: {short}", red=True)
        if budget is not None and self._totals.exceeds(budget):
            over = dollars(self._totals.micros - round(budget * 1_000_000))
            terminalreporter.write_line(
                f"fauxscale: FAILED: the budget of ${budget:.2f} was exceeded by ${over}", red=True
            )

    def _summary(self) -> Iterator[str]:
        """The lines at the end of a run; each requested file is written with its line."""
        config, totals = self._config, self._totals
        yield f"fauxscale: {totals}"
        lines = [totals.contract, self.log.summary]
        if file := config.getoption("--fauxscale-contract-report"):
            lines.append(self.log.write(Path(str(file)), totals.judged))
        yield from (f"fauxscale contract: {line}" for line in lines if line)
        if unheld := options.unheld(config):
            yield f"fauxscale: {unheld}"
        from .contract_check import unusable_profiles

        yield from (f"fauxscale: {line}" for line in unusable_profiles())
        if config.getoption("--fauxscale-usage"):
            from .usage import write

            yield from (f"fauxscale: {line}" for line in write(self._collected(), config))
        yield from coverage.coverage_lines(config)

    def _collected(self) -> Collected:
        from .usage import USAGE, UsageWatcher

        return self._config.stash.setdefault(USAGE, UsageWatcher()).collected
