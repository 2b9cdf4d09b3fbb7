"""Writes a gate's findings as SARIF 2.1.0, which code scanning reads (OASIS, errata 01 of 2023-08-28)."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from .finding import Gate, GateFinding, Level

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS: dict[Level, str] = {"fail": "error", "warn": "warning", "note": "note"}


def as_sarif(gate: Gate, source: str, version: str) -> str:
    """Write for code scanning. `source` is the file for findings without a file of their own: GitHub requires one for
    each."""
    found = {one.id: one for part in gate.parts for one in part.findings}
    troubles = [part.trouble for part in gate.parts if part.trouble]
    run: dict[str, Any] = {
        "tool": {
            "driver": {
                "name": "fauxscale-contracts gate",
                "version": version,
                "rules": [_rule(one) for one in found.values()],
            }
        },
        "results": [_result(one, source) for part in gate.parts for one in part.findings],
        "invocations": [
            {
                "executionSuccessful": not troubles,
                "toolExecutionNotifications": [
                    {"level": "error", "message": {"text": trouble}} for trouble in troubles
                ],
            }
        ],
    }
    return (
        json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2, ensure_ascii=False)
        + "\n"
    )


def _rule(finding: GateFinding) -> dict[str, Any]:
    rule: dict[str, Any] = {"id": finding.id, "shortDescription": {"text": finding.title}}
    if finding.advice:
        rule["help"] = {"text": finding.advice}
    return rule


def _result(finding: GateFinding, source: str) -> dict[str, Any]:
    text = "\n".join([finding.title, *(f"{name}: {text}" for name, text in finding.details)])
    place = {"artifactLocation": {"uri": finding.file or source}, "region": {"startLine": 1}}
    return {
        "ruleId": finding.id,
        "level": _LEVELS[finding.level],
        "message": {"text": text},
        "locations": [{"physicalLocation": place}],
        # The same finding in two runs is one alert.
        "partialFingerprints": {"finding/v1": hashlib.sha256(finding.id.encode()).hexdigest()},
    }
