"""Looks for secrets in a recording, or in any folder of HAR files: nothing key-like may be committed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fauxscale import redact
from fauxscale.recording import HarEntry, Recording, RecordingError, body_of


def scan(folder: Path) -> list[str]:
    """One line for each thing that looks like a secret, itself shortened.

    Raises RecordingError for a folder that is not there or empty, and for HAR files that cannot be read.
    """
    if not folder.is_dir():
        raise RecordingError(f"{folder} is no folder")
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    if not files:
        raise RecordingError(f"{folder} is empty: there is nothing to look through")
    found = [line for path in files for line in _in_text(path, folder)]
    homes = sorted({path.parent for path in files if path.suffix == ".har"})
    for home in homes:
        for entry in Recording(home).entries():
            found += [f"{(home / entry['_file']).relative_to(folder)}: {line}" for line in _in_entry(entry)]
    return list(dict.fromkeys(found))


def _in_text(path: Path, folder: Path) -> Iterator[str]:
    """What shows in the bytes of a file, a picture's notes included."""
    for number, line in enumerate(_decoded(path.read_bytes()).split("\n"), 1):
        for secret in redact.findings(line):
            yield f"{path.relative_to(folder)}:{number}: {secret}"


def _in_entry(entry: HarEntry) -> Iterator[str]:
    """What only the structure of a HAR entry tells: headers by name, cookies, bodies that were encoded."""
    for side in ("request", "response"):
        message: dict[str, Any] = entry[side]
        pairs = [(str(one["name"]), str(one["value"])) for one in message["headers"]]
        for (name, value), (_, masked) in zip(pairs, redact.headers(pairs), strict=True):
            if redact.is_secret(name) and value != masked:
                yield f"{side} header {name}: {redact.shorten(value)}"
        for one in message.get("cookies", ()):
            yield f"{side} cookie {one.get('name')}"
        body: dict[str, Any] = message.get("postData" if side == "request" else "content") or {}
        for secret in redact.findings(_decoded(body_of(body))):
            yield f"{side} body: {secret}"


def _decoded(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")
