"""Searches a recording, or any folder of HAR files, for secrets: nothing key-like may be committed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

from fauxscale import credentials, redact
from fauxscale.recordings import packed
from fauxscale.recordings.har import HarEntry, Recording, RecordingError, body_of

# Keys without a shape of their own, such as Ideogram's, are recognized by the name before them. This is for people, not
# for `redact`: a journal must still show "Authorization: required by the service".
_QUOTE = r"\\?[\"'`]"
_NAMED = re.compile(
    r"(?:(?i:api[-_ ]?key|(?<![\w-])authorization)"
    r"|(?<![A-Za-z0-9])(?:FAL_KEY|FAL_KEY_SECRET|FAUXSCALE_CHECK_KEY|FAUXSCALE_DRIFT_KEY))"
    r"(?:"
    rf"(?:{_QUOTE})?\]?[ \t]*(?::[ \t]*(?i:str|string)(?:[ \t]*\|[ \t]*\w+)?[ \t]*=|[:=]{{1,2}}>?)[ \t]*(?:{_QUOTE})?"
    rf"|{_QUOTE}[ \t]*,[ \t]*{_QUOTE}"  # two arguments, a pair
    rf"|(?:{_QUOTE})?\s*,?\s*(?:{_QUOTE})?value(?:{_QUOTE})?\s*:\s*(?:{_QUOTE})?"  # a name and a value, on two lines
    rf"|(?<=_KEY)[ \t]+(?:{_QUOTE})?"  # ENV of a Dockerfile
    r")"
    r"(?:(?i:bearer|key|basic|token)[ \t]+)?"
    r"([A-Za-z0-9._~+/=:-]{8,400})(?![A-Za-z0-9._~+/=:-]{0,400}(?:[\[({…*$]|<(?!/)))"
)
# Schemathesis' replacement for the secrets that it knows by name: reports of `check` may contain it.
_MASKED = "[Filtered]"
# Placeholders of values: words, names of variables and members, words with hyphens, addresses.
_NAME = re.compile(
    r"[A-Z]?[a-z]{1,23}|[A-Z]+(?:_[A-Z0-9]+)+|[a-z]+(?:[-_][a-z]+)+(?:[-_]?\d{1,2})?|[a-z]+(?:[A-Z][a-z]+)+"
    r"|(?:[A-Za-z_]+|[A-Za-z_]\w{0,19})(?:\.(?:[A-Za-z_]+|[A-Za-z_]\w{0,19}))+|https?:.*"
)
# Words that ask a reader to insert a key, too long to occur in one by chance; and repeated beginnings.
_FILL_IN = re.compile(
    r"(?i)your|xxxx|fake|dummy|example|sample|placeholder|redacted|filtered|replace|insert|change-?me"
    r"|^(.{1,8})\1{2,}$"
)
_FILLED_IN_LATER = re.compile(
    r"[{<*…]|\$\(|^\$\w+$|^\[|%\(|^%[A-Z_]+%$"
)  # placeholders of templates, in many languages
# The name and the value of a form's part.
_PART = re.compile(
    rb'(?i)content-disposition:[^\r\n]{0,200}?\bname="?([^";\r\n]{1,80})"?[^\r\n]{0,200}'
    rb"(?:\r\n[^\r\n]{1,200}){0,4}\r\n\r\n([^\r\n]{1,400})\r\n"
)
_SHORTEST = 6  # for values found by their name: a shorter one is no key
_PLAIN = 16  # only letters are a word, unless there are so many; and no key of a known shape is shorter


def scan(folder: Path) -> list[str]:
    """List each thing that looks like a secret, shortened.

    Raises RecordingError for a folder that is missing or empty, and for HAR files that cannot be read.
    """
    if not folder.is_dir():
        raise RecordingError(f"{folder} is not a folder")
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    if not files:
        raise RecordingError(f"{folder} is empty: there is nothing to search")
    found = [line for path in files for line in _in_text(path, folder)]
    homes = sorted({path.parent for path in files if path.suffix == ".har"})
    for home in homes:
        for entry in Recording(home).entries():
            found += [f"{(home / entry['_file']).relative_to(folder)}: {line}" for line in _in_entry(entry)]
    for path in files:
        for entry in _entries_under_another_name(path):
            found += [f"{path.relative_to(folder)}: {line}" for line in _in_entry(entry)]
    return list(dict.fromkeys(found))


def _in_text(path: Path, folder: Path) -> Iterator[str]:
    """The text in the bytes of a file, including a picture's metadata, also if it is compressed."""
    data = path.read_bytes()
    text = "\n".join([_decoded(data), *packed.texts(data)])
    found = [(number, short) for number, line in enumerate(text.split("\n"), 1) for short in _findings(line)]
    for one in _NAMED.finditer(text):
        if _is_key(one[1]):
            found.append((text.count("\n", 0, one.start(1)) + 1, credentials.shorten(one[1])))
    for number, short in sorted(found, key=lambda pair: pair[0]):
        yield f"{path.relative_to(folder)}:{number}: {short}"


