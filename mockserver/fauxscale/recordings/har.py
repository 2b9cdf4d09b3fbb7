"""The recording format: a folder of HAR 1.2 files, with each picture stored once, named by its SHA-256."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import os
import re
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeAlias, cast

from fauxscale import credentials, redact
from fauxscale._version import __version__
from fauxscale.clock import wall
from fauxscale.errors import FauxscaleError

from . import packed

# An entry of a HAR file's log. Members of our own start with an underscore, as HAR 1.2 requires.
HarEntry: TypeAlias = dict[str, Any]

FILES = "files"
_MAGIC = {b"\x89PNG": "png", b"\xff\xd8\xff": "jpg", b"RIFF": "webp", b"GIF8": "gif"}
# Something left out of a text: bytes unchanged, or as standard base64.
_REFERENCE = re.compile(r"\{\{(file|base64):([0-9a-f]{64}\.[a-z]{3,4})\}\}")
_LONG_BASE64 = re.compile(r"[A-Za-z0-9+/]{120,}={0,2}")
_PART_NAME = re.compile(r'(?i)content-disposition:[^\r\n]*?\bname="?([^";\r\n]+)')
# Headers whose values a recording keeps, as they contain no secrets: those of HTTP, gateways and client libraries. Any
# other header may contain a credential, and no list has all names of those.
_KEPT_HEADER = re.compile(
    r"accept(?:-.+)?|access-control-.+|age|allow|alt-svc|cache-control|connection|content-.+|date|dnt|etag|expect|expires"
    r"|from|host|idempotency-key|if-.+|keep-alive|last-modified|link|location|max-forwards|nel|origin|pragma|prefer|priority"
    r"|range|rate-?limit(?:-.+)?|referer|referrer-policy|report-to|retry-after|sec-.+|server|server-timing"
    r"|strict-transport-security|te|timing-allow-origin|traceparent|trailer|transfer-encoding|upgrade(?:-.+)?|user-agent"
    r"|vary|via|warning|www-authenticate|:.+"
    r"|x-(?:rate-?limit|fal|fauxscale|lumenfall|aigateway|ideogram|stainless|cache|served|frame|content|xss|robots|dns"
    r"|envoy|cloud|request|response|correlation|trace|runtime|powered|forwarded|real|replicate|lmnfl)(?:-.+)?"
    r"|openai-.+|cf-(?:ray|cache-status|connecting-ip)"
)


class RecordingError(FauxscaleError):
    """Raised for a recording that is missing or cannot be read. The message names the file and the problem."""


class Recording:
    """A folder with one HAR file for each exchange, `0001-ideogram.upscale.har`, and `files/` for the pictures.

    Bodies are text; a picture in one is replaced by a reference: `{{file:<sha256>.png}}`, or
    `{{base64:<sha256>.png}}` if it was encoded. The folder may also contain HAR files of browsers.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    def write(self, entry: HarEntry, secrets: Iterable[str] = (), keep: Iterable[str] = ()) -> Path:
        """Write an exchange and return its file, which is written whole or not at all.

        Everything that looks like a secret is masked, and so is every text in `secrets`, anywhere, and the value of
        every header that is not well known, nor named in `keep` (lower case).
        """
        kept = frozenset(keep)
        mask = redact.Mask(secrets).text
        sent, answered = dict(entry["request"]), dict(entry["response"])
        for message in (sent, answered):
            message["headers"] = [
                {"name": name, "value": mask(value if _is_kept(name, kept) else credentials.shorten(value))}
                for name, value in redact.headers((one["name"], one["value"]) for one in message["headers"])
            ]
            message["cookies"] = []
        sent["url"], sent["queryString"] = mask(sent["url"]), []
        if "postData" in sent:
            sent["postData"] = self._lift(sent["postData"], mask)
        answered["content"] = self._lift(answered["content"], mask)
        entry = {**entry, "request": sent, "response": answered}
        creator = {"name": "fauxscale", "version": __version__}
        har = {"log": {"version": "1.2", "creator": creator, "entries": [entry]}}
        text = json.dumps(har, indent=1, ensure_ascii=False).encode(errors="surrogatepass")
        return self._number(str(entry.get("_operation") or "unknown"), text)

    def now(self) -> float:
        """The date of an exchange, Unix seconds."""
        return wall()

    def files(self) -> list[Path]:
        """The HAR files, in the order recorded. Raises RecordingError if there are none."""
        if not self.folder.is_dir():
            raise RecordingError(f"{self.folder} is not a folder")
        found = sorted(self.folder.glob("*.har"))
        if not found:
            raise RecordingError(f"{self.folder} contains no recording: there is no .har file in it")
        return found

    def entries(self) -> list[HarEntry]:
        """Read every exchange as a complete HAR entry; `_file` names its file.

        Members that other tools leave out, or fill with invalid values, get the empty value of their type: a call
        without a reply has the status 0. Raises RecordingError for a file that is truncated or no HAR file, and for
        a missing picture.
        """
        return [{**entry, "_file": file.name} for file in self.files() for entry in self._read(file)]

    def _read(self, file: Path) -> list[HarEntry]:
        try:
            har = json.loads(file.read_bytes())
        except OSError as error:
            raise RecordingError(f"{file} cannot be read: {error.strerror}") from error
        except ValueError as error:
            raise RecordingError(f"{file} is not JSON: was it cut short? ({error})") from error
        except RecursionError:
            raise RecordingError(f"{file} is not a HAR file: its JSON is nested too deeply") from None
        entries: list[Any] | None = _member(_member(har, "log", dict), "entries", list)
        if entries is None:
            raise RecordingError(f"{file} is not a HAR file: it has no log with a list of entries")
        for number, entry in enumerate(entries, 1):
            for name in ("request", "response"):
                if _member(entry, name, dict) is None:
                    raise RecordingError(f"{file} is not a HAR file: entry {number} of its log has no {name}")
        return [self._complete(entry) for entry in entries]

    def _complete(self, entry: HarEntry) -> HarEntry:
        """Complete an entry for its readers: every member has its type, pictures are restored."""
        sent, answered = dict(entry["request"]), dict(entry["response"])
        for name in ("method", "url"):
            sent[name] = _member(sent, name, str) or ""
        for message in (sent, answered):
            message["headers"] = [
                {part: _member(one, part, str) or "" for part in ("name", "value")}
                for one in _member(message, "headers", list) or ()
            ]
            message["cookies"] = [
                one for one in _member(message, "cookies", list) or () if isinstance(one, dict)
            ]
        status = answered.get("status")
        answered["status"] = status if type(status) is int else 0  # true is an int too
        if "postData" in sent:
            sent["postData"] = self._fill(_member(sent, "postData", dict) or {}, "_encoding")
        answered["content"] = self._fill(_member(answered, "content", dict) or {}, "encoding")
        return {**entry, "request": sent, "response": answered}

    def _lift(self, body: Mapping[str, Any], mask: Callable[[str], str]) -> dict[str, Any]:
        data = body_of(body)
        kept = {name: value for name, value in body.items() if name not in ("encoding", "_encoding")}
        return {**kept, "text": self._text(data, str(body.get("mimeType", "")), mask)}

    def _text(self, data: bytes, media_type: str, mask: Callable[[str], str]) -> str:
        """Write a body as text, with references to files for other data."""
        boundary = re.search(r'boundary="?([^";]+)', media_type)
        if "multipart/" in media_type and boundary:
            # Split at the boundary, so that the joined parts are the same bytes as the body.
            mark = b"\r\n--" + boundary[1].encode()
            return mark.decode(errors="replace").join(self._part(one, mask) for one in data.split(mark))
        return self._piece(data, mask)

    def _part(self, part: bytes, mask: Callable[[str], str]) -> str:
        head, gap, data = part.partition(b"\r\n\r\n")
        name = _PART_NAME.search(head.decode("latin-1"))
        if name and credentials.names_secret(name[1]):
            data = credentials.shorten(data.decode("latin-1")).encode()
        return self._piece(head + gap, mask) + self._piece(data, mask)

    def _piece(self, data: bytes, mask: Callable[[str], str]) -> str:
        try:
            text = data.decode()
        except UnicodeDecodeError:
            return self._reference("file", data, mask)
        if _REFERENCE.search(text):
            return self._reference("file", data, mask)
        return mask(_LONG_BASE64.sub(lambda found: self._encoded(found[0], mask), text))

    def _encoded(self, text: str, mask: Callable[[str], str]) -> str:
        """Return a reference, if this is a picture in base64; else the text itself."""
        try:
            data = binascii.a2b_base64(text, strict_mode=True)
        except binascii.Error:
            return text
        exact = base64.b64encode(data).decode() == text
        return self._reference("base64", data, mask) if exact and _suffix(data) != "bin" else text

    def _reference(self, way: str, data: bytes, mask: Callable[[str], str]) -> str:
        """Store bytes as a file and return a reference. Secrets inside (in a picture's metadata, say) are masked."""
        data = packed.without(data, mask)
        plain = data.decode("latin-1")
        if (masked := mask(plain)) != plain:
            data = masked.encode("latin-1", "replace")
        name = f"{hashlib.sha256(data).hexdigest()}.{_suffix(data)}"
        place = self.folder / FILES / name
        if not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            os.replace(_written(place.parent, data), place)
        return f"{{{{{way}:{name}}}}}"

    def _fill(self, body: Mapping[str, Any], word: str) -> dict[str, Any]:
        text = _member(body, "text", str) or ""
        if word in body or not _REFERENCE.search(text):
            return dict(body)
        pieces = _REFERENCE.split(text)  # text, way, name, text, …
        data = pieces[0].encode(errors="surrogatepass")
        for way, name, after in zip(pieces[1::3], pieces[2::3], pieces[3::3], strict=True):
            found = self._file(name)
            data += found if way == "file" else base64.b64encode(found)
            data += after.encode(errors="surrogatepass")
        return {**body, "text": base64.b64encode(data).decode(), word: "base64"}

    def _file(self, name: str) -> bytes:
        try:
            data = (self.folder / FILES / name).read_bytes()
        except OSError as error:
            raise RecordingError(f"{FILES}/{name} cannot be read: {error.strerror}") from error
        if hashlib.sha256(data).hexdigest() != name.partition(".")[0]:
            raise RecordingError(f"{FILES}/{name} is not what was recorded: its SHA-256 differs")
        return data

    def _number(self, operation: str, text: bytes) -> Path:
        """Write a HAR file under the next free number, which two writers cannot both get."""
        self.folder.mkdir(parents=True, exist_ok=True)
        written = _written(self.folder, text)
        safe = re.sub(r"[^A-Za-z0-9._-]", "_", operation)
        numbers = [int(one.name[:4]) for one in self.folder.glob("[0-9][0-9][0-9][0-9]-*.har")]
        number = max(numbers, default=0)
        while True:
            number += 1
            place = self.folder / f"{number:04}-{safe}.har"
            try:
                os.link(written, place)  # unlike a rename, it fails if the file exists
            except FileExistsError:
                continue
            written.unlink()
            return place


def body_of(body: Mapping[str, Any]) -> bytes:
    """Read the bytes of a complete `postData` or `content`. ValueError: it is declared base64 and is not."""
    text = _member(body, "text", str) or ""
    if "base64" in (body.get("encoding"), body.get("_encoding")):
        return base64.b64decode(text)
    return text.encode(errors="surrogatepass")


def _member(value: Any, name: str, kind: type) -> Any:
    """Read a member of a JSON object, if there is one of this type; else None."""
    found = cast("dict[str, Any]", value).get(name) if isinstance(value, dict) else None
    return found if isinstance(found, kind) else None


def _written(folder: Path, data: bytes) -> Path:
    """Write a temporary file, its bytes synced to the disk."""
    handle, name = tempfile.mkstemp(dir=folder, prefix=".", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o644)
    except BaseException:
        os.unlink(name)
        raise
    return Path(name)


def _is_kept(name: str, more: frozenset[str]) -> bool:
    lower = name.lower()
    # A secret found by its name was shortened already.
    return lower in more or credentials.is_secret(lower) or _KEPT_HEADER.fullmatch(lower) is not None


def _suffix(data: bytes) -> str:
    return next((suffix for magic, suffix in _MAGIC.items() if data.startswith(magic)), "bin")
