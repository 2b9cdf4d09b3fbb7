"""Reads the file of accepted gaps: known failures of a client, which do not fail the build."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from .candidate import CannotRun
from .selection import matches, unmatched
from .verdicts import Finding


@dataclass(frozen=True, slots=True)
class Baseline:
    """Patterns of scenario ids, each with the reason why its gap is accepted."""

    gaps: Mapping[str, str] = field(default_factory=dict[str, str])

    def settle(self, finding: Finding) -> Finding:
        """Return the finding; with the reason, if it is a FAIL that the file accepts."""
        why = next((why for gap, why in self.gaps.items() if matches(finding.id, gap)), None)
        if finding.verdict != "FAIL" or why is None:
            return finding
        return replace(finding, verdict="accepted", reason=why or "the baseline gives no reason")

    def stale(self, findings: Iterable[Finding]) -> list[str]:
        """List the gaps that are closed: everything they name was played and passed."""
        verdicts = {one.id: one.verdict for one in findings}
        named = {gap: [verdicts[one] for one in verdicts if matches(one, gap)] for gap in self.gaps}
        return [gap for gap, seen in named.items() if seen and set(seen) == {"PASS"}]


def read(path: Path | None, provider: str, operation: str = "") -> Baseline:
    """Read a file with an id or pattern of the provider's scenarios and replies a line, followed by `# why`. Without a
    file there are none. Raises CannotRun, also for lines that accept nothing."""
    if path is None:
        return Baseline()
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise CannotRun(f"the baseline {path} cannot be read: {error}") from error
    entries = [line.partition("#") for line in lines]
    gaps = {gap.strip(): why.strip() for gap, _, why in entries if gap.strip()}
    if wrong := unmatched(provider, gaps, operation):
        raise CannotRun(f"the baseline {path}: {'; '.join(wrong)}")
    return Baseline(gaps)
