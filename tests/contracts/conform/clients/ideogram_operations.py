"""Clients of Ideogram's other operations that keep every promise, and knobs to take them away one by one."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import httpx
from PIL import Image, ImageOps

from fauxscale_contracts.conform.candidate import Endpoint
from tests.contracts.conform.clients.ideogram import BadReply, Client, DeadLink, Failed, Unread, polite
from tests.webhook_receiver import Receiver, open_receiver


def patient(hint: str) -> float:
    """The seconds a Retry-After asks for; where there is none, long enough for somebody's work to end."""
    return polite(hint) if hint else 0.3


def _parts(options: Mapping[str, object]) -> dict[str, tuple[None, str]]:
    return {name: (None, str(value)) for name, value in options.items()}


def _body(reply: httpx.Response) -> dict[str, Any]:
    try:
        body: Any = reply.json()
    except ValueError:
        raise BadReply("the reply is no JSON") from None
    if not isinstance(body, dict):
        raise BadReply("the reply is no object")
    return body


def _urls(body: Mapping[str, Any]) -> list[str | None]:
    """The links to the results of a reply, None for one that has none."""
    data: Any = body.get("data")
    items: list[Any] = data if isinstance(data, list) else []
    urls = [one.get("url") if isinstance(one, dict) else None for one in items]
    return [url if isinstance(url, str) and url.startswith(("http://", "https://")) else None for url in urls]


@dataclass(frozen=True, kw_only=True)
class Generator(Client):
    """`generate(endpoint, **options) -> bytes`: the first of the pictures that was not withheld."""

    attempts: int = 11
    wait: Callable[[str], float] = patient
    trusts_first: bool = False

    def generate(self, endpoint: Endpoint, **options: object) -> bytes:
        # The same picture in every scenario, so that the stand-in draws it once.
        return self._made(endpoint, b"", {"seed": 7, **options})

    def _made(self, endpoint: Endpoint, image: bytes, options: Mapping[str, object]) -> bytes:
        with httpx.Client(transport=httpx.HTTPTransport(verify=False), trust_env=False) as http:
            try:
                url = self._link(self._post(http, endpoint, image, options))
                return self._read(http, url, str(options.get("resolution", "")).encode() or image)
            except (BadReply, DeadLink) as error:
                raise Failed(str(error)) from error

    def _send(
        self, http: httpx.Client, endpoint: Endpoint, image: bytes, options: Mapping[str, object]
    ) -> httpx.Response:
        return http.post(
            f"{endpoint.base_url}/v1/ideogram-v3/generate",
            headers={"Api-Key": endpoint.api_key},
            files=_parts(options),
            timeout=self.timeout,
        )

    def _link(self, reply: httpx.Response) -> str:
        if reply.status_code != 200:
            raise Failed(f"{reply.status_code} {reply.text[:80]}")
        urls = _urls(_body(reply))
        for url in urls[:1] if self.trusts_first else urls:
            if url is not None:
                return url
        raise BadReply("the reply names no picture")

    def _check(self, made: bytes, image: bytes) -> None:
        picture = _whole(made)
        if self.checks_size and f"{picture.width}x{picture.height}" != image.decode():
            raise Failed(f"the picture is {picture.width}x{picture.height}")
        if self.checks_format and picture.format != "PNG":
            raise Failed(f"the picture is a {picture.format}")


def _whole(made: bytes) -> Image.Image:
    try:
        picture = Image.open(BytesIO(made))
        picture.load()
    except (OSError, SyntaxError, ValueError):
        raise Unread("what came is no whole picture") from None
    return picture


@dataclass(frozen=True, kw_only=True)
class Upscaler(Client):
    """`upscale(endpoint, image, **options)` by v2: submits, is told or polls, and reads the result."""

    largest: int = 50 * 1024 * 1024
    now: bool = False
    asks_for_notices: bool = False
    polls: int = 40
    pause: float = 0.02
    polls_unless_told: bool = True
    notice_patience: float = 15.0
    poll_wait: Callable[[str], float] = polite
    submits_again: bool = False

    def upscale(self, endpoint: Endpoint, image: bytes, **options: object) -> bytes:
        if not image or len(image) > self.largest:
            raise Failed(f"a file of {len(image)} bytes")
        with (
            httpx.Client(transport=httpx.HTTPTransport(verify=False), trust_env=False) as http,
            contextmanager(open_receiver)()
            if self.asks_for_notices and not self.now
            else nullcontext() as receiver,
        ):
            hook = {} if receiver is None else {"webhook_url": receiver.url}
            how = {} if self.now else {"async": "true", **hook}
            try:
                url = self._url(http, endpoint, image, {**self.sends(options), **how}, receiver)
                return self._read(http, url, image)
            except (BadReply, DeadLink) as error:
                raise Failed(str(error)) from error

    def _url(
        self,
        http: httpx.Client,
        endpoint: Endpoint,
        image: bytes,
        options: Mapping[str, object],
        receiver: Receiver | None,
    ) -> str:
        body = self._submitted(http, endpoint, image, options)
        if not self.now:
            name: Any = body.get("generation_id")
            if not isinstance(name, str) or not name.replace("-", "").replace("_", "").isalnum():
                raise BadReply("the reply names no generation")
            if not self.polls_unless_told and receiver is not None:
                self._await_notice(receiver)
            try:
                body = self._finished(http, endpoint, name)
            except NeverDone:
                if not self.submits_again:
                    raise
                name = str(self._submitted(http, endpoint, image, options)["generation_id"])
                body = self._finished(http, endpoint, name)
        for url in _urls(body):
            if url is not None:
                return url
        raise BadReply("the reply names no picture")

    def _submitted(
        self, http: httpx.Client, endpoint: Endpoint, image: bytes, options: Mapping[str, object]
    ) -> dict[str, Any]:
        reply = self._post(http, endpoint, image, options)
        if reply.status_code != 200:
            raise Failed(f"{reply.status_code} {reply.text[:80]}")
        return _body(reply)

    def _send(
        self, http: httpx.Client, endpoint: Endpoint, image: bytes, options: Mapping[str, object]
    ) -> httpx.Response:
        return http.post(
            f"{endpoint.base_url}/v2/image/upscale/auto",
            headers={"Api-Key": endpoint.api_key},
            files={"image": ("picture", image, "application/octet-stream"), **_parts(options)},
            timeout=self.timeout,
        )

    def _await_notice(self, receiver: Receiver) -> None:
        until = time.monotonic() + self.notice_patience
        while not receiver.notices:
            if time.monotonic() > until:
                raise Failed("no notice came")
            time.sleep(0.01)

    def _finished(self, http: httpx.Client, endpoint: Endpoint, name: str) -> dict[str, Any]:
        for _ in range(self.polls):
            try:
                reply = http.get(
                    f"{endpoint.base_url}/v2/generations/{name}",
                    headers={"Api-Key": endpoint.api_key},
                    timeout=self.timeout,
                )
            except httpx.TransportError:
                continue
            if reply.status_code == 429:
                time.sleep(self.poll_wait(reply.headers.get("retry-after", "")))
            elif reply.status_code != 200:
                raise Failed(f"a poll is answered {reply.status_code}")
            else:
                body = _body(reply)
                if body.get("status") == "completed":
                    return body
                if body.get("status") != "pending":
                    raise BadReply(f"the generation is {str(body.get('status'))[:40]}")
                time.sleep(self.pause)
        raise NeverDone("the generation is never done")


