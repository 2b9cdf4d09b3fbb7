"""The report of a failing test's calls: one line each, and the reason below a refused one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import httpx
import pytest

from fauxscale.client import CallRecord
from fauxscale.clock import iso
from fauxscale.state.accounts import UNASSIGNED

from .contract_check import BREACHES
from .totals import dollars

if TYPE_CHECKING:
    from fauxscale.client import AccountHandle

    from .remote import Server

MOST = 50


def describe(server: Server, account: AccountHandle) -> str:
    """The account's calls as a table, and those without an account since it was opened: sent with a wrong key, or to a
    wrong address. Times are UTC by the account's clock."""
    try:
        calls = _calls(server, account.id)
        made = server.client.call("GET", f"/accounts/{account.id}")["made"]
        lost = [call for call in _calls(server, UNASSIGNED) if call.at >= made]
    except (LookupError, RuntimeError, httpx.HTTPError) as error:
        return f"not available: {error}"
    return "\n".join(
        [table(calls), *(["calls of no account during this test:", table(lost)] if lost else [])]
    )


def untold(item: pytest.Item, report: pytest.TestReport) -> str:
    """Describe how calls of a failed test left the contract, if its failure does not say so: pytest shows notes only
    with a traceback, and unittest reports the first failure."""
    text = item.stash.get(BREACHES, "")
    return "" if text and text.splitlines()[1] in report.longreprtext else text


def _calls(server: Server, account_id: str) -> list[CallRecord]:
    rows = server.client.call("GET", f"/accounts/{account_id}/calls")["calls"]
    return [CallRecord.of(row) for row in rows]


def table(calls: Sequence[CallRecord]) -> str:
    """Format the newest MOST of these calls, one line each, and the reason below a refused one."""
    if not calls:
        return "none: no call reached the account"
    shown = calls[-MOST:]
    rows = [("time", "operation", "status", "fault", "picture", "cost"), *map(_row, shown)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    head, *lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    earlier = [f"({len(calls) - MOST} earlier calls)"] if len(calls) > MOST else []
    return "\n".join([head, *earlier, *map(_with_reason, lines, shown)])


def _with_reason(line: str, call: CallRecord) -> str:
    said = ": ".join(filter(None, [call.rule, call.reason]))
    return f"{line}\n    {said}" if said else line


def _row(call: CallRecord) -> tuple[str, ...]:
    return (
        iso(call.at)[11:19],
        call.operation if call.kind == "api" else f"  {call.operation}",
        "-" if call.status is None else str(call.status),
        ", ".join(call.faults) or "-",
        _picture(call),
        f"${dollars(call.cost)}" if call.cost else "-",
    )


def _picture(call: CallRecord) -> str:
    """Describe a call's pictures, `PNG 40x30 > 80x60`; several results of one size count as one."""
    sent = "" if call.image is None else f"{call.image.format} {call.image.width}x{call.image.height}"
    # A link that had expired returned no picture: its result has no size.
    made = dict.fromkeys("{width}x{height}".format_map(one) for one in call.results if "width" in one)
    return " > ".join(filter(None, [sent, ", ".join(made)])) or "-"
