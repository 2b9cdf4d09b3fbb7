"""The tests of a plan: copies of the user's, each in one situation, judged by what the client does in it."""

from __future__ import annotations

import copy
import re
from collections.abc import Generator
from dataclasses import replace
from typing import Any, cast

import pytest
from _pytest.runner import runtestprotocol
from _pytest.unittest import TestCaseFunction

from fauxscale_contracts.explore.baseline import Baseline
from fauxscale_contracts.explore.ending import ending_of
from fauxscale_contracts.explore.finding import PLAIN, Exploration, ExploredCall, finding_of, plain_finding
from fauxscale_contracts.explore.plan import Plan, PlannedTest
from fauxscale_contracts.explore.played import Ending, Played
from fauxscale_contracts.explore.report import lines
from fauxscale_contracts.explore.situations import Situation, situation
from fauxscale_contracts.explore.verdict import FAILING, Judgement, judge, unread

from . import explore_options
from .kept_tests import kept_test, write_all
from .sleeps import Sleeps
from .stashed import ACCOUNT, SILENT, SITUATION

# `test_upload[lost-reply@ideogram.upscale#1]`, and with parameters of its own `test_upload[png][lost-reply@…#1]`.
EXPLORED_ID = re.compile(r"\[[a-z0-9-]+@[\w.]+#\d+\]$")
_PLANNED = pytest.StashKey[PlannedTest]()
_JUDGED = pytest.StashKey["ExploredCall | None"]()
_CONFIRMS = pytest.StashKey[bool]()
_UNHURT: tuple[Ending, str] = ("passed", "")
_SEEN = pytest.StashKey[tuple[Played, bool]]()


