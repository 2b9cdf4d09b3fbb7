"""Writes a drift report for people, for pull requests and for programs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from fauxscale_contracts.profiles.profile import Profile

from .compare import KINDS, Difference, Kind, gravest

# The exit statuses of the command; 2 is for runs without a verdict, as everywhere.
EXITS: dict[Kind | None, int] = {None: 0, "news": 0, "additive": 3, "risky": 4, "breaking": 5}

_NAMED = 3


@dataclass(frozen=True, slots=True)
class DriftReport:
    """The findings at `base_url`. `cost` in dollars, by the price list. `patch`: the diff that turns the contract's
    guesses into observations; empty if there is nothing to learn. `unused`: differences in parts that no client uses,
    if usage was given; they do not count. `untried`: what was not tried, and how to try it."""

    provider: str
    api_version: str
    base_url: str
    cost: float
    statuses: dict[str, int]
    findings: Sequence[Difference]
    patch: str = ""
    unused: Sequence[Difference] = ()
    untried: Sequence[str] = ()

    @property
    def verdict(self) -> Kind | None:
        return gravest(self.findings)

    @property
    def exit(self) -> int:
        return EXITS[self.verdict]

    def to_json(self) -> str:
        body = {
            "provider": self.provider,
            "api_version": self.api_version,
            "base_url": self.base_url,
            "cost": round(self.cost, 2),
            "verdict": self.verdict or "none",
            "probes": [{"id": name, "status": status} for name, status in self.statuses.items()],
            "findings": [asdict(one) for one in self.findings],
            "unused": [asdict(one) for one in self.unused],
            "untried": list(self.untried),
            "patch": self.patch,
        }
        return json.dumps(body, indent=2, ensure_ascii=False)

    def to_text(self) -> str:
        lines = [self._head()]
        for one in self.findings:
            lines.append(f"{one.kind:9} {one.probe}: {one.pointer or 'answer'} {one.message}")
            sides = {"documented": one.documented, "recorded": one.recorded}
            sides |= {"stand-in": one.stood_in, "live": one.live}
            lines.append("          " + " · ".join(f"{side} {said or '—'}" for side, said in sides.items()))
            if one.used_by:
                lines.append(f"          used by {_named(one.used_by)}")
        lines += [f"untried   {line}" for line in self.untried]
        return "\n".join(lines)

    def to_markdown(self) -> str:
        lines = [f"## Drift: {self.provider} {self.api_version}", "", self._head(), ""]
        if self.findings:
            lines += ["| class | probe | where | what | documented | recorded | stand-in | live | used by |"]
            lines += ["|---|---|---|---|---|---|---|---|---|"]
        for one in self.findings:
            cells = [f"**{one.kind}**", one.probe, f"`{one.pointer or 'answer'}`", one.message]
            cells += [one.documented or "—", one.recorded or "—", one.stood_in or "—", one.live or "—"]
            cells += [_named(one.used_by) or "—"]
            lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
        return "\n".join(lines)

    def _head(self) -> str:
        counts = {kind: sum(one.kind == kind for one in self.findings) for kind in reversed(KINDS)}
        said = ", ".join(f"{count} {kind}" for kind, count in counts.items() if count) or "no drift"
        quiet = f"; {len(self.unused)} more in parts that no client uses" if self.unused else ""
        return f"{said} in {len(self.statuses)} answers of {self.base_url}, for about ${self.cost:.2f}{quiet}"


def _named(users: Sequence[str]) -> str:
    """A few of the users, and how many there are besides."""
    more = f" and {len(users) - _NAMED} more" if len(users) > _NAMED else ""
    return ", ".join(users[:_NAMED]) + more


def plan(profile: Profile, trials: float = 0.0) -> tuple[str, float]:
    """Print the price of the probes, and return the most they can cost, in dollars. `trials`: the most that trials
    add."""
    probes = profile.probes
    likely = sum(one.cost for one in probes)
    most = sum(one.worst_cost for one in probes) + trials
    lines = [f"  ${one.cost:.2f}  {one.id} ({one.operation})" for one in probes]
    more = f", at most ${most:.2f} if it accepts what it should reject" if most > likely else ""
    return "\n".join([f"{len(probes)} calls to {profile.name} for ${likely:.2f}{more}:", *lines]), most
