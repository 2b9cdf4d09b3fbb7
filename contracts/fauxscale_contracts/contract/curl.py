"""Writes curl commands to paste: a call that shows a violation again, a reply to serve again."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING, Any

from . import multipart
from .exchange import Exchange, Request

if TYPE_CHECKING:
    from fauxscale.redact import Mask

# Headers that curl writes by itself, or that describe the client instead of the call.
_LEFT_OUT = frozenset(
    {"host", "content-length", "user-agent", "accept", "accept-encoding", "connection", "transfer-encoding"}
)
_MOST = 2000
_FAULTS = "http://127.0.0.1:2160/__fauxscale/api/accounts/acct_1/faults"


def curl(exchange: Exchange) -> str:
    """Write a call as one line of shell. Keys are masked: insert yours. Files have the names they were sent under."""
    request = exchange.request
    mask = request.mask()
    form = (request.header("content-type") or "").startswith("multipart/form-data")
    command = ["curl", "-sS", "-X", request.method, mask.text(request.url)]
    for name, value in mask.headers(request.headers):
        dropped = name.lower() in _LEFT_OUT or name.lower().startswith("x-stainless-")
        if not dropped and not (form and name.lower() == "content-type"):
            command += ["-H", f"{name}: {value}"]
    command += _form_arguments(request, mask) if form else _data_arguments(request, mask)
    return " ".join(shlex.quote(word) for word in command)


def curl_for_reply(on: str, body: Any) -> str:
    """Write the command that makes a stand-in answer calls of `on` with this body, to run a client against it.

    The stand-in is one started by `fauxscale serve`, with its first account.
    """
    fault = json.dumps({"fault": "Body", "json": body, "on": on, "times": None})
    return f"curl -sS {_FAULTS} -d {shlex.quote(fault)}"


def _form_arguments(request: Request, mask: Mask) -> list[str]:
    from fauxscale.credentials import names_secret, shorten

    try:
        parts = multipart.split(request.header("content-type") or "", request.body)
    except ValueError:
        return ["--data-binary", "@body.bin"]
    arguments: list[str] = []
    for part in parts:
        name = mask.text(part.name)
        label = f";type={mask.text(part.content_type)}" if part.content_type else ""
        if part.filename is not None:
            arguments += ["-F", f"{name}=@{_quoted(mask.text(part.filename))}{label}"]
            continue
        value = part.data.decode(errors="replace")
        text = shorten(value) if names_secret(part.name) else mask.text(value)
        arguments += (
            ["-F", f"{name}={_quoted(text)}{label}"] if label else ["--form-string", f"{name}={text}"]
        )
    return arguments


def _data_arguments(request: Request, mask: Mask) -> list[str]:
    if not request.body:
        return []
    try:
        text = mask.text(request.body.decode())
    except UnicodeDecodeError:
        return ["--data-binary", "@body.bin"]
    return ["--data-raw", text if len(text) <= _MOST else f"{text[:_MOST]}…"]


def _quoted(text: str) -> str:
    """Text inside curl's own quotes, where semicolons and commas have no meaning."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
