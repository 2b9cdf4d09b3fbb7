"""A client of POST /upscale that keeps every promise, and knobs to take them away one by one."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
from PIL import Image, ImageOps

from fauxscale_contracts.conform.candidate import Endpoint

_MIB = 1024 * 1024


class Failed(Exception):
    """What the client says when there will be no picture."""


def polite(hint: str) -> float:
    """The seconds a Retry-After asks for: a number, a date, or nothing sensible."""
    try:
        return max(0.0, float(hint))
    except ValueError:
        pass
    try:
        date = parsedate_to_datetime(hint)
    except ValueError:
        return 0.01
    return max(0.0, (date - datetime.now(UTC)).total_seconds())


@dataclass(frozen=True, kw_only=True)
class Client:
    """`upscale(endpoint, image, **options) -> bytes`. Every default is right; a test breaks one of them."""

    largest: int = 25 * _MIB
    timeout: float | None = 3.0
    download_timeout: float | None = 3.0
    attempts: int = 4
    retried: frozenset[int] = frozenset({429, 500, 502, 503, 504})
    wait: Callable[[str], float] = polite
    patience: float = 60.0
    retries_lost_replies: bool = False
    asks_again_for_bad_replies: bool = False
    sends: Callable[[Mapping[str, object]], Mapping[str, object]] = dict
    turns: bool = False
    flattens: bool = False
    known_members: frozenset[str] | None = None
    believes_replies: bool = False
    reads: int = 3
    redirects: int = 3
    checks_status_of_reads: bool = True
    checks_pixels: bool = True
    checks_size: bool = True
    checks_format: bool = True
    pays_for_dead_links: bool = False
    trusts_own_clock: bool = False

    def upscale(self, endpoint: Endpoint, image: bytes, **options: object) -> bytes:
        if not image or len(image) > self.largest:
            raise Failed(f"a file of {len(image)} bytes")
        # verify=False saves the time of loading certificates; all calls are plain HTTP on loopback.
        with httpx.Client(transport=httpx.HTTPTransport(verify=False), trust_env=False) as http:
            for attempt in range(2 if self.asks_again_for_bad_replies or self.pays_for_dead_links else 1):
                try:
                    url = self._link(self._post(http, endpoint, self._prepared(image), options))
                    return self._read(http, url, image)
                except BadReply as error:
                    if attempt or not self.asks_again_for_bad_replies:
                        raise Failed(str(error)) from error
                except DeadLink as error:
                    if attempt or not self.pays_for_dead_links:
                        raise Failed(str(error)) from error
        raise AssertionError("unreachable")

    def _prepared(self, image: bytes) -> bytes:
        if not (self.turns or self.flattens):
            return image
        picture: Image.Image = Image.open(io.BytesIO(image))
        if self.flattens:
            picture = picture.convert("RGB")
        out = io.BytesIO()
        picture.save(out, "PNG")  # without EXIF: a turned photo stays as the camera held it
        return out.getvalue()

    def _post(
        self, http: httpx.Client, endpoint: Endpoint, image: bytes, options: Mapping[str, object]
    ) -> httpx.Response:
        for attempt in range(self.attempts):
            last = attempt == self.attempts - 1
            try:
                reply = self._send(http, endpoint, image, self.sends(options))
            except httpx.ConnectError:
                if last:
                    raise Failed("nobody answers") from None
                continue
            except httpx.TransportError as error:
                # The work may have been done and paid for.
                if last or not self.retries_lost_replies:
                    raise Failed(f"no reply: {error}") from error
                continue
            if reply.status_code not in self.retried or last:
                return reply
            seconds = self.wait(reply.headers.get("retry-after", ""))
            if seconds > self.patience:
                return reply
            time.sleep(seconds)
        raise AssertionError("unreachable")

    def _send(
        self, http: httpx.Client, endpoint: Endpoint, image: bytes, options: Mapping[str, object]
    ) -> httpx.Response:
        return http.post(
            f"{endpoint.base_url}/upscale",
            headers={"Api-Key": endpoint.api_key},
            data={"image_request": json.dumps(options)},
            files={"image_file": ("picture", image, "application/octet-stream")},
            timeout=self.timeout,
        )

    def _link(self, reply: httpx.Response) -> str:
        if reply.status_code != 200:
            raise Failed(f"{reply.status_code} {reply.text[:80]}")
        if self.believes_replies:
            return str(reply.json()["data"][0]["url"])
        try:
            body: Any = reply.json()
        except ValueError:
            raise BadReply("the reply is no JSON") from None
        data: Any = body.get("data") if isinstance(body, dict) else None
        first: Any = data[0] if isinstance(data, list) and data else None
        url: Any = first.get("url") if isinstance(first, dict) else None
        if not isinstance(url, str) or not url.startswith(("http://", "https://")):
            raise BadReply("the reply names no picture")
        if self.known_members is not None and set(first) - self.known_members:
            raise BadReply("the reply has members nobody documented")
        if self.trusts_own_clock:
            exp = int(httpx.URL(url).params.get("exp", "0"))
            if not 0 < exp - time.time() < 36 * 3600:
                raise Failed("the link is dead, or was made by a liar")
        return url

    def _read(self, http: httpx.Client, url: str, image: bytes) -> bytes:
        for attempt in range(self.reads):
            try:
                return self._read_once(http, url, image)
            except Unread as error:
                if attempt == self.reads - 1:
                    raise Failed(str(error)) from error
        raise AssertionError("unreachable")

    def _read_once(self, http: httpx.Client, url: str, image: bytes) -> bytes:
        for _ in range(self.redirects + 1):
            try:
                reply = http.get(url, timeout=self.download_timeout)
            except (httpx.TransportError, httpx.InvalidURL) as error:
                raise Unread(f"the picture did not come: {error}") from error
            if not reply.has_redirect_location:
                break
            url = str(httpx.URL(url).join(reply.headers["location"]))
        else:
            raise Failed("redirected too often")
        if reply.status_code >= 500:
            raise Unread(f"the picture's server says {reply.status_code}")
        if reply.status_code != 200 and self.checks_status_of_reads:
            raise DeadLink(f"the link says {reply.status_code}")
        if self.checks_pixels:
            self._check(reply.content, image)
        return reply.content

    def _check(self, made: bytes, image: bytes) -> None:
        try:
            picture = Image.open(io.BytesIO(made))
            picture.load()
        except (OSError, SyntaxError, ValueError):
            raise Unread("what came is no whole picture") from None
        shown = ImageOps.exif_transpose(Image.open(io.BytesIO(image)))
        if self.checks_size and picture.size != (2 * shown.width, 2 * shown.height):
            raise Failed(f"the picture is {picture.width}x{picture.height}")
        if self.checks_format and picture.format != "PNG":
            raise Failed(f"the picture is a {picture.format}")


class BadReply(Failed):
    """A success that holds no picture."""


class DeadLink(Failed):
    """A link that leads nowhere."""


class Unread(Failed):
    """A picture that may come whole at another try."""
