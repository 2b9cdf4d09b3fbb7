"""--fauxscale-usage=DIR: writes what the tests' clients use of the recorded contracts, and which test uses it."""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fauxscale.observer import Observation
from fauxscale_contracts import ContractError, Exchange, Reply, Request, load
from fauxscale_contracts.usage.collected import Collected

from .json_reads import JsonReads

USAGE = pytest.StashKey["UsageWatcher"]()


class UsageWatcher:
    """Notes calls as the server answers them; `settle` collects them for the test that made them."""

    def __init__(self) -> None:
        self.collected = Collected()
        self._reads = JsonReads()
        self._lock = threading.Lock()
        self._calls: list[Observation] = []

    def __call__(self, call: Observation) -> None:
        self._reads.expect(call.reply)
        with self._lock:
            self._calls.append(call)

    @contextmanager
    def watching(self) -> Generator[None]:
        """While entered, watch which parts of the answers are read."""
        with self._reads.watching():
            yield

    def settle(self, test: str) -> None:
        """Collect the calls since the last time as a test's."""
        with self._lock:
            calls, self._calls = self._calls, []
        for call in calls:
            try:
                contract = load(call.provider, api_version=call.api_version or None)
            except ContractError:  # a provider of the user's own without a contract
                continue
            if operation := contract.operations.get(call.operation):
                reply = None if call.status is None else Reply(call.status, call.reply_headers, call.reply)
                request = Request(call.method, call.url, call.headers, call.body)
                read = self._reads.of(call.reply)
                if read is None and call.faults:
                    read = ()  # it may be lost, or no JSON: unseen parts were not read
                self.collected.note(contract, operation, Exchange(request, reply), test, read)
        self._reads.forget()


def settle(item: pytest.Item) -> None:
    """Collect the calls of a test that has ended; the server may be stopped by then."""
    if (watcher := item.config.stash.get(USAGE, None)) is not None:
        watcher.settle(item.nodeid)


def write(collected: Collected, config: pytest.Config) -> list[str]:
    """Write the files into the option's folder, and return a line for each, or why it cannot be written."""
    folder = Path(str(config.getoption("--fauxscale-usage")))
    try:
        return [f"usage: {file}" for file in collected.write(folder, config.rootpath.name)]
    except OSError as error:
        return [f"usage: {folder} cannot be written: {error.strerror}"]
