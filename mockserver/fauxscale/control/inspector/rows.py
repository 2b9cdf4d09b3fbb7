"""A call's summary, as a row of the page's list."""

from __future__ import annotations

from fauxscale.control.overview import Row


def outline(row: Row) -> dict[str, object]:
    """Return a call as the members of a row. `size` is the bytes of its request, or of a download's reply."""
    entry = row.entry
    image = entry.image or {}
    result = entry.results[0] if entry.results else {}
    seen = bool(image.get("source"))
    return {
        "account": row.account,
        "label": row.label,
        "n": entry.n,
        "at": entry.at,
        "started": entry.started,
        "ended": entry.ended,
        "ms": round((entry.ended - entry.started) * 1000, 1),
        "kind": entry.kind,
        "provider": entry.provider,
        "operation": entry.operation,
        "method": entry.method,
        "path": entry.path,
        "status": entry.status,
        "faults": entry.faults,
        "rule": entry.rule,
        "reason": entry.reason,
        "cost": entry.cost,
        "size": entry.bytes_sent if entry.kind == "download" else entry.bytes_received,
        "before": [image["width"], image["height"]] if image else None,
        "after": [result["width"], result["height"]] if "width" in result else None,
        "pictured": seen or (entry.kind == "download" and bool(entry.results)),
    }
