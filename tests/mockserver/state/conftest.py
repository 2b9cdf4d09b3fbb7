"""What the tests of state share: a store, of every kind there is."""

from __future__ import annotations

import pytest

from fauxscale.state.scope import Scope
from fauxscale.state.store import MemoryStore, Store
from tests.mockserver.state.encoding_store import EncodingStore


@pytest.fixture(params=[MemoryStore, EncodingStore])
def store(request: pytest.FixtureRequest) -> Store:
    made: Store = request.param()
    return made


@pytest.fixture
def scope(store: Store) -> Scope:
    """Where the rooms of one account keep their state."""
    return Scope(store, "acct_1")
