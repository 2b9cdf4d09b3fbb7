"""A worker remembers what it used last, and no more than there is room for."""

from __future__ import annotations

import pytest

from fauxscale.state import recall
from fauxscale.state.recall import Owner, Recall

ONE, TWO, THREE = (Owner(f"acct_{number}", "*") for number in (1, 2, 3))


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> Recall:
    monkeypatch.setattr(recall, "_MOST", 2)
    return Recall()


def test_what_was_used_longest_ago_is_forgotten_first(known: Recall) -> None:
    known.owners.put("a", ONE)
    known.owners.put("b", TWO)
    assert known.owners.get("a") == ONE
    known.owners.put("c", THREE)
    assert [known.owners.get(name) for name in "abc"] == [ONE, None, THREE]


def test_clearing_forgets_every_kind(known: Recall) -> None:
    known.owners.put("a", ONE)
    known.givers.put("a", ("acct_1", 1))
    known.clear()
    assert (known.owners.get("a"), known.givers.get("a")) == (None, None)
