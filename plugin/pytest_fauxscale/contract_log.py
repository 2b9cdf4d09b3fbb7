"""The log of a run: how calls left the recorded contracts, and which were refused in tests that passed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

_NAMED = 3


class ContractLog:
    """Violations for the gate, and a line for each refused call of a test that passed."""

    def __init__(self) -> None:
        self.departures: list[dict[str, str]] = []
        self.swallowed: list[str] = []

    def add(self, members: Mapping[str, Any]) -> None:
        """Add the log of a worker."""
        self.departures += members.get("departures", [])
        self.swallowed += members.get("swallowed", [])

    def to_members(self) -> dict[str, Any]:
        return dict(vars(self))

    @property
    def summary(self) -> str:
        """A line about calls that were refused in tests that passed; "" if there were none."""
        if not self.swallowed:
            return ""
        named = "; ".join(self.swallowed[:_NAMED])
        more = f" and {len(self.swallowed) - _NAMED} more" if len(self.swallowed) > _NAMED else ""
        plural = "call was" if len(self.swallowed) == 1 else "calls were"
        return f"{len(self.swallowed)} {plural} refused in tests that passed: {named}{more}"

    def write(self, file: Path, judged: int) -> str:
        """Write the report, and return a line that says so, or why it cannot be written."""
        import json

        body = {"judged": judged, "departures": self.departures}
        try:
            file.write_text(json.dumps(body, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        except OSError as error:
            return f"{file} cannot be written: {error.strerror}"
        return f"report: {file}"