class ExploredTests:
    """The hooks of a run that follows a plan."""

    def __init__(self, config: pytest.Config, plan: Plan, sleeps: Sleeps) -> None:
        self._config, self._plan, self._sleeps = config, plan, sleeps
        self._findings: list[ExploredCall] = []
        self._baseline = Baseline.read(config.getoption("--fauxscale-explore-baseline"))
        self._leaking: list[str] = []
        self._patience = explore_options.patience(config)
        self._failing = FAILING[str(config.getoption("--fauxscale-explore-fail") or "wrong")]
        self._gone: list[str] = []
        self._stopped = False
        self._wanted = {str(one) for one in config.args if EXPLORED_ID.search(str(one))}
        config.args[:] = dict.fromkeys(EXPLORED_ID.sub("", str(one)) for one in config.args)

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Replace all tests by copies of the planned tests, followed by each test unchanged."""
        known = {item.nodeid: item for item in items}
        copies: list[pytest.Item] = []
        again: list[pytest.Item] = []
        for planned in self._plan.tests:
            item = known.get(planned.test)
            if item is None:
                self._gone.append(planned.test)
                continue
            tried = [one for one in planned.situations if explore_options.declared(item, one) != "skip"]
            mine = [_copy(item, planned, situation(name)) for name in tried]
            if self._wanted:
                mine = [one for one in mine if any(one.nodeid.endswith(name) for name in self._wanted)]
            copies += mine
            if mine:
                again.append(_copy(item, planned, None))
        items[:] = [*copies, *again]
        reporter = self._config.pluginmanager.get_plugin("terminalreporter")
        if hasattr(reporter, "_numcollected"):  # or it reports how many fewer there are than tests
            setattr(reporter, "_numcollected", len(items))  # noqa: B010  # pytest's own name

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool:
        """Run a copy; if the client seems to be wrong, once more: it is reported only if it happens twice."""
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        item.stash[_CONFIRMS] = False
        reports = self._run(item, nextitem)
        found = item.stash.get(_JUDGED, None)
        if found is not None and found.level == "wrong":
            item.stash[_CONFIRMS] = True
            reports = self._run(item, nextitem)
            found = _confirmed(found, item.stash.get(_JUDGED, None))
        for report in reports:
            item.ihook.pytest_runtest_logreport(report=report)
        if found is not None:
            self._findings.append(found)
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True

    def _run(self, item: pytest.Item, nextitem: pytest.Item | None) -> list[pytest.TestReport]:
        item.stash[_JUDGED] = None
        try:
            return runtestprotocol(item, log=False, nextitem=nextitem)
        finally:
            self._sleeps.end()

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(
        self, fixturedef: Any, request: pytest.FixtureRequest
    ) -> Generator[None, object, object]:
        """Note sleeps as the account's from its fixture on."""
        result = yield
        if fixturedef.argname == "fauxscale" and SITUATION in request.node.stash:
            self._sleeps.begin(cast("Any", result))
        return result

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Report what the client did, not how the test judged it: other plugins see a test that passed or failed."""
        # unittest's caught errors, which pytest would otherwise report after this.
        if held := getattr(item, "_excinfo", None):
            call.excinfo = held.pop(0)
        if SITUATION not in item.stash:
            if call.excinfo is not None:
                self._leaking.append(item.stash[_PLANNED].test)
                call.excinfo = None
            elif call.when == "call" and (account := item.stash.get(ACCOUNT, None)) is not None:
                seen = account.played()
                if (verdict := unread(seen)).level != "fine":
                    item.stash[_JUDGED] = plain_finding(item.stash[_PLANNED].test, verdict, seen)
        elif call.when == "call" or call.excinfo is not None:
            error = call.excinfo.value if call.excinfo is not None else None
            call.excinfo = None
            found = item.stash[_JUDGED] = self._judged(item, call.when, error)
            if found.level in self._failing and (found.level != "wrong" or item.stash[_CONFIRMS]):
                call.excinfo = _failure("\n".join(found.lines()))
        return (yield)

    def _judged(self, item: pytest.Item, when: str, error: BaseException | None) -> ExploredCall:
        """Judge what the client has done so far. At the tear-down its account may be gone."""
        staged, planned = item.stash[SITUATION], item.stash[_PLANNED]
        ending, said = _UNHURT if error is None else ending_of(error, item.config.rootpath)
        account = item.stash.get(ACCOUNT, None)
        if when == "teardown" and (before := item.stash.get(_SEEN, None)) is not None:
            seen, has_met = replace(before[0], ending=ending, said=said), before[1]
        elif account is None:
            seen, has_met = Played(ending=ending, said=said), False
        else:
            seen = account.played(sleeps=self._sleeps.noted, ending=ending, said=said)
            has_met = staged.has_met(account)
        item.stash[_SEEN] = seen, has_met
        patience = 0.0 if item.stash[SILENT] else self._patience
        verdict = judge(staged, planned.usual, seen, patience) if has_met else Judgement("not met")
        verdict, reason = _declared(explore_options.declared(item, staged.id), seen, verdict)
        kept = kept_test(item, staged, verdict, patience)
        return self._accepted(finding_of(planned.test, staged, verdict, seen, reason, kept))

    def _accepted(self, found: ExploredCall) -> ExploredCall:
        """The finding, accepted if the baseline says so."""
        reason = self._baseline.reason(found.test, found.situation)
        return replace(found, level="accepted", reason=reason) if reason and found.told else found

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        output: dict[str, Any] = getattr(node, "workeroutput", None) or {}
        self._findings += map(ExploredCall.of_members, output.get("fauxscale_findings", []))
        self._leaking += output.get("fauxscale_leaking", [])
        self._gone += (one for one in output.get("fauxscale_gone", []) if one not in self._gone)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Send the findings to the controller; there, withdraw those of tests that fail without a situation."""
        output = getattr(session.config, "workeroutput", None)
        if output is not None:
            output["fauxscale_findings"] = [one.to_members() for one in self._findings]
            output["fauxscale_leaking"] = self._leaking
            output["fauxscale_gone"] = self._gone
            return
        planned = [(one.test, name) for one in self._plan.tests for name in one.situations]
        order = {one: at for at, one in enumerate(planned)}
        self._findings.sort(key=lambda one: order.get((one.test, one.situation), len(order)))
        self._stopped = bool(session.shouldstop or session.shouldfail) or (
            session.exitstatus == pytest.ExitCode.INTERRUPTED
        )
        if self._leaking:
            self._withdraw(session)

    def _withdraw(self, session: pytest.Session) -> None:
        """Remove the reports of leaking tests from the failures, and the failure from the exit status."""
        reporter: Any = session.config.pluginmanager.get_plugin("terminalreporter")
        failed: list[pytest.TestReport] = reporter.stats.get("failed", []) if reporter else []
        kept = [one for one in failed if not any(_is_of(one.nodeid, test) for test in self._leaking)]
        if reporter and len(kept) < len(failed):
            reporter.stats["failed"] = kept
            if not kept and session.exitstatus == pytest.ExitCode.TESTS_FAILED:
                session.exitstatus = pytest.ExitCode.OK

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        config = self._config
        notes = self._plan.notes(explore_options.PREFIX)
        if self._gone:
            notes.append(
                f"planned tests not found: {', '.join(self._gone[:3])}: make a new plan, or name their files"
            )
        if self._stopped:
            tried = sum(one.situation != PLAIN for one in self._findings)
            notes.append(f"the run was stopped early: {tried} of {self._plan.count} situations were tried")
        done = Exploration(self._findings, self._plan.skipped, notes).without(self._leaking)
        terminalreporter.section("fauxscale exploration")
        for line in lines(done, self._failing):
            terminalreporter.write_line(line)
        for line in write_all(done, config):
            terminalreporter.write_line(f"fauxscale: {line}")