class NeverDone(Failed):
    """Work that may be done one day."""


@dataclass(frozen=True, kw_only=True)
class Editor(Generator):
    """`edit(endpoint, image, mask, **options) -> bytes`."""

    stretches_masks: bool = False
    inverts_masks: bool = False

    def edit(self, endpoint: Endpoint, image: bytes, mask: bytes, **options: object) -> bytes:
        if not image or len(image) > 10 * 1024 * 1024:
            raise Failed(f"a file of {len(image)} bytes")
        if self.stretches_masks or self.inverts_masks:
            mask = self._other(image, mask)
        with httpx.Client(transport=httpx.HTTPTransport(verify=False), trust_env=False) as http:
            try:
                sent = {"seed": 7, **options, "image": image, "mask": mask}
                return self._read(http, self._link(self._post(http, endpoint, image, sent)), image)
            except (BadReply, DeadLink) as error:
                raise Failed(str(error)) from error

    def _other(self, image: bytes, mask: bytes) -> bytes:
        try:
            shown = ImageOps.exif_transpose(Image.open(BytesIO(image)))
        except (OSError, SyntaxError, ValueError):
            return mask
        other: Image.Image = Image.open(BytesIO(mask))
        if self.stretches_masks:
            other = other.resize(shown.size)
        if self.inverts_masks:
            other = ImageOps.invert(other)
        out = BytesIO()
        other.save(out, "PNG")
        return out.getvalue()

    def _send(
        self, http: httpx.Client, endpoint: Endpoint, image: bytes, options: Mapping[str, object]
    ) -> httpx.Response:
        plain = {name: value for name, value in options.items() if not isinstance(value, bytes)}
        files = {
            name: (name, value, "application/octet-stream")
            for name, value in options.items()
            if isinstance(value, bytes)
        }
        return http.post(
            f"{endpoint.base_url}/v1/ideogram-v3/inpaint",
            headers={"Api-Key": endpoint.api_key},
            files={**_parts(plain), **files},
            timeout=self.timeout,
        )

    def _check(self, made: bytes, image: bytes) -> None:
        picture = _whole(made)
        if self.checks_size and min(picture.size) < 512:
            raise Failed(f"the picture is {picture.width}x{picture.height}")
        if self.checks_format and picture.format != "PNG":
            raise Failed(f"the picture is a {picture.format}")


@dataclass(frozen=True, kw_only=True)
class Describer(Client):
    """`describe(endpoint, image) -> str`."""

    largest: int = 10 * 1024 * 1024
    saves_whole_replies: bool = False

    def describe(self, endpoint: Endpoint, image: bytes, **options: object) -> str:
        if not image or len(image) > self.largest:
            raise Failed(f"a file of {len(image)} bytes")
        with httpx.Client(transport=httpx.HTTPTransport(verify=False), trust_env=False) as http:
            reply = self._post(http, endpoint, image, options)
        if reply.status_code != 200:
            raise Failed(f"{reply.status_code} {reply.text[:80]}")
        if self.saves_whole_replies:
            return reply.text
        if self.believes_replies:
            return str(reply.json()["descriptions"][0]["text"])
        told: Any = _body(reply).get("descriptions")
        first: Any = told[0] if isinstance(told, list) and told else None
        text: Any = first.get("text") if isinstance(first, dict) else None
        if not isinstance(text, str) or not text:
            raise BadReply("the reply says nothing")
        return text

    def _send(
        self, http: httpx.Client, endpoint: Endpoint, image: bytes, options: Mapping[str, object]
    ) -> httpx.Response:
        return http.post(
            f"{endpoint.base_url}/describe",
            headers={"Api-Key": endpoint.api_key},
            files={"image_file": ("picture", image, "application/octet-stream")},
            timeout=self.timeout,
        )
