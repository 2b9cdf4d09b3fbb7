"""Reports the findings of a run: on a screen, as JSON, as JUnit's XML, as a Markdown table."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from xml.etree import ElementTree

from fauxscale_contracts.console import atomic_write

from .advice import explain
from .candidate import CannotRun
from .dates import CURRENT
from .verdicts import Finding, counts

# XML 1.0 knows no control characters but these.
_WHITE = "\t\n\r"


@dataclass(frozen=True, slots=True)
class Run:
    """A client's run through a provider's list of scenarios. `broken`: why it ended early. `notices`: notes about the
    client as a whole. `dated`: the date of the list."""

    provider: str
    api_version: str
    client: str
    findings: Sequence[Finding]
    broken: str = ""
    notices: tuple[str, ...] = ()
    operation: str = ""
    dated: str = CURRENT

    @property
    def list_name(self) -> str:
        """Which list it ran through: `ideogram`, `ideogram generate`."""
        return f"{self.provider} {self.operation}".rstrip()

    @property
    def heads(self) -> list[str]:
        """Notes to read before the findings."""
        return [*([f"the run is incomplete: {self.broken}"] if self.broken else []), *self.notices]


def grid(run: Run) -> str:
    """Write for people: a line for each scenario, and the details of those that did not pass."""
    lines = [f"{run.client} at {run.list_name} {run.api_version}, scenarios of {run.dated}"]
    lines += [f"! {head}" for head in run.heads]
    for one in run.findings:
        lines.append(f"  {one.verdict:<8}  {one.id}")
        told = explain(one)
        if one.faults:
            lines += [f"{'':12}{line}" for line in told.lines()]
        elif one.verdict == "not run":
            lines.append(f"{'':12}{told.happened}")
        elif told.note:
            lines.append(f"{'':12}note: {told.note}")
    return "\n".join([*lines, summary(run.findings)])


def summary(findings: Sequence[Finding]) -> str:
    """Count the verdicts: `86 PASS, 2 FAIL`, and the accepted and unrun ones if there are any."""
    tally = Counter(one.verdict for one in findings)
    said = [f"{tally['PASS']} PASS", f"{tally['FAIL']} FAIL"]
    said += [f"{tally[one]} {one}" for one in ("accepted", "not run") if tally[one]]
    return ", ".join(said)


def as_json(run: Run) -> str:
    """Write for programs; `passed` counts each PASS, `failed` each FAIL that was not accepted."""
    passed, failed = counts(run.findings)
    body = {
        "provider": run.provider,
        **({"operation": run.operation} if run.operation else {}),
        "api_version": run.api_version,
        "scenario_list": run.dated,
        "client": run.client,
        "notices": run.heads,
        "scenarios": [_as_object(one) for one in run.findings],
        "passed": passed,
        "failed": failed,
    }
    return json.dumps(body, indent=2, ensure_ascii=False)


def _as_object(finding: Finding) -> dict[str, object]:
    expect, measured = finding.expect, finding.measured
    found: dict[str, object] = {
        "id": finding.id,
        "verdict": finding.verdict,
        **asdict(explain(finding)),
        "seen": finding.seen,
        "faults": list(finding.faults),
        "notes": list(finding.notes),
        "seconds": round(finding.seconds, 3),
    }
    # Nothing is counted if any outcome is right, or if nothing was played.
    if expect is not None and finding.verdict != "not run":
        least, most = expect.calls
        found["outcome"] = {"expected": expect.outcome, "endings": list(measured.endings)}
        found["calls"] = {"made": measured.calls, "least": least, "most": most}
        found["waits"] = {"seconds": _rounded(measured.waits), "least": expect.waits}
        found["poll_waits"] = {"seconds": _rounded(measured.poll_waits), "least": expect.poll_waits}
        found["charges"] = {"made": measured.charges, "most": expect.charges, "usd": measured.micros / 1e6}
    return found


def _rounded(seconds: Sequence[float]) -> list[float]:
    return [round(one, 3) for one in seconds]


def as_junit(run: Run) -> str:
    """Write for CI: a test case for each scenario, and one that is an error for an incomplete run."""
    tally = Counter(one.verdict for one in run.findings)
    suite = ElementTree.Element(
        "testsuite",
        name=f"fauxscale.conform.{run.list_name.replace(' ', '.')}",
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
        told = explain(one)
        if one.verdict == "FAIL":
            failure = ElementTree.SubElement(case, "failure", message=_printable(told.happened))
            failure.text = _printable("\n".join(told.lines()))
        elif one.verdict != "PASS":
            skipped = ElementTree.SubElement(case, "skipped", message=_printable(told.happened))
            skipped.text = _printable("\n".join(told.lines()))
        if one.notes:
            ElementTree.SubElement(case, "system-out").text = _printable("; ".join(one.notes))
    if run.broken:
        case = ElementTree.SubElement(suite, "testcase", classname=run.provider, name="the whole run")
        ElementTree.SubElement(case, "error", message=_printable(run.broken))
    if run.notices:
        ElementTree.SubElement(suite, "system-out").text = _printable("\n".join(run.notices))
    return ElementTree.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"


def as_markdown(run: Run) -> str:
    """Write for a page: the findings that did not pass, and the count of the rest."""
    lines = [f"**{run.client}** at {run.list_name} {run.api_version}: {summary(run.findings)}.", ""]
    lines += [text for head in run.heads for text in (f"{_cell(head)[:1].upper()}{_cell(head)[1:]}", "")]
    failed = [one for one in run.findings if one.verdict in ("FAIL", "accepted")]
    if failed:
        lines += ["| scenario | staged | expected | what happened | what to do |", "|---|---|---|---|---|"]
        lines += [_row(one) for one in failed]
        lines += ["", "More about a scenario: `fauxscale-contracts scenarios ID`.", ""]
    lines += [f"- `{one.id}`: {_cell('; '.join(one.notes))}" for one in run.findings if one.notes]
    return "\n".join(lines).rstrip() + "\n"


def _row(finding: Finding) -> str:
    told = explain(finding)
    happened = f"{told.happened} (accepted: {told.accepted})" if told.accepted else told.happened
    cells = (told.staged, told.expected, happened, told.what_to_do)
    return f"| `{finding.id}` | {' | '.join(map(_cell, cells))} |"


def status(run: Run) -> int:
    """The exit status: 0 no FAIL, 1 some, 2 if the run is incomplete or nothing was judged."""
    if run.broken or all(one.verdict == "not run" for one in run.findings):
        return 2
    return 1 if counts(run.findings)[1] else 0


def check_writable(path: Path) -> None:
    """Raise CannotRun if `write_report` cannot succeed."""
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