def _failure(text: str) -> pytest.ExceptionInfo[BaseException]:
    try:
        pytest.fail(text, pytrace=False)
    except BaseException as failure:
        return pytest.ExceptionInfo[BaseException].from_exception(failure)


def _is_of(nodeid: str, test: str) -> bool:
    """Whether this is the id of a copy of that test."""
    return EXPLORED_ID.sub("", nodeid) == test


def _confirmed(first: ExploredCall, second: ExploredCall | None) -> ExploredCall:
    """The combined verdict of two runs."""
    if second is not None and second.level == "wrong":
        return second
    once = "this happened in one of two runs"
    return replace(first, level="look", reasons=(*first.reasons, once))


def _declared(word: str, seen: Played, verdict: Judgement) -> tuple[Judgement, str]:
    """The verdict by what the user has declared about this situation."""
    if not word or verdict.level == "not met":
        return verdict, ""
    passed = seen.ending == "passed"
    if word in ("passes", "fails") and passed != (word == "passes"):
        happened = "the test passed" if passed else f"the test failed, {seen.said}"
        return Judgement("wrong", (f"{happened}, but it is declared as {word!r}",)), ""
    if verdict.level == "fine":
        return verdict, ""
    return Judgement("accepted", verdict.reasons), f"declared: {word}"


def _copy(item: pytest.Item, planned: PlannedTest, staged: Situation | None) -> pytest.Item:
    """A copy of a test with an id and a stash of its own. A copy instead of a parameter, which methods of unittest and
    items of other plugins do not have."""
    made = copy.copy(item)
    name = PLAIN if staged is None else staged.id
    nodeid = f"{item.nodeid}[{name}]"
    structured: Any = getattr(made, "_id", None)  # pytest 9.2
    setattr(
        made, "_nodeid" if structured is None else "_id", (structured and structured.parse(nodeid)) or nodeid
    )
    made.stash = pytest.Stash()
    made.stash[_PLANNED] = planned
    # The run without a situation is always chosen.
    made.extra_keyword_matches = {*item.extra_keyword_matches, *([name] if staged else planned.situations)}
    if not isinstance(item, TestCaseFunction):  # unittest finds its method by the name
        made.name = f"{item.name}[{name}]"
    for kept in ("_obj", "_instance", "location"):  # an instance of its own
        if kept in vars(made):
            delattr(made, kept)
    if staged is not None:
        made.stash[SITUATION], made.stash[SILENT] = staged, staged.is_silent and planned.timed
    if (renew := getattr(made, "_initrequest", None)) is not None:
        renew()
    return made
