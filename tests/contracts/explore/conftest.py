"""What the tests of exploration share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fauxscale import MockServer, Settings
from fauxscale.client import AccountHandle


@pytest.fixture(scope="session")
def server() -> Iterator[MockServer]:
    with MockServer(Settings(key_policy="issued")) as mock:
        yield mock


@pytest.fixture
def account(server: MockServer) -> Iterator[AccountHandle]:
    with server.account() as account:
        yield account
