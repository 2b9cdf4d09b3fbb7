"""Writes a call as a curl command to paste, which shows a violation again."""

from __future__ import annotations

import shlex

from . import multipart
from .exchange import Exchange, Request

# What curl writes by itself, and what describes the client rather than the call.
_LEFT_OUT = frozenset(
    {"host", "content-length", "user-agent", "accept", "accept-encoding", "connection", "transfer-encoding"}
)
_MOST = 2000


def curl(exchange: Exchange) -> str:
    """Write a call as one line of shell. Keys are masked: put yours in. Files have the names they were sent under."""
    from fauxscale import redact

    request = exchange.request
    form = (request.header("content-type") or "").startswith("multipart/form-data")
    command = ["curl", "-sS", "-X", request.method, redact.text(request.url)]
    for name, value in redact.headers(request.headers):
        dropped = name.lower() in _LEFT_OUT or name.lower().startswith("x-stainless-")
        if not dropped and not (form and name.lower() == "content-type"):
            command += ["-H", f"{name}: {value}"]
    command += _form_arguments(request) if form else _data_arguments(request)
    return " ".join(shlex.quote(word) for word in command)


def _form_arguments(request: Request) -> list[str]:
    from fauxscale import redact

    try:
        parts = multipart.split(request.header("content-type") or "", request.body)
    except ValueError:
        return ["--data-binary", "@body.bin"]
    arguments: list[str] = []
    for part in parts:
        label = f";type={part.content_type}" if part.content_type else ""
        if part.filename is not None:
            arguments += ["-F", f"{part.name}=@{_quoted(part.filename)}{label}"]
            continue
        text = redact.text(part.data.decode(errors="replace"))
        arguments += (
            ["-F", f"{part.name}={_quoted(text)}{label}"]
            if label
            else ["--form-string", f"{part.name}={text}"]
        )
    return arguments


def _data_arguments(request: Request) -> list[str]:
    from fauxscale import redact

    if not request.body:
        return []
    try:
        text = redact.text(request.body.decode())
    except UnicodeDecodeError:
        return ["--data-binary", "@body.bin"]
    return ["--data-raw", text if len(text) <= _MOST else f"{text[:_MOST]}…"]


def _quoted(text: str) -> str:
    """Text inside curl's own quotes, in which semicolons and commas mean nothing."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
