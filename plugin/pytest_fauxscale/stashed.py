"""The keys of what a run and a test keep in pytest's stash."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from fauxscale_contracts.explore.situations import Situation  # noqa: F401  # in a text that names a type

    from .account import TestedAccount  # noqa: F401
    from .remote import Server  # noqa: F401

SERVER = pytest.StashKey["Server"]()
ACCOUNT = pytest.StashKey["TestedAccount | None"]()
# The situation that a test is explored in; not there in a plain run.
SITUATION = pytest.StashKey["Situation"]()
# Whether the service says nothing in it, which the client's time-outs end: they are known.
SILENT = pytest.StashKey[bool]()
