"""The values of a gate: what each report found, and the overall verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

Level: TypeAlias = Literal["fail", "warn", "note"]
Verdict: TypeAlias = Literal["PASS", "FAIL", "NO VERDICT"]
LEVELS: tuple[Level, ...] = ("fail", "warn", "note")
_GRAVITY: tuple[Verdict, ...] = ("PASS", "NO VERDICT", "FAIL")
# The exit statuses of the command.
EXITS: dict[Verdict, int] = {"PASS": 0, "FAIL": 1, "NO VERDICT": 2}


@dataclass(frozen=True, slots=True)
class GateFinding:
    """One finding of a report. `id` is stable from run to run; `file` is a file of the project, "" for none.

    `details` are pairs of a name and a text: what was staged, what was expected, what happened.
    """

    level: Level
    id: str
    title: str
    details: tuple[tuple[str, str], ...] = ()
    advice: str = ""
    more: str = ""
    file: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """One report as the gate read it. `summary` is one line; `trouble` says why it has no verdict, "" if it has one."""

    name: str
    summary: str
    findings: Sequence[GateFinding] = ()
    trouble: str = ""

    @property
    def verdict(self) -> Verdict:
        """FAIL wins over a missing verdict: something is known to be wrong."""
        if any(one.level == "fail" for one in self.findings):
            return "FAIL"
        return "NO VERDICT" if self.trouble else "PASS"

    def strictly(self) -> Part:
        """The same, with warnings as failures."""
        worse = [replace(one, level="fail") if one.level == "warn" else one for one in self.findings]
        return replace(self, findings=worse)


@dataclass(frozen=True, slots=True)
class Gate:
    """All parts, and their verdict."""

    parts: Sequence[Part]

    @property
    def verdict(self) -> Verdict:
        verdicts: list[Verdict] = [one.verdict for one in self.parts]
        return max(verdicts, key=_GRAVITY.index)

    @property
    def exit(self) -> int:
        return EXITS[self.verdict]

    def count(self, level: Level) -> int:
        return sum(finding.level == level for part in self.parts for finding in part.findings)
