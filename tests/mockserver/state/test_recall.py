"""A worker remembers what it used last, and no more than there is room for."""

from __future__ import annotations

import pytest

from fauxscale.state import recall
from fauxscale.state.recall import Recall


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> Recall[str]:
    monkeypatch.setattr(recall, "_MOST", 2)
    return Recall()


def test_what_was_used_longest_ago_is_forgotten_first(known: Recall[str]) -> None:
    known.owners.put("a", "1")
    known.owners.put("b", "2")
    assert known.owners.get("a") == "1"
    known.owners.put("c", "3")
    assert [known.owners.get(name) for name in "abc"] == ["1", None, "3"]


def test_one_entry_is_forgotten_by_its_name_and_an_unknown_one_is_none(known: Recall[str]) -> None:
    known.givers.put("link", ("acct_1", 1))
    known.givers.put("other", ("acct_2", 1))
    known.givers.forget("link")
    known.givers.forget("never there")
    assert (known.givers.get("link"), known.givers.get("other")) == (None, ("acct_2", 1))


def test_clearing_forgets_every_kind(known: Recall[str]) -> None:
    known.owners.put("a", "1")
    known.givers.put("a", ("acct_1", 1))
    known.clear()
    assert (known.owners.get("a"), known.givers.get("a")) == (None, None)
