"""Reports the findings of a run: on a screen, as JSON, as JUnit's XML, as a Markdown table."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from fauxscale_contracts.console import atomic_write

from .candidate import CannotRun
from .scenarios import VERSION
from .verdicts import Finding, counts

# XML 1.0 knows no control characters but these.
_WHITE = "\t\n\r"


@dataclass(frozen=True, slots=True)
class Run:
    """A client's run through a provider's list of scenarios. `broken`: why it ended before its end. `notices`:
    what is to be said of the client as a whole."""

    provider: str
    api_version: str
    client: str
    findings: Sequence[Finding]
    broken: str = ""
    notices: tuple[str, ...] = ()

    @property
    def heads(self) -> list[str]:
        """What to read before the findings."""
        return [*([f"the run is not whole: {self.broken}"] if self.broken else []), *self.notices]


def grid(run: Run) -> str:
    """Write for people: a line for each scenario, and what was seen of those that did not pass."""
    width = max((len(one.id) for one in run.findings), default=0)
    lines = [f"{run.client} at {run.provider} {run.api_version}, scenarios version {VERSION}"]
    lines += [f"! {head}" for head in run.heads]
    for one in run.findings:
        lines.append(f"  {one.verdict:<8}  {one.id:<{width}}  {'; '.join(one.faults)}".rstrip())
        if one.faults:
            lines.append(f"{'':12}expected: {one.expected}")
            lines.append(f"{'':12}seen: {one.seen}")
        elif one.verdict == "not run":
            lines.append(f"{'':12}{one.seen}")
        elif one.notes:
            lines.append(f"{'':12}note: {'; '.join(one.notes)}")
    return "\n".join([*lines, summary(run.findings)])


def summary(findings: Sequence[Finding]) -> str:
    """Count the verdicts: `86 PASS, 2 FAIL`, and what was accepted or not run where there is any."""
    tally = Counter(one.verdict for one in findings)
    said = [f"{tally['PASS']} PASS", f"{tally['FAIL']} FAIL"]
    said += [f"{tally[one]} {one}" for one in ("accepted", "not run") if tally[one]]
    return ", ".join(said)


def as_json(run: Run) -> str:
    """Write for programs; `passed` counts each PASS, `failed` each FAIL that was not accepted."""
    passed, failed = counts(run.findings)
    body = {
        "provider": run.provider,
        "api_version": run.api_version,
        "version": VERSION,
        "client": run.client,
        "notices": run.heads,
        "scenarios": [
            {
                "id": one.id,
                "verdict": one.verdict,
                "expected": one.expected,
                "seen": one.seen,
                "faults": list(one.faults),
                "notes": list(one.notes),
                "seconds": round(one.seconds, 3),
            }
            for one in run.findings
        ],
        "passed": passed,
        "failed": failed,
    }
    return json.dumps(body, indent=2, ensure_ascii=False)


def as_junit(run: Run) -> str:
    """Write for CI: a test case for each scenario, and one that is an error for a run that is not whole."""
    tally = Counter(one.verdict for one in run.findings)
    suite = ElementTree.Element(
        "testsuite",
        name=f"fauxscale.conform.{run.provider}",
        tests=str(len(run.findings) + bool(run.broken)),
        failures=str(tally["FAIL"]),
        errors=str(int(bool(run.broken))),
        skipped=str(tally["accepted"] + tally["not run"]),
        time=f"{sum(one.seconds for one in run.findings):.3f}",
    )
    for one in run.findings:
        case = ElementTree.SubElement(
            suite, "testcase", classname=run.provider, name=one.id, time=f"{one.seconds:.3f}"
        )
        if one.verdict == "FAIL":
            failure = ElementTree.SubElement(case, "failure", message=_printable("; ".join(one.faults)))
            failure.text = _printable(f"expected: {one.expected}\nseen: {one.seen}")
        elif one.verdict != "PASS":
            ElementTree.SubElement(case, "skipped", message=_printable("; ".join(one.faults) or one.seen))
        if one.notes:
            ElementTree.SubElement(case, "system-out").text = _printable("; ".join(one.notes))
    if run.broken:
        case = ElementTree.SubElement(suite, "testcase", classname=run.provider, name="the whole run")
        ElementTree.SubElement(case, "error", message=_printable(run.broken))
    if run.notices:
        ElementTree.SubElement(suite, "system-out").text = _printable("\n".join(run.notices))
    return ElementTree.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"


def as_markdown(run: Run) -> str:
    """Write for a page: what did not pass, and the sum of the rest."""
    lines = [f"**{run.client}** at {run.provider} {run.api_version}: {summary(run.findings)}.", ""]
    lines += [text for head in run.heads for text in (f"{_cell(head)[:1].upper()}{_cell(head)[1:]}", "")]
    failed = [one for one in run.findings if one.verdict in ("FAIL", "accepted")]
    if failed:
        lines += ["| scenario | expected | what happened |", "|---|---|---|"]
        lines += [
            f"| `{one.id}` | {_cell(one.expected)} | {_cell('; '.join(one.faults))} |" for one in failed
        ]
        lines.append("")
    lines += [f"- `{one.id}`: {_cell('; '.join(one.notes))}" for one in run.findings if one.notes]
    return "\n".join(lines).rstrip() + "\n"


def status(run: Run) -> int:
    """The exit status: 0 no FAIL, 1 some, 2 it is not whole or nothing was judged."""
    if run.broken or all(one.verdict == "not run" for one in run.findings):
        return 2
    return 1 if counts(run.findings)[1] else 0


def check_writable(path: Path) -> None:
    """Raise CannotRun where `write_report` is bound to fail."""
    if path.is_dir():
        raise CannotRun(f"{path} cannot be written: it is a folder")
    if not path.parent.is_dir():
        raise CannotRun(f"{path} cannot be written: there is no folder {path.parent}")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise CannotRun(f"{path} cannot be written: {path.parent} is not writable")


def write_report(path: Path, text: str) -> None:
    """Write all of a file or nothing of it. Raises CannotRun."""
    try:
        atomic_write.write(path, text)
    except OSError as error:
        raise CannotRun(f"{path} cannot be written: {error.strerror}") from error


def _printable(text: str) -> str:
    return "".join(one if one.isprintable() or one in _WHITE else "�" for one in text)


def _cell(text: str) -> str:
    return _printable(text).replace("|", "\\|").replace("\n", " ")
