"""Copies Schemathesis' reports, without secrets, to the files the user named: all of them or none."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from xml.etree import ElementTree

from fauxscale import redact
from fauxscale.errors import FauxscaleError
from fauxscale_contracts.console.atomic_write import write
from fauxscale_contracts.profiles.outcomes import Outcome

MASKED = "[Filtered]"  # Schemathesis' replacement for the secrets that it knows by name


class NotWritten(FauxscaleError):
    """Raised for a report that could not be written, with the file and the reason."""


@dataclass(frozen=True, slots=True)
class Reports:
    """Where to write the exchanges and the verdicts; None: nowhere."""

    har: Path | None = None
    junit: Path | None = None

    def line(self, line: str, home: Path) -> str | None:
        """Rewrite a line of Schemathesis' output to name the user's files; None for a line to leave out.

        Nothing in the folder `home` outlives the run, so no line should name it.
        """
        if line.strip() == "Reports:" and not (self.har or self.junit):
            return None
        for made, wanted in ((har_at(home), self.har), (junit_at(home), self.junit)):
            if wanted is not None:
                line = line.replace(str(made), str(wanted))
        return None if str(home) in line else line

    def place(self, home: Path, mask: redact.Mask) -> None:
        """Copy the reports from Schemathesis' folder `home` to the user's files. Raises NotWritten."""
        for made, wanted in ((har_at(home), self.har), (junit_at(home), self.junit)):
            if wanted is None:
                continue
            try:
                text = made.read_text(encoding="utf-8", errors="replace")
                write(wanted, masked_har(text, mask) if wanted is self.har else mask.text(text))
            except (OSError, ValueError, LookupError) as error:
                why = error.strerror if isinstance(error, OSError) else "Schemathesis did not finish it"
                raise NotWritten(f"{wanted} cannot be written: {why}") from error


def har_at(home: Path) -> Path:
    """The file where Schemathesis writes its exchanges."""
    return home / "check.har"


def junit_at(home: Path) -> Path:
    """The file where Schemathesis writes the verdicts."""
    return home / "check.xml"


def lines(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """A section of lines about the checks beyond the schemas."""
    yield ""
    yield "Beyond the schemas:"
    yield from (f"  {one.verdict:<8}  {one.name}: {one.message}" for one in outcomes)


def add_outcomes(junit: Path, outcomes: Sequence[Outcome]) -> None:
    """Add a suite of the checks beyond the schemas to Schemathesis' report."""
    report = ElementTree.parse(junit)
    suite = ElementTree.SubElement(report.getroot(), "testsuite", name="beyond the schemas")
    for one in outcomes:
        case = ElementTree.SubElement(
            suite, "testcase", classname="outcomes", name=f"{one.name}: {one.message}"
        )
        if one.verdict != "PASS":
            kind = "failure" if one.verdict == "FAIL" else "skipped"
            ElementTree.SubElement(case, kind, message=one.message)
    tally = {"failures": sum(one.verdict == "FAIL" for one in outcomes), "tests": len(outcomes)}
    for place in (suite, report.getroot()):
        for name, count in tally.items():
            place.set(name, str(int(place.get(name) or 0) + count))
    report.write(junit, encoding="utf-8", xml_declaration=True)


def masked_har(text: str, mask: redact.Mask) -> str:
    """Mask a HAR file as in a recording: no cookies, no second copy of the query, every text masked.

    Raises ValueError and LookupError if it is no HAR file.
    """
    har = json.loads(text)
    har["log"]["entries"] = [_masked(entry, mask) for entry in har["log"]["entries"]]
    return json.dumps(har, ensure_ascii=False, indent=1).encode(errors="replace").decode()


def _masked(entry: Any, mask: redact.Mask) -> Any:
    made = cast("dict[str, Any]", mask.json(entry))
    for side in ("request", "response"):
        pairs = [(str(one["name"]), str(one["value"])) for one in entry[side]["headers"]]
        hidden = mask.headers(pairs)
        made[side]["headers"] = [
            {"name": name, "value": MASKED if value == MASKED else shown}
            for (name, value), (_, shown) in zip(pairs, hidden, strict=True)
        ]
        made[side]["cookies"] = []
    made["request"]["queryString"] = []
    return made
