"""--fauxscale-explore: records what tests do in a plain run, and plans the situations to run them again in."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from _pytest.runner import runtestprotocol

from fauxscale_contracts.conform.scenarios import scenarios
from fauxscale_contracts.explore.baseline import Baseline
from fauxscale_contracts.explore.plan import Candidate, Plan, candidate, make_plan
from fauxscale_contracts.explore.played import Played  # noqa: F401  # in a text that names a type
from fauxscale_contracts.profiles.installed import profiles

from . import explore_options
from .explored import EXPLORED_ID, ExploredTests
from .sleeps import Sleeps
from .stashed import ACCOUNT

PLAN = pytest.StashKey[Path]()
SLEEPS = pytest.StashKey[Sleeps]()
_PLAIN = pytest.StashKey["Played | None"]()
_WHY_NOT = pytest.StashKey[str]()
# Starts a pytest session with the same module paths.
_AGAIN = "import json, sys; sys.path[:] = json.loads(sys.argv.pop(1)); import pytest; sys.exit(pytest.main())"


def register(config: pytest.Config) -> None:
    """Take part in a run that makes a plan, or in one that follows a plan."""
    if file := config.getoption("--fauxscale-explore-plan"):
        try:
            explored = ExploredTests(config, Plan.read(Path(str(file))), config.stash[SLEEPS])
        except ValueError as error:
            raise pytest.UsageError(str(error)) from None
        config.pluginmanager.register(explored, "fauxscale-explored")
    else:
        try:  # before the plain run, which may take long
            Baseline.read(config.getoption("--fauxscale-explore-baseline"))
        except ValueError as error:
            raise pytest.UsageError(str(error)) from None
        config.pluginmanager.register(PlainRun(config), "fauxscale-explore")


def replace_sleeps(config: pytest.Config) -> None:
    """Replace the functions that sleep, until the run is over."""
    sleeps = config.stash[SLEEPS] = Sleeps()
    sleeps.install()
    config.add_cleanup(sleeps.remove)


def run_plan(config: pytest.Config, status: int | pytest.ExitCode | None) -> int | pytest.ExitCode | None:
    """Run the plan of a plain run, in a separate process. Returns the worse of both statuses."""
    file = config.stash.get(PLAN, None)
    if file is None or status not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        return status
    # As one argument: pytest takes arguments that are paths for tests, and searches its configuration there.
    arguments = [*config.invocation_params.args, f"--fauxscale-explore-plan={file}"]
    # A cache of its own for the last failures, and a file of its own for JUnit.
    kept = hasattr(config, "cache")
    if kept:
        arguments += ["-o", f"cache_dir={file.parent / 'cache'}"]
    if junit := config.getoption("xmlpath", None):
        path = Path(str(junit))
        arguments.append(f"--junitxml={path.with_name(f'{path.stem}-explored{path.suffix}')}")
    command = [sys.executable, "-c", _AGAIN, json.dumps(sys.path), *map(str, arguments)]
    sys.stdout.flush()
    code = subprocess.call(command, cwd=config.invocation_params.dir)
    if not kept:
        shutil.rmtree(file.parent, ignore_errors=True)
    return status or (pytest.ExitCode.OK if code == pytest.ExitCode.NO_TESTS_COLLECTED else code)


class PlainRun:
    """The hooks of a plain run that makes a plan."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._candidates: list[Candidate] = []
        self._places: dict[str, int] = {}
        self._plan: Plan | None = None
        config.args[:] = dict.fromkeys(EXPLORED_ID.sub("", one) for one in config.args)

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Let `-k lost-reply` choose every test, which any situation may belong to."""
        if config.option.keyword and " not " not in f" {config.option.keyword} ":
            names = {one.id for profile in profiles().by_name for one in scenarios(profile)}
            for item in items:
                item.extra_keyword_matches.update(names)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self._places = {item.nodeid: place for place, item in enumerate(session.items)}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        if report.failed:
            item.stash[_WHY_NOT] = "it fails in the normal run"
        elif hasattr(report, "wasxfail"):
            item.stash[_WHY_NOT] = "it is expected to fail"
        elif report.when == "call" and (account := item.stash.get(ACCOUNT, None)) is not None:
            item.stash[_PLAIN] = account.played()
        return report

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(
        self, item: pytest.Item, nextitem: pytest.Item | None
    ) -> Generator[None, object, object]:
        """Run a test that passed once more: if it behaves differently, it cannot be explored."""
        item.stash[_PLAIN], item.stash[_WHY_NOT] = None, ""
        done = yield
        place = self._places.get(item.nodeid, 0)
        if (why := self._why_not(item)) is not None:
            if why:
                self._candidates.append(Candidate(item.nodeid, place, skipped=why))
            return done
        first = item.stash[_PLAIN]
        runtestprotocol(item, log=False, nextitem=nextitem)
        second, why = item.stash[_PLAIN], item.stash[_WHY_NOT]
        if why or first is None or second is None or first.shape != second.shape:
            why = why or "it makes different calls when run again"
            self._candidates.append(Candidate(item.nodeid, place, skipped=why))
        else:
            self._candidates.append(candidate(item.nodeid, place, first))
        return done

    def _why_not(self, item: pytest.Item) -> str | None:
        """Why a test is not explored; "" if it does not use the stand-in, None if it is explored."""
        plain = item.stash[_PLAIN]
        if "fauxscale_server" not in getattr(item, "fixturenames", ()):
            return ""
        if item.stash[_WHY_NOT]:
            return item.stash[_WHY_NOT]
        if explore_options.declared(item, "") == "skip":
            return "its marker says explore=False"
        if hasattr(getattr(item, "obj", None), "hypothesis"):
            return "it is run with generated values (@given)"
        if getattr(item, "execution_count", 1) > 1:
            return "it passed only after a rerun"
        if plain is None:
            return "it does not make its calls with the account of the fixture fauxscale"
        return None if plain.calls else "it makes no calls"

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        output: dict[str, Any] = getattr(node, "workeroutput", None) or {}
        self._candidates += map(Candidate.of_members, output.get("fauxscale_candidates", []))

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Send the candidates to the controller, or write the plan."""
        config = session.config
        if (output := getattr(config, "workeroutput", None)) is not None:
            output["fauxscale_candidates"] = [one.to_members() for one in self._candidates]
            return
        most, silent = config.getoption("--fauxscale-explore-max"), explore_options.patience(config) > 0
        self._plan = make_plan(self._candidates, most, silent=silent)
        if self._plan.count:
            file = config.stash[PLAN] = _folder(config) / "plan.json"
            self._plan.write(file)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if (plan := self._plan) is None:
            return
        for test, why in plan.skipped.items():
            terminalreporter.write_line(f"fauxscale: not explored: {test}: {why}", yellow=True)
        for note in plan.notes(explore_options.PREFIX):
            terminalreporter.write_line(f"fauxscale: {note}")
        tests = f"{len(plan.tests)} {'test' if len(plan.tests) == 1 else 'tests'}"
        where = f", plan: {self._config.stash[PLAN]}" if plan.count else ""
        terminalreporter.write_line(f"fauxscale: exploring {plan.count} situations of {tests}{where}")


def _folder(config: pytest.Config) -> Path:
    """Where the plan is stored: in pytest's cache, or without one, in a folder of its own."""
    if (cache := getattr(config, "cache", None)) is not None:
        return Path(cache.mkdir("fauxscale-explore"))
    return Path(tempfile.mkdtemp(prefix="fauxscale-explore-"))
