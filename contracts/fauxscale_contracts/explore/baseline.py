"""Reads the file of accepted findings: what a client is known to do, and what is not reported again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Baseline:
    """Patterns of tests and situations, each with the reason why its findings are accepted."""

    entries: Mapping[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str])

    def reason(self, test: str, situation: str) -> str:
        """Why a finding is accepted, "" if it is not."""
        return next(
            (
                why
                for (tests, situations), why in self.entries.items()
                if (test == tests or fnmatchcase(test, tests)) and fnmatchcase(situation, situations)
            ),
            "",
        )

    @classmethod
    def read(cls, file: str | Path | None) -> Baseline:
        """Read a file with `TEST SITUATION # why` a line, both may be patterns. Raises ValueError."""
        if file is None:
            return cls()
        try:
            lines = Path(file).read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise ValueError(f"the baseline {file} cannot be read: {error}") from error
        entries: dict[tuple[str, str], str] = {}
        for number, line in enumerate(lines, 1):
            said, _, why = line.partition(" # ")
            if not said.strip() or said.lstrip().startswith("#"):
                continue
            test, _, situation = said.strip().rpartition(" ")
            if not test or not why.strip():
                raise ValueError(f"the baseline {file}, line {number}: expected TEST SITUATION # why")
            entries[test.strip(), situation] = why.strip()
        return cls(entries)
