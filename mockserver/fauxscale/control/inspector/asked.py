"""How to repeat a call of the journal: address, key, fields, files; for snippets that people paste."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import cast

from msgspec import Struct
from msgspec.structs import replace

from fauxscale.dispatch.provider import Provider
from fauxscale.state.journal import Entry

# Headers that carry an API key at the providers here.
_KEY_HEADERS = frozenset(["api-key", "authorization", "x-api-key", "x-fal-key"])
_PICTURE = re.compile(r"image|mask|picture|file|url", re.IGNORECASE)


class SentFile(Struct, frozen=True):
    """A file of a form. `format` is the format of its bytes, None for an unknown one."""

    name: str
    filename: str
    content_type: str
    format: str | None


class RepeatableCall(Struct, frozen=True, kw_only=True):
    """A request to make again. `path` begins at this server's origin; `key_header` is the header its key came in, with
    the scheme before it, None without a key. In `body`, a JSON object, the members named in `pictures` are pictures as
    data URIs. `variable` is the environment variable for the key."""

    method: str
    path: str
    provider: str
    key_header: tuple[str, str] | None
    variable: str
    fields: Sequence[tuple[str, str]] = ()
    files: Sequence[SentFile] = ()
    body: Mapping[str, object] | None = None
    pictures: Sequence[str] = ()


def asked(entry: Entry, providers: Mapping[str, Provider]) -> RepeatableCall:
    """Describe how to make a call again. Values that the journal shortened or masked stay so."""
    provider = providers.get(entry.provider)
    body, pictures = _body(entry)
    return RepeatableCall(
        method=entry.method or "GET",
        path=_prefix(entry, provider) + entry.path,
        provider=entry.provider,
        key_header=_key_header(entry),
        variable=_variable(provider),
        fields=[(str(one["name"]), str(one.get("text", ""))) for one in entry.parts if "filename" not in one],
        files=[_file(one) for one in entry.parts if "filename" in one],
        body=body,
        pictures=pictures,
    )


def filled(entry: Entry, entries: Sequence[Entry]) -> Entry:
    """Return a call; if its own body is unknown, as a fault came before it was read, with that of the newest other call
    of the operation, if there is one."""
    if entry.parts or entry.sent or not entry.bytes_received:
        return entry
    alike = [one for one in entries if one.operation == entry.operation and (one.parts or one.sent)]
    if not alike:
        return entry
    other = alike[-1]
    return replace(
        entry,
        **{name: getattr(other, name) for name in ("parts", "sent", "params", "image", "refused_file")},
    )


def _file(part: Mapping[str, object]) -> SentFile:
    detected = part.get("detected")
    return SentFile(
        str(part["name"]),
        str(part["filename"]) or "picture",
        str(part.get("content_type", "")),
        None if detected in (None, "unknown") else str(detected),
    )


def _prefix(entry: Entry, provider: Provider | None) -> str:
    """The path prefix of the site that answered: the journal has the provider's own paths."""
    for site in () if provider is None else (provider.media, *provider.sites):
        for endpoint in site.endpoints:
            if (endpoint.operation, endpoint.method) == (entry.operation, entry.method):
                return site.prefix
    return ""


def _key_header(entry: Entry) -> tuple[str, str] | None:
    for name, value in entry.request_headers:
        if name.lower() in _KEY_HEADERS:
            # A client chooses the scheme, and people paste it: only a plain word is accepted.
            scheme = re.match(r"[A-Za-z][A-Za-z0-9-]* ", value)
            return name, scheme[0] if scheme else ""
    return None


def _variable(provider: Provider | None) -> str:
    """The environment variable from which clients read the key."""
    names = [] if provider is None else [name for name, value in provider.env.items() if value == "{key}"]
    return names[0] if names else "API_KEY"


def _body(entry: Entry) -> tuple[Mapping[str, object] | None, list[str]]:
    """The JSON body as far as the journal has it: the parameters, and the places of pictures."""
    kind = next((value for name, value in entry.request_headers if name.lower() == "content-type"), "")
    if "json" not in kind:
        return None, []
    names = [place[1:] for place in entry.sent if place.count("/") == 1]
    body: dict[str, object] = {}
    pictures: list[str] = []
    for name in names:
        if name in entry.params:
            body[name] = entry.params[name]
        elif _PICTURE.search(name) and entry.image is not None:
            body[name] = ""
            pictures.append(name)
    return body, pictures


def same_again(text: str) -> object:
    """The JSON of a reply that is the same every time: None for one with ids, times or addresses in it."""
    try:
        value: object = json.loads(text)
    except ValueError:
        return None
    varies = re.search(r"[0-9a-f-]{12}|\d{6}|://|…", text, re.IGNORECASE)
    return None if varies or not isinstance(value, dict) else cast("object", value)
