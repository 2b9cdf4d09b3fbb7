"""Writes a pytest test that stages the reply a call got, makes the call, and checks that it gets that reply."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import cast

from fauxscale.dispatch.provider import Provider
from fauxscale.state.journal import Entry

from .asked import RepeatableCall, SentFile, asked, same_again
from .literals import literal

# Refusals caused by a service's state: a fault can reply the same.
_STATE = frozenset(
    ["rate_limited", "too_many_in_flight", "server_error", "upstream_error", "unavailable", "timeout"]
)
_MAGIC = "fauxscale:"


def pytest_test(entry: Entry, origin: Entry | None, providers: Mapping[str, Provider]) -> str:
    """Write a test for the plugin's fixtures. For a read of a link, `origin` is the call that gave it out."""
    paid = origin if entry.kind == "download" else None
    body = [f"    {line}" if line else "" for line in _body(entry, paid, providers)]
    text = "\n".join(body)
    fixtures = ["fauxscale", *(["sample_image"] if "sample_image" in text else [])]
    used = sorted({str(one["fault"]) for one in _faults(entry)})
    imports = [
        *(["import base64", ""] if "base64." in text else []),
        "import httpx",
        *(["import pytest"] if "pytest." in text else []),
        *([f"from fauxscale import {', '.join(used)}"] if used else []),
    ]
    outcome = "is_cut_off" if _is_cut(entry) else f"answers_{entry.status}"
    name = re.sub(r"\W+", "_", f"test_{entry.operation}_{outcome}")
    return "\n".join([*imports, "", "", f"def {name}({', '.join(fixtures)}):", text, ""])


def _faults(entry: Entry) -> list[dict[str, object]]:
    """The faults to configure, in JSON: none for one that a prompt named, as the prompt will name it again."""
    if entry.configured:
        return [] if _MAGIC in str(entry.params) else entry.configured
    if entry.rule in _STATE and entry.status is not None:
        wait = {} if entry.retry_after is None else {"retry_after": entry.retry_after}
        download = {"download": True} if entry.kind == "download" else {}
        return [{"fault": "Fail", "status": entry.status, **wait, **download}]
    return []


def _is_cut(entry: Entry) -> bool:
    """Whether a fault kept the reply, or a part of it, from its client."""
    return entry.status is None or (bool(entry.configured) and not entry.arrived)


def _body(entry: Entry, paid: Entry | None, providers: Mapping[str, Provider]) -> Iterator[str]:
    version = _version(entry, providers)
    if version is not None:
        yield f"fauxscale.settings(options={literal({f'{entry.provider}.api_version': version})})"
    if entry.rule == "no_funds":
        yield "fauxscale.settings(balance=0)"
    if paid is not None:
        yield from _call(asked(paid, providers), paid, "paid = ")
        yield "assert paid.is_success"
    for one in _faults(entry):
        members = ", ".join(f"{name}={literal(value)}" for name, value in one.items() if name != "fault")
        yield f"fauxscale.faults.add({one['fault']}({members}), on={literal(entry.operation)})"
    if entry.rule == "link_expired":
        yield "fauxscale.links.expire()"
    said = asked(entry, providers)
    read = ["httpx.get(fauxscale.links.list()[0].url, timeout=5)"]
    call = [*_call(said, entry, "")] if paid is None else read
    if _is_cut(entry):
        yield "with pytest.raises(httpx.TransportError):"
        yield from (f"    {line}" for line in call)
        return
    yield f"reply = {call[0]}"
    yield from call[1:]
    yield f"assert reply.status_code == {entry.status}"
    assert entry.status is not None  # or it would be cut
    if entry.retry_after is not None and any(
        name.lower() == "retry-after" for name, _ in entry.reply_headers
    ):
        yield 'assert "retry-after" in reply.headers'
    if entry.status >= 400 and (same := same_again(entry.reply)) is not None:
        yield f"assert reply.json() == {literal(same)}"


def _call(said: RepeatableCall, entry: Entry, before: str) -> Iterator[str]:
    """The lines that send a request to the mock in the fixture `fauxscale`."""
    timeout = 2 if _is_cut(entry) else 30
    yield f"{before}httpx.request("
    yield f"    {literal(said.method)},"
    yield f"    fauxscale.url + {literal(said.path)},"
    if said.key_header is not None:
        name, scheme = said.key_header
        scheme = f"{literal(scheme)} + " if scheme else ""
        given = f"fauxscale.api_key({literal(said.provider)})"
        key = '"an-invalid-key"' if entry.rule == "invalid_key" else given
        yield f"    headers={{{literal(name)}: {scheme}{key}}},"
    if said.fields:
        yield f"    data={literal(dict(said.fields))},"
    if said.files:
        yield "    files=["
        for file in said.files:
            kind = f", {literal(file.content_type)}" if file.content_type else ""
            yield f"        ({literal(file.name)}, ({literal(file.filename)}, {_picture(file, entry)}{kind})),"
        yield "    ],"
    if said.body is not None:
        yield "    json={"
        for name, value in said.body.items():
            picture = f'"data:image/png;base64," + base64.b64encode({_sample("PNG", entry)}).decode()'
            yield f"        {literal(name)}: {picture if name in said.pictures else literal(value)},"
        yield "    },"
    yield f"    timeout={timeout},"
    yield ")"


def _picture(file: SentFile, entry: Entry) -> str:
    """A sample that is judged like the file: with its size, or its defect."""
    refused = entry.refused_file
    if refused is None:
        return "sample_image.not_an_image()" if file.format is None else _sample(file.format, entry)
    if refused.get("rule") == "file_too_large":
        return f"sample_image.oversized({cast('int', refused.get('bytes', 0)) + 1})"
    if file.format is None:
        return "sample_image.not_an_image()"
    return (
        f"sample_image.truncated({literal(file.format)})"
        if refused.get("rule") == "broken_image"
        else _sample(file.format, entry)
    )


def _sample(kind: str, entry: Entry) -> str:
    image = entry.image or {}
    width, height = cast("int", image.get("width", 64)), cast("int", image.get("height", 48))
    turn = cast("int", image.get("orientation", 1))
    if turn > 4:
        width, height = height, width
    said = f"{literal(kind)}, {width}, {height}"
    if image.get("mode") in ("RGBA", "L", "LA", "P", "CMYK") and kind != "WEBP":
        said += f", mode={literal(image['mode'])}"
    if turn > 1:
        said += f", exif_orientation={turn}"
    return f"sample_image({said})"


def _version(entry: Entry, providers: Mapping[str, Provider]) -> str | None:
    """The API version that answered the call, if it is not the default."""
    provider = providers.get(entry.provider)
    usual = (
        next((one.default for one in provider.options if one.name == "api_version"), None)
        if provider
        else None
    )
    return entry.api_version if entry.api_version and entry.api_version != usual else None
