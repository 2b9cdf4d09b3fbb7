"""Entries of a journal as the control API gives them, as short as tests need them."""

from __future__ import annotations

from typing import Any

PNG: dict[str, Any] = {
    "format": "PNG",
    "width": 96,
    "height": 72,
    "mode": "RGB",
    "orientation": 1,
    "has_alpha": False,
    "animated": False,
}


def journal(*entries: dict[str, Any]) -> list[dict[str, Any]]:
    """The entries of one account, numbered."""
    return [{**one, "n": number} for number, one in enumerate(entries, 1)]


def call(operation: str = "ideogram.upscale", **members: Any) -> dict[str, Any]:
    """An answered call of the API."""
    return {
        "provider": operation.partition(".")[0],
        "operation": operation,
        "kind": "api",
        "path": "/upscale",
        "status": 200,
        "rule": "",
        "configured": [],
        "params": {},
        "image": None,
        "parts": [],
        "sent": [],
        "results": [],
        "retry_after": None,
        "reply_headers": [],
        "reply": "",
        **members,
    }


def struck(fault: str, operation: str = "ideogram.upscale", **members: Any) -> dict[str, Any]:
    """A call that a fault applied to."""
    return call(operation, configured=[{"fault": fault, **members}])


def failed(status: int, operation: str = "ideogram.upscale", **members: Any) -> dict[str, Any]:
    """A call that was answered with a configured error."""
    configured = [{"fault": "Fail", "status": status, **members}]
    rule = {402: "no_funds", 403: "invalid_key"}.get(status, "unavailable")
    return call(operation, configured=configured, status=status, rule=rule)


def read(link: str = "a-link", operation: str = "ideogram.download", **members: Any) -> dict[str, Any]:
    """A read of a link."""
    return {
        **call(operation),
        "kind": "download",
        "path": f"/api/images/ephemeral/{link}.png?exp=1&sig=…",
        "results": [{"link": link}],
        **members,
    }
