"""Checks a test once its body has ended: its calls' contract, blocked calls it swallowed, faults it never met."""

from __future__ import annotations

import warnings

import pytest

from fauxscale.client import AccountHandle
from fauxscale.faults import Ok

from . import options
from .blocked_calls import BlockedCalls
from .contract_check import BREACHES, ContractWarning, Watcher
from .contract_log import ContractLog
from .stashed import SITUATION

WATCHER = pytest.StashKey[Watcher]()
BLOCKED = pytest.StashKey[BlockedCalls]()


class UnusedFault(UserWarning):
    """Warning: a test passed, and a fault that it configured never applied."""


def begin(item: pytest.Item) -> None:
    """Count the calls from here on as this test's."""
    item.stash[BREACHES] = ""
    item.config.stash[BLOCKED].begin()
    if (watcher := item.config.stash.get(WATCHER, None)) is not None:
        watcher.begin()


def made_calls(item: pytest.Item) -> bool:
    """Whether the server has answered a call since this test began."""
    watcher = item.config.stash.get(WATCHER, None)
    return watcher is not None and watcher.saw_any


def check_blocked_calls(item: pytest.Item, account: AccountHandle | None) -> None:
    """Fail a test that would pass although its program swallowed the refusal of a live call."""
    if text := item.config.stash[BLOCKED].swallowed(item, account):
        pytest.fail(text, pytrace=False)


def check_unused_faults(item: pytest.Item, account: AccountHandle) -> None:
    """Warn of configured faults that never applied in a passing test."""
    if SITUATION in item.stash:
        return
    for rule in account.faults.list():
        never = [type(step).__name__ for step in rule.script[rule.applied :] if not isinstance(step, Ok)]
        if never and rule.probability is None:
            applied = (
                f"applied {rule.applied} of {len(rule.script)} times" if rule.applied else "never applied"
            )
            text = f"{rule.id}, configured on {rule.on!r}, {applied}: no call for {', '.join(never)}"
            try:
                item.warn(UnusedFault(text))
            except UnusedFault:  # the run turns warnings into errors
                pytest.fail(text, pytrace=False)


def check_contract(item: pytest.Item, log: ContractLog, failure: BaseException | None) -> None:
    """Fail the test, add to its failure, or warn, if a call it made left the recorded contract."""
    strictness, allowed = options.contract(item)
    watcher = item.config.stash.get(WATCHER, None)  # none for a remote server
    strict = strictness == "strict"
    # In a situation a test is judged by its client's behaviour.
    if strictness == "off" or watcher is None or SITUATION in item.stash:
        return
    breaches, refused = watcher.take()
    log.departures += [one for breach in breaches for one in breach.to_members(item.nodeid)]
    if failure is None:
        log.swallowed += [f"{item.nodeid} ({one})" for one in refused]
    if not (found := [line for breach in breaches for line in breach.lines(allowed, strict)]):
        return
    head = (
        "calls that violate the recorded contract:" if strict else "calls that the real service would reject:"
    )
    text = item.stash[BREACHES] = "\n".join([head, *found])
    if strictness == "warn":
        warnings.warn(text, ContractWarning, stacklevel=2)
    elif failure is None:
        pytest.fail(text, pytrace=False)
    else:
        failure.add_note(text)
