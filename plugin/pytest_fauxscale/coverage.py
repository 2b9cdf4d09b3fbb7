"""Situation coverage of a run: collects facts while tests run, and evaluates them once at the end."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from . import options
from .stashed import SITUATION

if TYPE_CHECKING:
    from fauxscale.client import FauxscaleClient
    from fauxscale.state.journal import Entry
    from fauxscale_contracts.coverage.coverage import Coverage

# The facts of a call until they are evaluated; beyond this many calls they are evaluated as they come.
_FACTS = (
    *(
        "n",
        "kind",
        "provider",
        "api_version",
        "operation",
        "path",
        "status",
        "rule",
        "configured",
        "ahead",
        "params",
    ),
    *("sent", "image", "refused_file", "parts", "results", "retry_after", "reply_headers", "reply"),
)
_MOST = 2_000


_REPORTS = ("term", "html", "json", "md")


class Collector:
    """The calls of a run by test and account, and the results of those that were evaluated."""

    def __init__(self, *, contracts: bool, whole: bool = True) -> None:
        """`contracts`: reports need the places of contracts. Not `whole`: calls without an account are not seen."""
        self._contracts, self._whole = contracts, whole
        self._lock = threading.Lock()
        self._new: list[tuple[str, Entry]] = []
        self._kept: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
        self._count = 0
        self._owners: dict[str, str] = {}
        self._last: dict[str, int] = {}
        self._test = ""
        # The client of a remote server, whose journals are read.
        self.client: FauxscaleClient | None = None
        self._coverage: Coverage | None = None

    def __call__(self, account: str, label: str, entry: Entry) -> None:
        """Note an entry; the server calls this."""
        with self._lock:
            self._new.append((account, entry))

    def give(self, account: str, test: str) -> None:
        """Count the calls of an account as a test's, even those that end after it; not at all without a name."""
        self._owners[account] = test

    def settle(self, item: pytest.Item) -> None:
        """Count the calls since the last time, of accounts without a test, as this test's: unless exploration has put
        it into a situation, which the project's own tests did not meet."""
        self._settle("" if item.stash.get(SITUATION, None) is not None else item.nodeid)

    def _settle(self, test: str) -> None:
        self._test = test
        with self._lock:
            new, self._new = self._new, []
        for account, entry in new:
            self._keep(account, test, {name: getattr(entry, name) for name in _FACTS})
        for account in sorted(self.client.opened) if self.client else ():
            self.read(account, test)
        if self._count > _MOST:
            self._judge()

    def read(self, account: str, test: str = "") -> None:
        """Note the calls of an account on a remote server since the last time, as those of `test`, or of the running
        test."""
        from fauxscale.client import NotFound

        assert self.client is not None
        test = test or os.environ.get("PYTEST_CURRENT_TEST", self._test).rpartition(" ")[0] or self._test
        with suppress(NotFound):
            for entry in self.client.call("GET", f"/accounts/{account}/calls")["calls"]:
                if entry["n"] > self._last.get(account, 0):
                    self._keep(account, test, entry)
                    self._last[account] = entry["n"]

    def add_members(self, members: Mapping[str, Any]) -> None:
        """Add a worker's results."""
        self.coverage().add_members(members)

    def coverage(self) -> Coverage:
        """Everything that was met."""
        self._settle(self._test)
        return self._judge()

    def _keep(self, account: str, test: str, facts: Mapping[str, Any]) -> None:
        if owner := self._owners.get(account, test):
            self._kept.setdefault((owner, account), []).append(facts)
            self._count += 1

    def _judge(self) -> Coverage:
        from fauxscale_contracts.coverage.coverage import Coverage

        if self._coverage is None:
            self._coverage = Coverage()
        for (test, _), facts in self._kept.items():
            ordered = sorted(facts, key=lambda one: one["n"])
            self._coverage.note(test, ordered, contracts=self._contracts, whole=self._whole)
        self._kept, self._count = {}, 0
        return self._coverage


COLLECTOR = pytest.StashKey[Collector]()


def check(config: pytest.Config) -> None:
    """Raise UsageError for unknown reports, and for an invalid percentage."""
    reports(config)
    if (options.coverage_fail_under(config) or 0) > 100:
        raise pytest.UsageError("fauxscale_coverage_fail_under must be a percentage from 0 to 100")


def reports(config: pytest.Config) -> list[tuple[str, str]]:
    """The requested reports, each with its file. Raises UsageError for an unknown report."""
    asked: list[str] = config.getoption("--fauxscale-coverage") or []
    found: list[tuple[str, str]] = []
    for one in asked:
        kind, _, path = one.partition(":")
        if kind not in _REPORTS or (kind == "term" and path):
            known = ", ".join(_REPORTS)
            raise pytest.UsageError(f"--fauxscale-coverage must be one of {known}, or html:PATH, not {one!r}")
        found.append((kind, path or f"fauxscale-coverage.{kind}"))
    return found


def collector_of(config: pytest.Config) -> Collector:
    """The collector of this run, or of this worker; made when first asked for."""
    remote = bool(config.getoption("--fauxscale-url"))
    made = Collector(contracts=bool(reports(config)), whole=not remote)
    return config.stash.setdefault(COLLECTOR, made)


def falls_short(config: pytest.Config) -> str:
    """Say by how much the run met too few situations; "" if it met enough."""
    wanted, collector = options.coverage_fail_under(config), config.stash.get(COLLECTOR, None)
    if wanted is None or collector is None or not (found := collector.coverage()) or found.share >= wanted:
        return ""
    return f"{found.share:.1f} % of the situations were met, less than {wanted:g} %"


def coverage_lines(config: pytest.Config) -> Iterator[str]:
    """Write the requested reports, and yield the lines of the terminal's summary."""
    if COLLECTOR not in config.stash or not (found := config.stash[COLLECTOR].coverage()):
        return
    from fauxscale_contracts.coverage.text import summary

    for kind, path in reports(config):
        if kind == "term":
            from fauxscale_contracts.coverage.text import as_text

            yield from ("", *as_text(found).splitlines(), "")
        else:
            yield f"fauxscale coverage: {_written(found, kind, Path(path))}"
    if line := summary(found):
        yield f"fauxscale: {line}"


def _written(found: Coverage, kind: str, path: Path) -> str:
    """Write a report; returns its path, or why it cannot be written."""
    from fauxscale_contracts.console.atomic_write import write

    try:
        write(path, _text(found, kind))
    except OSError as error:
        return f"{path} cannot be written: {error.strerror}"
    return str(path)


def _text(found: Coverage, kind: str) -> str:
    if kind == "json":
        from fauxscale_contracts.coverage.files import as_json

        return as_json(found)
    if kind == "md":
        from fauxscale_contracts.coverage.markdown import as_markdown

        return as_markdown(found)
    from datetime import UTC, datetime

    from fauxscale._version import __version__
    from fauxscale.clock import wall
    from fauxscale_contracts.coverage.page import as_html

    return as_html(
        found, f"{datetime.fromtimestamp(wall(), UTC):%Y-%m-%d %H:%M} UTC, fauxscale {__version__}"
    )
