"""Writes a gate's verdict as Markdown for a pull request, as JUnit XML, and as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree import ElementTree

from .finding import LEVELS, Gate, GateFinding, Level, Part

_WORDS: dict[Level, str] = {"fail": "failing", "warn": "to look at", "note": "noted"}
# GitHub truncates a comment at 65,536 characters and a summary at a megabyte.
_MOST = 30


def counted(gate: Gate) -> str:
    """Count the findings: `2 failing, 1 to look at`; `nothing found` if there are none."""
    said = [f"{count} {_WORDS[level]}" for level in LEVELS if (count := gate.count(level))]
    return ", ".join(said) or "nothing found"


def as_text(gate: Gate) -> str:
    """Write for a terminal: a line for each part, and below it what fails or has to be looked at."""
    lines: list[str] = []
    for part in gate.parts:
        lines.append(f"{part.verdict:<10}  {part.name}: {part.summary}")
        if part.trouble:
            lines.append(f"{'':12}{part.trouble}")
        lines += [f"{'':12}{one.level}: {one.title}" for one in part.findings if one.level != "note"]
    return "\n".join([*lines, f"{gate.verdict}: {counted(gate)}"])


def as_markdown(gate: Gate) -> str:
    """Write for a pull request: a row for each part, and a folded section for each finding except notes."""
    lines = [f"## Contract gate: {gate.verdict}", "", f"{counted(gate)[:1].upper()}{counted(gate)[1:]}.", ""]
    lines += ["| verdict | report | result |", "|---|---|---|"]
    lines += [
        f"| {part.verdict} | {_cell(part.name)} | {_cell(part.trouble or part.summary)} |"
        for part in gate.parts
    ]
    found = [one for part in gate.parts for one in part.findings if one.level != "note"]
    for one in found[:_MOST]:
        lines += ["", f"<details><summary><b>{one.level}</b>: {_html(one.title)}</summary>", ""]
        lines += [f"- {name}: {_line(text)}" for name, text in one.details]
        if one.advice:
            lines += ["", _line(one.advice)]
        lines += ["", "</details>"]
    if found[_MOST:]:
        lines += ["", f"{len(found) - _MOST} more are in the page of the gate."]
    return "\n".join(lines) + "\n"


def as_junit(gate: Gate) -> str:
    """Write for CI: a suite for each part, a case for each finding; a missing verdict is an error."""
    suites = ElementTree.Element("testsuites", name="fauxscale.gate")
    for part in gate.parts:
        cases = list(_cases(part))
        tally = {
            kind: sum(case.find(kind) is not None for case in cases)
            for kind in ("failure", "error", "skipped")
        }
        counts = {"failures": tally["failure"], "errors": tally["error"], "skipped": tally["skipped"]}
        words = {name: str(count) for name, count in {"tests": len(cases), **counts}.items()}
        ElementTree.SubElement(suites, "testsuite", {"name": part.name, **words}).extend(cases)
    return ElementTree.tostring(suites, encoding="unicode", xml_declaration=True) + "\n"


def _cases(part: Part) -> Iterator[ElementTree.Element]:
    whole = _case(part, "verdict")
    if part.trouble:
        ElementTree.SubElement(whole, "error", message=_printable(part.trouble))
    yield whole
    for one in part.findings:
        case = _case(part, one.id)
        kind = "failure" if one.level == "fail" else "skipped"
        ElementTree.SubElement(case, kind, message=_printable(one.title)).text = _printable(_told(one))
        yield case


def _case(part: Part, name: str) -> ElementTree.Element:
    return ElementTree.Element("testcase", classname=_printable(part.name), name=_printable(name))


def _told(finding: GateFinding) -> str:
    lines = [f"{name}: {text}" for name, text in finding.details]
    return "\n".join([*lines, *filter(None, [finding.advice, finding.more])])


def _printable(text: str) -> str:
    """XML 1.0 allows no control characters except white space."""
    return "".join(one if one.isprintable() or one in "\t\n\r" else "�" for one in text)


def _line(text: str) -> str:
    return _html(" ".join(text.split()))


def _html(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _cell(text: str) -> str:
    return _line(text).replace("|", "\\|")