def _findings(text: str) -> Iterator[str]:
    """What `redact` would hide, without placeholders of secrets."""
    for one in credentials.finds(text):
        if _is_shaped_key(one.value) if one.shaped else _is_key(one.value):
            yield one.short


def _is_key(value: str) -> bool:
    """Whether a value is a secret, and not a placeholder."""
    if not (value.isascii() and value.isprintable() and len(value) >= _SHORTEST) or " " in value:
        return False
    if _NAME.fullmatch(value) or _stands_for_one(value):
        return False
    letters = any(one.isalpha() for one in value)
    return letters and (len(value) >= _PLAIN or any(one.isdigit() for one in value))


def _is_shaped_key(value: str) -> bool:
    return len(value) >= _PLAIN and not _stands_for_one(value)


def _stands_for_one(value: str) -> bool:
    return bool(_FILL_IN.search(value) or _FILLED_IN_LATER.search(value)) or len(set(value)) < 5


def _entries_under_another_name(path: Path) -> list[HarEntry]:
    """The entries of a HAR file without that extension; members that no HAR file would have are left out."""
    if path.suffix == ".har":
        return []
    data = path.read_bytes()
    if not data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{") or b'"entries"' not in data:
        return []
    try:
        entries: list[HarEntry] = [dict(entry) for entry in json.loads(data)["log"]["entries"]]
        return [
            {**entry, **{side: _message(entry[side]) for side in ("request", "response")}}
            for entry in entries
        ]
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return []  # other JSON, whose text contains everything


def _message(said: dict[str, Any]) -> dict[str, Any]:
    pairs = cast("list[dict[str, Any]]", said.get("headers") or [])
    headers = [{"name": one.get("name", ""), "value": one.get("value", "")} for one in pairs]
    return {**said, "headers": headers, "cookies": said.get("cookies") or []}


def _in_entry(entry: HarEntry) -> Iterator[str]:
    """What only the structure of a HAR entry shows: headers by name, cookies, encoded bodies."""
    for side in ("request", "response"):
        message: dict[str, Any] = entry[side]
        pairs = [(str(one["name"]), str(one["value"])) for one in message["headers"]]
        for (name, value), (_, masked) in zip(pairs, redact.headers(pairs), strict=True):
            if credentials.is_secret(name) and value not in (masked, _MASKED):
                yield f"{side} header {name}: {credentials.shorten(value)}"
        for one in message.get("cookies", ()):
            yield f"{side} cookie {one.get('name')}"
        body: dict[str, Any] = message.get("postData" if side == "request" else "content") or {}
        data = _bytes(body)
        for name, value in _PART.findall(data):
            if credentials.names_secret(name.decode("latin-1")) and _is_key(value.decode("latin-1")):
                yield f"{side} part {name.decode('latin-1')}: {credentials.shorten(value.decode('latin-1'))}"
        for text in (_decoded(data), *packed.texts(data)):
            for secret in _findings(text):
                yield f"{side} body: {secret}"


def _bytes(body: HarEntry) -> bytes:
    try:
        return body_of(body)
    except ValueError:
        return b""  # not base64: its text was searched with its file


def _decoded(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")
