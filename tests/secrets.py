"""Requests with a secret in every place, and everything a server tells of the calls it has had."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, unquote

import httpx

from fauxscale.control import API, ROUTES
from tests.calls.fal import uri
from tests.pictures import picture

# So much of a secret in a row gives it away; its first four characters may be shown, to tell two apart.
TELLING = 12
# Calls of each account that are read one by one: the list of all has each of them whole already.
FEW = 2
MODEL = "ideogram/ideogram-upscale"
KEYED: Mapping[str, str] = {
    "ideogram": "/ideogram/upscale",
    "aigateway": "/aigateway/v1/images/generations",
    "lumenfall": "/lumenfall/openai/v1/images/edits",
    "fal": "/fal/run/fal-ai/ideogram/upscale",
}


@dataclass(frozen=True, slots=True)
class Sent:
    """A request as it goes over the wire, and the place in it that holds the secret."""

    place: str
    path: str
    headers: Mapping[str, str]
    body: bytes = b""
    method: str = "POST"


@dataclass(slots=True)
class Told:
    """All texts that were answered, by where."""

    texts: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])

    def add(self, where: str, text: str) -> None:
        self.texts.append((where, text))

    def places_of(self, secret: str) -> list[str]:
        """Where so much of a secret is told that it is none any more, however it is spelt there."""
        pieces = {secret[at : at + TELLING] for at in range(max(1, len(secret) - TELLING + 1))}
        return [
            f"{where}: …{plain[max(0, at - 60) : at + 60]}…"
            for where, text in self.texts
            for plain in _readings(text)
            if (at := min((found for one in pieces if (found := plain.find(one)) >= 0), default=-1)) >= 0
        ]


def _readings(text: str) -> set[str]:
    """A text as it stands, and what its escapes mean."""
    plain = re.sub(r"\\u([0-9a-f]{4})", lambda found: chr(int(found[1], 16)), text)
    plain = re.sub(r'\\(["\\/\'])', r"\1", plain)
    return {text, plain, unquote(text), unquote(unquote(plain)), re.sub(r"\\(.)", r"\1", plain)}


def keyed(provider: str, key: str) -> dict[str, str]:
    """The header that brings a provider its key."""
    if provider == "ideogram":
        return {"Api-Key": key}
    return {"Authorization": f"{'Key' if provider == 'fal' else 'Bearer'} {key}"}


def form(*parts: tuple[str, bytes], boundary: str = "b") -> tuple[dict[str, str], bytes]:
    """A form of parts with the heads given; the header that says so, and the body."""
    body = b"".join(f"--{boundary}\r\n{head}\r\n\r\n".encode() + data + b"\r\n" for head, data in parts)
    return {
        "Content-Type": f'multipart/form-data; boundary="{boundary}"'
    }, body + f"--{boundary}--\r\n".encode()


def text_part(name: str, value: object) -> tuple[str, bytes]:
    text = value if isinstance(value, str) else json.dumps(value)
    return f'Content-Disposition: form-data; name="{_quoted(name)}"', text.encode()


def file_part(name: str, filename: str = "a.png", kind: str = "image/png") -> tuple[str, bytes]:
    head = f'Content-Disposition: form-data; name="{_quoted(name)}"; filename="{_quoted(filename)}"'
    return f"{head}\r\nContent-Type: {kind}", picture()


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def pasted(key: str) -> Iterator[Sent]:
    """Calls with their own key pasted into one more place each, credential or not, to every provider."""
    address = quote(key, safe="")
    for provider, path in KEYED.items():
        own = keyed(provider, key)
        yield Sent("query", f"{path}?note={address}", own)
        yield Sent("query name", f"{path}?{address}=1", own)
        yield Sent("over-encoded query", f"{path}?note={''.join(f'%{ord(one):02x}' for one in key)}", own)
        yield Sent("path", f"{path}/{address}", own)
        yield Sent("path of no provider", f"/nothing/{address}", own)
        yield Sent("unknown path", f"/nothing/{address}", {"X-Api-Key": key})
        yield Sent("header", path, {**own, "X-Note": key})
        yield Sent("content type", path, {**own, "Content-Type": f"text/{key}"}, b"x")
        yield Sent("charset", path, {**own, "Content-Type": f"application/json; charset={key}"}, b"{}")
        yield Sent("cookie", path, {**own, "Cookie": f"a={key}; b=1"})
        yield Sent("user agent", path, {**own, "User-Agent": key, "Referer": f"http://x/{address}"})
        yield Sent("request id", path, {**own, "X-Request-Id": key})
        yield Sent("raw body", path, {**own, "Content-Type": "application/json"}, f'{{"a": {key}'.encode())
        yield Sent("plain body", path, {**own, "Content-Type": "text/plain"}, key.encode())
        deep = {"prompt": {"a": [{"b": key}]}, key: key, "model": key, "image_url": [key]}
        yield Sent("JSON", path, {**own, "Content-Type": "application/json"}, json.dumps(deep).encode())
        heads, body = form(
            text_part("image_request", {"prompt": key, key: key, "detail": key}),
            text_part("prompt", key),
            text_part("model", "ideogram-upscale"),
            text_part("scale_factor", "2"),
            text_part(key, key),
            file_part("image_file", key),
            file_part("image", key),
        )
        yield Sent("form", path, {**own, **heads}, body)
        heads, body = form(text_part("prompt", key), file_part(key, "a", f"image/{key}"))
        yield Sent("part", path, {**own, **heads}, body)
        if set(key).isdisjoint('"\\') and len(key) <= 70:
            heads, body = form(text_part("image_request", key), boundary=key)
            yield Sent("boundary", path, {**own, **heads}, body)
    json_ = {"Content-Type": "application/json"}
    for path in ("/fal/run/fal-ai/ideogram/upscale", "/fal/queue/fal-ai/ideogram/upscale"):
        for place, value in {
            "image_url": f"http://127.0.0.1:9/{address}.png",
            "name in an address": f"http://{address}:{address}@pictures.test/a.png",
            "media type": f"data:image/{key};base64,{base64.b64encode(picture()).decode()}",
            "data URI": f"data:image/png;base64,{key}",
            "bare text": key,
        }.items():
            body = json.dumps({"image_url": value, "prompt": key}).encode()
            yield Sent(place, path, {**keyed("fal", key), **json_}, body)
        fine = json.dumps({"image_url": uri(picture()), "prompt": f"a cat {key}", "seed": 1}).encode()
        yield Sent("prompt", path, {**keyed("fal", key), **json_}, fine)
        nameless = json.dumps({key: key, "prompt": key}).encode()
        yield Sent("name", path, {**keyed("fal", key), **json_}, nameless)
        wrong = json.dumps({"image_url": uri(picture()), "prompt": "a cat", "seed": key}).encode()
        yield Sent("number", path, {**keyed("fal", key), **json_}, wrong)
    fine = json.dumps({"image_url": uri(picture())}).encode()
    for hook in (
        f"http://127.0.0.1:9/{address}",
        f"http://{address}@127.0.0.1:9/",
        f"http://h.test/{address}",
    ):
        path = f"/fal/queue/fal-ai/ideogram/upscale?fal_webhook={quote(hook, safe='')}"
        yield Sent("webhook", path, {**keyed("fal", key), **json_}, fine)
    yield Sent(
        "file name",
        "/fal/media/files/upload",
        {**keyed("fal", key), "X-Fal-File-Name": f"{key}.png", "Content-Type": f"image/{key}"},
        picture(),
    )
    about = json.dumps({"file_name": f"{key}.png", "content_type": "image/png"}).encode()
    yield Sent("file name", "/fal/rest/storage/upload/initiate", {**keyed("fal", key), **json_}, about)
    cat = json.dumps({"model": MODEL, "prompt": f"a cat {key}", "size": "64x64", "user": key}).encode()
    yield Sent("drawn prompt", "/aigateway/v1/images/generations", {**keyed("aigateway", key), **json_}, cat)
    yield Sent("model", f"/lumenfall/openai/v1/models/{address}", keyed("lumenfall", key), method="GET")
    yield Sent("request", f"/lumenfall/v1/requests/{address}", keyed("lumenfall", key), method="GET")
    yield Sent("job", f"/fal/queue/fal-ai/ideogram/requests/{address}", keyed("fal", key), method="GET")


def by_place(seed: str) -> Iterator[tuple[str, Sent]]:
    """Calls with a secret of their own each, in a place that makes it one; the secret first."""
    names = shapeless(seed)
    path = KEYED["ideogram"]
    for header in (
        "Api-Key", "X-Api-Key", "Cookie", "Proxy-Authorization", "Authorization", "X-Auth-Token", "X-BYOK-Fal",
        "X-Fauxscale-Token", "X-Amz-Security-Token", "X-Goog-Api-Key", "X-Client-Secret", "X-Signature",
    ):  # fmt: skip
        for value in ("{}", "Bearer {}", "Key {}", "Token {}", "session={}; theme=dark"):
            secret = next(names)
            yield secret, Sent(f"{header}: {value}", path, {header: value.format(secret)})
    secret = next(names)
    packed = base64.b64encode(f"somebody:{secret}".encode()).decode()
    yield secret, Sent("Basic", f"{path}?note={secret}", {"Authorization": f"Basic {packed}"})
    secret = next(names)
    digest = f'Digest username="me", response="{secret}", uri="/"'
    yield secret, Sent("Digest", f"{path}?note={secret}", {"Authorization": digest})
    for name in (
        "api_key", "apikey", "api-key", "key", "token", "access_token", "refresh_token", "client_secret", "password",
        "sig", "signature", "X-Amz-Signature", "X-Amz-Security-Token", "X-Amz-Credential", "jwt", "fal_key",
    ):  # fmt: skip
        for where in (path, "/nothing", "/ideogram/api/images/ephemeral/x.png"):
            secret = next(names)
            yield secret, Sent(f"?{name}=", f"{where}?a=1&{name}={secret}&b=2", {}, method="GET")
        if name == "key":  # of a member it is a name like any other: of a place in a bucket, say
            continue
        secret = next(names)
        body = json.dumps({"a": [{name: secret, "b": 1}], name: [secret], "prompt": 1}).encode()
        headers = {**keyed("fal", "k-of-fal"), "Content-Type": "application/json"}
        yield secret, Sent(f'{{"{name}"}}', KEYED["fal"], headers, body)
        secret = next(names)
        heads, body = form(text_part(name, secret), text_part("image_request", {name: secret}))
        yield secret, Sent(f'name="{name}"', path, {"Api-Key": "k-of-ideogram", **heads}, body)
    for place in (
        "http://me:{}@127.0.0.1:9/a.png",
        "https://{}@pictures.test/a.png",
        "http://h.test/a?token={}",
    ):
        secret = next(names)
        hook = f"/fal/queue/fal-ai/ideogram/upscale?fal_webhook={quote(place.format(secret), safe='')}"
        body = json.dumps({"image_url": place.format(secret)}).encode()
        headers = {**keyed("fal", "k-of-fal"), "Content-Type": "application/json"}
        yield secret, Sent("webhook", hook, headers, body)
        secret = next(names)
        body = json.dumps({"image_url": place.format(secret)}).encode()
        for where in ("/fal/run", "/fal/queue"):
            yield secret, Sent("image_url", f"{where}/fal-ai/ideogram/upscale", headers, body)


def shapeless(seed: str) -> Iterator[str]:
    """Secrets without a shape of their own."""
    number = 0
    while True:
        number += 1
        yield "q" + base64.b32encode(hashlib.sha256(f"{seed} {number}".encode()).digest()).decode()[:30]


def told_by(http: httpx.Client, url: str) -> Told:
    """Everything the control API and the inspector answer to a GET, with the links' addresses left out: those are
    for whoever asks for them."""
    told = Told()

    def ask(path: str) -> httpx.Response:
        reply = http.get(f"{url}{path}")
        if reply.headers.get("content-type", "").startswith(("application/json", "text/")):
            told.add(path, f"{reply.headers!r}\n{reply.text}")
        return reply

    accounts = ask(f"{API}/accounts").json()["accounts"]
    for route in ROUTES:
        if route.method == "GET" and "{id}" not in route.path:
            ask(API + route.path)
    ask("/__fauxscale/api/inspector/calls")
    ask("/__fauxscale/api/inspector/money")
    ask("/__fauxscale/api/inspector/report")
    for account in [*(one["id"] for one in accounts), "acct_0"]:
        calls = http.get(f"{url}{API}/accounts/{account}/calls").json()["calls"]
        for route in ROUTES:
            path = API + route.path.replace("{id}", account)
            if route.method != "GET" or "{id}" not in route.path:
                continue
            if "{call}" not in path:
                ask(path)
                continue
            for call in calls[:FEW]:
                ask(path.replace("{call}", call["id"]).replace("{number}", "0"))
        for call in calls[:FEW]:
            for part in ("", "/story", "/pictures"):
                ask(f"/__fauxscale/api/inspector/calls/{account}/{call['n']}{part}")
    return told
