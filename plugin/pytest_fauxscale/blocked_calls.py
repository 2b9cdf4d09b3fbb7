"""Live calls that were blocked during a test, and whether the test noticed: a swallowed refusal is a bug."""

from __future__ import annotations

from collections.abc import Callable
from traceback import walk_tb

import pytest

from fauxscale.client import AccountHandle
from fauxscale.interception.guard import LiveCallRefused

_ADVICE = (
    "the program under test swallowed this error, so the test did not see it. If the test is about the refusal, "
    "catch the error in the test itself or read calls.refused"
)


class BlockedCalls:
    """The live calls that were refused while the current test ran."""

    def __init__(self) -> None:
        self._refused: list[tuple[str, LiveCallRefused]] = []

    def begin(self) -> None:
        """Forget earlier refusals: a test begins."""
        self._refused = []

    def noting(
        self, account_id: str, record: Callable[[LiveCallRefused], None]
    ) -> Callable[[LiveCallRefused], None]:
        """Wrap `record` so that each refusal is noted here too."""

        def note(refused: LiveCallRefused) -> None:
            self._refused.append((account_id, refused))
            record(refused)

        return note

    def swallowed(self, item: pytest.Item, account: AccountHandle | None) -> str:
        """Describe the refusals that this test never noticed, "" if there are none.

        It noticed those that were raised in its own function, caught there or not, and those that it read.
        """
        refused, self._refused = self._refused, []
        read = account.refusals_read if account else 0
        owned = [error for owner, error in refused if account and owner == account.id]
        known = {id(error) for error in owned[:read]}
        unknown = [error for _, error in refused if id(error) not in known and not _came_up(error, item)]
        return "\n".join([*dict.fromkeys(map(str, unknown)), _ADVICE]) if unknown else ""


def _came_up(error: LiveCallRefused, item: pytest.Item) -> bool:
    """Whether the error passed through the test's function, or one inside it, on its way up the stack."""
    if error.__traceback__ is None:
        return True  # a caught error has one, unless it was removed, as unittest's assertRaises does
    name = getattr(item, "originalname", None) or item.name
    return any(name in frame.f_code.co_qualname.split(".") for frame, _ in walk_tb(error.__traceback__))
