"""Reads and writes coverage as JSON, and reads the journals that `fauxscale run --coverage` keeps."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fauxscale_contracts.contract.violations import ContractError

from .coverage import Coverage, ListCoverage, Situation

FORMAT = "fauxscale_coverage"
JOURNAL = "fauxscale_journal"
_VERSION = 1


def as_json(coverage: Coverage) -> str:
    """Write coverage with what is missing in it; `read` restores it."""
    lists = coverage.lists
    summary = {
        "met": sum(one.met for one in lists),
        "total": sum(one.total for one in lists),
        "percent": round(coverage.share, 1),
    }
    body = {
        FORMAT: _VERSION,
        "summary": summary,
        "not_met": [_situation(of, one) for of in lists for one in of.gaps],
        "unknown": [{**_situation(of, one), "why": one.unknown} for of in lists for one in of.unknown],
        **coverage.to_members(),
    }
    return json.dumps(body, indent=1, ensure_ascii=False) + "\n"


def read(file: Path) -> Coverage:
    """Read coverage, or read and evaluate journals. Raises ContractError with the reason if the file is invalid."""
    try:
        body: Mapping[str, Any] = json.loads(file.read_bytes())
        coverage = Coverage()
        if body.get(FORMAT) == _VERSION:
            coverage.add_members(body)
        elif body.get(JOURNAL) == _VERSION:
            for account in body["accounts"]:
                coverage.note(str(account["label"] or account["id"]), account["calls"])
        else:
            wanted = "--fauxscale-coverage=json or `fauxscale run --coverage`"
            raise ContractError(
                f"{file} is not a coverage file: it was not written by {wanted} of this version"
            )
    except OSError as error:
        raise ContractError(f"{file} cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ContractError(f"{file} is not a coverage file: {type(error).__name__}: {error}") from None
    return coverage


def _situation(of: ListCoverage, one: Situation) -> dict[str, str]:
    return {
        "provider": of.provider,
        "list": of.name,
        "id": one.scenario.id,
        "about": one.scenario.about,
        "at_stake": one.stake,
    }
