"""Has photos doubled by Ideogram. Every call costs money, so none is made twice without need."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable
from pathlib import Path

import httpx
from PIL import Image, ImageOps

from .receipt import Receipt

TRIES = 4
LONGEST_WAIT = 300.0  # seconds; who is told to wait longer is told so
TURNED_AWAY = (429, 503)  # said at the door: nothing was done, nothing charged
DEAD_LINK = (403, 404, 410)


class UpscalerError(Exception):
    """No picture was saved; says why."""


class Refused(UpscalerError):
    """The service does not want this call: asking again would not help."""


class Unsafe(UpscalerError):
    """The service judged the photo unsafe."""


class OutcomeUnknown(UpscalerError):
    """The call may have been charged, and no reply came. Somebody has to look before it is made again."""


class DownloadFailed(UpscalerError):
    """The result is paid for and could not be fetched. Calling again fetches it, and costs nothing."""


class LinkDied(DownloadFailed):
    """The result is no longer there to be fetched."""


class Upscaler:
    """A client of one account. `timeout` in seconds; `sleep` is what waits between tries."""

    def __init__(
        self, base_url: str, api_key: str, *, timeout: float = 60, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._url = base_url + "/upscale"
        self._key = api_key
        self._http = httpx.Client(timeout=timeout)
        self._sleep = sleep

    def close(self) -> None:
        self._http.close()

    def upscale(self, photo: Path, target: Path, *, resemblance: int = 50) -> None:
        """Save `photo` at twice its size as `target`, a PNG. Raises UpscalerError, and leaves `target` as it was."""
        data = photo.read_bytes()
        receipt = Receipt(target, data)
        if not receipt.is_open:
            self._fetch(self._order(data, resemblance, receipt), data, target)
        elif receipt.link is None:
            raise OutcomeUnknown(f"{photo} was ordered before and may have been charged")
        else:
            try:
                self._fetch(receipt.link, data, target)
            except LinkDied:  # it was left lying for too long
                self._fetch(self._order(data, resemblance, receipt), data, target)
        receipt.tear_up()

    def _order(self, data: bytes, resemblance: int, receipt: Receipt) -> str:
        """Make the call that costs money; returns where its result is, and writes it down."""
        receipt.write()
        reply = self._post(data, {"resemblance": resemblance, "num_images": 1}, receipt)
        if reply.status_code >= 500:
            raise OutcomeUnknown(f"the service failed with {reply.status_code}, perhaps after charging")
        if reply.status_code != 200:
            receipt.tear_up()
            raise Refused(f"{reply.status_code}: {reply.text[:200]}")
        try:
            image = reply.json()["data"][0]
            safe, link = image["is_image_safe"], str(image["url"] or "")
        except (ValueError, LookupError, TypeError) as error:
            raise OutcomeUnknown(f"most likely charged, and the reply makes no sense: {error!r}") from error
        if not safe:
            receipt.tear_up()
            raise Unsafe("the photo was judged unsafe")
        if not link:
            raise OutcomeUnknown("most likely charged, and no link came")
        receipt.write(link)
        return link

    def _post(self, data: bytes, request: dict[str, int], receipt: Receipt) -> httpx.Response:
        """The reply to the upload; sent again only while it is certain that nothing was done."""
        text, files = {"image_request": json.dumps(request)}, {"image_file": data}
        why = ""
        for tries in range(1, TRIES + 1):
            asked = ""
            try:
                reply = self._http.post(self._url, headers={"Api-Key": self._key}, data=text, files=files)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                why = f"not reached: {error}"
            except httpx.TransportError as error:
                raise OutcomeUnknown(f"the reply was lost: {error!r}") from error
            else:
                if reply.status_code not in TURNED_AWAY:
                    return reply
                why, asked = f"still {reply.status_code}", reply.headers.get("retry-after", "")
            wait = float(asked) if asked.isdigit() else 2**tries
            if wait > LONGEST_WAIT:
                receipt.tear_up()
                raise Refused(f"{why}, and not before {wait:,.0f} s")
            if tries < TRIES:
                self._sleep(wait)
        receipt.tear_up()
        raise Refused(f"{why}, after {TRIES} tries")

    def _fetch(self, link: str, data: bytes, target: Path) -> None:
        """Save what the link leads to, once it is whole and what was paid for."""
        width, height = _shown_size(data)
        part = target.with_name(target.name + ".part")
        for tries in range(1, TRIES + 1):
            try:
                self._download(link, part)
                _judge(part, (2 * width, 2 * height))
            except (httpx.TransportError, OSError) as error:
                part.unlink(missing_ok=True)
                if tries == TRIES:
                    raise DownloadFailed(f"no whole picture in {TRIES} tries: {error}") from error
            else:
                part.replace(target)
                return

    def _download(self, link: str, part: Path) -> None:
        """Raises OSError for what may pass, LinkDied for a link that will not come back."""
        with self._http.stream("GET", link) as reply:
            if reply.status_code in DEAD_LINK:
                raise LinkDied(f"the link answers {reply.status_code}")
            if reply.status_code != 200:
                raise OSError(f"the link answers {reply.status_code}")
            with part.open("wb") as file:
                for piece in reply.iter_bytes():
                    file.write(piece)


def _shown_size(data: bytes) -> tuple[int, int]:
    """Width and height of a photo as a viewer shows it: cameras store it lying and say how to turn it."""
    with Image.open(io.BytesIO(data)) as image:
        return ImageOps.exif_transpose(image).size


def _judge(file: Path, size: tuple[int, int]) -> None:
    """Raises OSError unless the file is a whole PNG of this size."""
    with Image.open(file, formats=["PNG"]) as image:
        try:
            image.load()
        except SyntaxError as error:  # Pillow's word for a PNG whose chunks are damaged
            raise OSError(str(error)) from error
        if image.size != size:
            raise OSError(f"{image.size[0]}x{image.size[1]} came, {size[0]}x{size[1]} was paid for")
