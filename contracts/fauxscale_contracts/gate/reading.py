"""Reads the JSON reports of `conform`, `drift` and tests, and the age of contracts, as parts of a gate."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, cast

from fauxscale_contracts.contract.contract import Contract

from .finding import GateFinding, Level, Part

# Drift from the least serious on.
DRIFT = ("news", "additive", "risky", "breaking")
Read = Callable[[Mapping[str, Any]], Part]


def report(name: str, file: Path, read: Read) -> Part:
    """Read a report; a missing or invalid one is a part without a verdict."""
    try:
        body = json.loads(file.read_bytes())
        if not isinstance(body, dict):
            raise TypeError("it is not a JSON object")
        return read(cast("Mapping[str, Any]", body))
    except OSError as error:
        trouble = f"{file} cannot be read: {error.strerror}"
    except (ValueError, RecursionError) as error:
        trouble = f"{file} is not JSON: {error}"
    except (KeyError, TypeError, AttributeError) as error:
        trouble = f"{file} is not a report of `{name}`: {error!r}"
    return Part(f"{name} {file}", "no verdict", trouble=trouble)


def conform(body: Mapping[str, Any]) -> Part:
    """Read the report of `conform --json`: each scenario that did not pass."""
    name = " ".join(filter(None, ["conform", body["provider"], body.get("operation", "")]))
    counts = f"{body['passed']} PASS, {body['failed']} FAIL"
    levels: dict[str, Level] = {"FAIL": "fail", "accepted": "note", "not run": "note"}
    findings = [
        GateFinding(
            levels[one["verdict"]],
            f"{name.replace(' ', '.')}.{one['id']}",
            f"{one['id']}: {'; '.join(one['faults']) or one['verdict']}",
            tuple((key, one[key]) for key in ("staged", "expected", "seen", "accepted", "again") if one[key]),
            one["what_to_do"],
            one["more"],
        )
        for one in body["scenarios"]
        if one["verdict"] != "PASS"
    ]
    broken = next((one for one in body["notices"] if one.startswith("the run is incomplete")), "")
    judged = any(one["verdict"] != "not run" for one in body["scenarios"])
    return Part(
        name,
        f"{body['client']}: {counts}",
        findings,
        broken or ("" if judged else "no scenario was run"),
    )


def drift(fails_at: str) -> Read:
    """Read the report of `drift --json`: each difference, which fails from the kind `fails_at` on."""

    def read(body: Mapping[str, Any]) -> Part:
        name = f"drift {body['provider']} {body['api_version']}"
        findings = [_difference(body["provider"], one, fails_at) for one in body["findings"]]
        quiet = f", {len(body.get('unused', ()))} in parts that no client uses" if body.get("unused") else ""
        return Part(name, f"{body['verdict']} at {body['base_url']}{quiet}", findings)

    return read


def _difference(provider: str, one: Mapping[str, Any], fails_at: str) -> GateFinding:
    kind = DRIFT.index(one["kind"])
    level: Level = (
        "fail" if kind >= DRIFT.index(fails_at) else "warn" if kind >= DRIFT.index("risky") else "note"
    )
    sides = ("documented", "recorded", "stood_in", "live")
    details = [(side.replace("stood_in", "stand-in"), one[side]) for side in sides if one[side]]
    if users := one.get("used_by"):
        details.append(("used by", ", ".join(users)))
    return GateFinding(
        level,
        f"drift.{provider}.{one['probe']}{one['pointer']}".replace(" ", "-"),
        f"{one['kind']}: {one['probe']}: {one['pointer'] or 'answer'} {one['message']}",
        tuple(details),
        "Read what changed and make the client accept both, then update the contract: "
        "`drift --write` writes the diff for guesses.",
        "docs/recording-and-drift.md#drift",
    )


def tests(body: Mapping[str, Any]) -> Part:
    """Read the report of a run of pytest with --fauxscale-contract-report: each violation of a call."""
    levels: dict[str, Level] = {"would be rejected": "fail", "ignored": "warn", "undocumented": "warn"}
    findings = [
        GateFinding(
            levels[one["severity"]],
            f"tests.{one['operation']}{one['pointer']}",
            f"{one['operation']}: {one['pointer']}: {one['message']}",
            (("test", one["test"]), ("rule", one["rule"]), ("reproduce with", one["curl"])),
            "Fix what the client sends; the real service answers such a call differently from the mock server.",
            "docs/testing.md#the-contract-check",
            one["test"].partition("::")[0],
        )
        for one in body["departures"]
    ]
    trouble = "" if body["judged"] else "no call was checked against a contract"
    return Part("tests", f"calls checked: {body['judged']}, violations: {len(findings)}", findings, trouble)


def age(contracts: Sequence[Contract], most: int, today: date) -> Part:
    """Judge how old contracts are: a recording of over `most` days may be of a service that has changed."""
    findings = [
        GateFinding(
            "warn",
            f"age.{one.provider}.{one.api_version}",
            f"{one.provider} {one.api_version} was recorded {days} days ago",
            (("recorded", recorded), ("source", one.document["info"]["x-recorded"]["source"])),
            "Run `fauxscale-contracts drift` against the real service, and look for a newer fauxscale.",
            "docs/recording-and-drift.md#drift",
        )
        for one in contracts
        for recorded in [str(one.document["info"]["x-recorded"]["date"])]
        # For some only the month is known.
        for days in [(today - date.fromisoformat(f"{recorded}-01"[:10])).days]
        if days > most
    ]
    named = ", ".join(f"{one.provider} {one.api_version}" for one in contracts)
    return Part("age", f"{named}: {len(findings)} of {len(contracts)} over {most} days", findings)
