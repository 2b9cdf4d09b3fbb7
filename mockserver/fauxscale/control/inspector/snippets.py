"""A call as code to paste: curl, Python, JavaScript, and a pytest test that stages the reply it got."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence

from fauxscale.dispatch.provider import Provider
from fauxscale.state.journal import Entry

from .asked import RepeatableCall, SentFile, asked
from .literals import literal
from .pytest_snippet import pytest_test


def snippets(
    entry: Entry, origin: Entry | None, providers: Mapping[str, Provider], server: str
) -> dict[str, str]:
    """Write a call in each language, by its name. `origin` is the call that gave out the link that this one reads;
    `server` is this server's address, without a slash at the end."""
    said = asked(entry, providers)
    makers: Mapping[str, Callable[[RepeatableCall, str], str]] = {
        "curl": _curl,
        "python": _python,
        "javascript": _javascript,
    }
    made = {name: make(said, server) for name, make in makers.items()}
    return made | {"pytest": pytest_test(entry, origin, providers)}


def named(file: SentFile) -> str:
    """A file name for the user's disk: the last part of the name that was sent, which may be hostile."""
    return (
        re.sub(r"[^\w.-]", "_", file.filename.replace("\\", "/").rpartition("/")[2]).lstrip("-.") or "picture"
    )


def _curl(said: RepeatableCall, server: str) -> str:
    lines = [f"curl {shlex.quote(server + said.path)}"]
    plain = "POST" if said.fields or said.files or said.body is not None else "GET"
    if said.method != plain:
        lines[0] = f"curl -X {shlex.quote(said.method)} {shlex.quote(server + said.path)}"
    if said.key_header is not None:
        name, scheme = said.key_header
        lines.append(f'-H "{name}: {scheme}${said.variable}"')
    for name, text in said.fields:
        lines.append(f"--form-string {shlex.quote(f'{name}={text}')}")
    for file in said.files:
        label = f";type={file.content_type}" if file.content_type else ""
        lines.append(f"-F {shlex.quote(f'{file.name}=@{named(file)}{label}')}")
    if said.body is None:
        return " \\\n  ".join(lines)
    lines += ["-H 'Content-Type: application/json'", "-d @-"]
    return " \\\n  ".join(lines) + f" <<END\n{_heredoc(said)}\nEND"


def _heredoc(said: RepeatableCall) -> str:
    """The JSON body for a shell that expands $: pictures are read from a file."""
    body = {**(said.body or {}), **dict.fromkeys(said.pictures, "\0")}
    text = re.sub(r"([\\$`])", r"\\\1", json.dumps(body, indent=2, ensure_ascii=False))
    return text.replace("\\\\u0000", "data:image/png;base64,$(base64 -w0 picture.png)")


def _python(said: RepeatableCall, server: str) -> str:
    return "\n".join(_python_lines(said, server))


def _python_lines(said: RepeatableCall, server: str) -> Iterator[str]:
    own = [*(["import base64"] if said.pictures else []), *(["import os"] if said.key_header else [])]
    yield from (*own, "") if own else ()
    yield from ("import httpx", "")
    if said.pictures:
        yield 'with open("picture.png", "rb") as file:'
        yield '    picture = "data:image/png;base64," + base64.b64encode(file.read()).decode()'
    for number, file in enumerate(said.files):
        yield f'with open({literal(named(file))}, "rb") as file:'
        yield f"    file_{number} = file.read()"
    yield f"reply = httpx.request({literal(said.method)}, {literal(server + said.path)},"
    if said.key_header is not None:
        name, scheme = said.key_header
        yield f"    headers={{{literal(name)}: {literal(scheme)} + os.environ[{literal(said.variable)}]}},"
    if said.fields:
        yield f"    data={literal(dict(said.fields))},"
    if said.files:
        files = [
            f"({literal(one.name)}, ({literal(one.filename)}, file_{number}, {literal(one.content_type)}))"
            for number, one in enumerate(said.files)
        ]
        yield f"    files=[{', '.join(files)}],"
    if said.body is not None:
        members = [
            f"{literal(name)}: {'picture' if name in said.pictures else literal(value)}"
            for name, value in said.body.items()
        ]
        yield f"    json={{{', '.join(members)}}},"
    yield ")"
    yield "print(reply.status_code, reply.text)"


def _javascript(said: RepeatableCall, server: str) -> str:
    return "\n".join(_javascript_lines(said, server))


def _javascript_lines(said: RepeatableCall, server: str) -> Iterator[str]:
    if said.files or said.pictures:
        yield 'import { readFile } from "node:fs/promises";'
        yield ""
    options: list[str] = [] if said.method == "GET" else [f"  method: {json.dumps(said.method)},"]
    headers: list[str] = []
    if said.key_header is not None:
        name, scheme = said.key_header
        headers.append(f"{json.dumps(name)}: `{scheme}${{process.env.{said.variable}}}`")
    if said.fields or said.files:
        yield "const form = new FormData();"
        for name, text in said.fields:
            yield f"form.append({json.dumps(name)}, {json.dumps(text)});"
        for file in said.files:
            blob = f"new Blob([await readFile({json.dumps(named(file))})], {{ type: {json.dumps(file.content_type)} }})"
            yield f"form.append({json.dumps(file.name)}, {blob}, {json.dumps(file.filename)});"
        options.append("  body: form,")
    if said.body is not None:
        if said.pictures:
            yield 'const picture = "data:image/png;base64," + (await readFile("picture.png")).toString("base64");'
        headers.append('"content-type": "application/json"')
        members = _members(said.body, said.pictures)
        options.append(f"  body: JSON.stringify({{ {', '.join(members)} }}),")
    if headers:
        options.append(f"  headers: {{ {', '.join(headers)} }},")
    yield f"const reply = await fetch({json.dumps(server + said.path)}, {{"
    yield from options
    yield "});"
    yield "console.log(reply.status, await reply.text());"


def _members(body: Mapping[str, object], pictures: Sequence[str]) -> list[str]:
    return [
        f"{json.dumps(name)}: {'picture' if name in pictures else json.dumps(value)}"
        for name, value in body.items()
    ]
