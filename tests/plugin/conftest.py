"""What the tests of the plugin share."""

from __future__ import annotations

import pytest

from tests.plugin.runs import Runs


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Runs:
    """Runs of pytest within this test."""
    return Runs(pytester, monkeypatch)
