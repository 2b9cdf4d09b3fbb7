"""A client as it should be: `python careful.py fast|creative IMAGE OUTPUT [SECONDS BETWEEN POLLS]`.

It pays once, looks at what it gets, gives up in time, and leaves no file where it failed.
"""

from __future__ import annotations

import io
import os
import sys
import time
from email.utils import parsedate_to_datetime
from pathlib import Path

import httpx
from PIL import Image, ImageOps

TRIES = 4
PATIENCE = 3.0  # seconds: for one reply, for a Retry-After
POLLS = 20


class NoPicture(Exception):
    """The upscale did not work out; the text says why."""


def wait_asked(reply: httpx.Response) -> float:
    """Seconds to wait before asking again."""
    asked = reply.headers.get("retry-after", "0.1")
    try:
        return max(0.0, float(asked))
    except ValueError:
        # By the service's own clock: ours may be wrong.
        there = parsedate_to_datetime(reply.headers.get("date", asked))
        return max(0.0, (parsedate_to_datetime(asked) - there).total_seconds())


def order(http: httpx.Client, kind: str, image: bytes) -> httpx.Response:
    """Ask for the work. Only what was turned away at the door is sent again."""
    fields = {"output_format": "png"} | ({"prompt": "a photo"} if kind == "creative" else {})
    for left in reversed(range(TRIES)):
        reply = http.post(f"/v2beta/stable-image/upscale/{kind}", data=fields, files={"image": image})
        turned_away = reply.status_code == 429 or (
            reply.status_code == 503 and "retry-after" in reply.headers
        )
        if not turned_away or not left:
            break
        wait = wait_asked(reply)
        if wait > PATIENCE:
            break
        time.sleep(wait)
    if reply.status_code != 200:
        raise NoPicture(f"{reply.status_code}: {reply.text[:200]}")
    return reply


def collect(http: httpx.Client, job: str, between: float) -> httpx.Response:
    """The result, once it is there."""
    for _ in range(POLLS):
        try:
            reply = http.get(f"/v2beta/results/{job}")
        except httpx.TransportError as error:
            raise NoPicture("the result did not come through") from error
        if reply.status_code == 200:
            return reply
        if reply.status_code != 202:
            raise NoPicture(f"{reply.status_code}: {reply.text[:200]}")
        time.sleep(between)
    raise NoPicture(f"{job} is not done yet")


def judged(reply: httpx.Response, image: bytes) -> bytes:
    """The picture of the reply, four times as large as the one sent, or NoPicture."""
    if reply.headers.get("finish-reason") != "SUCCESS":
        raise NoPicture(f"finished with {reply.headers.get('finish-reason')}")
    with Image.open(io.BytesIO(image)) as sent, Image.open(io.BytesIO(reply.content)) as came:
        came.load()
        width, height = ImageOps.exif_transpose(sent).size
        if (came.format, came.size) != ("PNG", (4 * width, 4 * height)):
            raise NoPicture(f"{came.format} of {came.size} came for one of {(width, height)}")
    return reply.content


def upscale(base_url: str, key: str, kind: str, image: bytes, *, between: float = 10) -> bytes:
    """The picture at four times its size. Raises NoPicture, or what httpx and Pillow raise."""
    headers = {"authorization": f"Bearer {key}", "accept": "image/*"}
    with httpx.Client(base_url=base_url, headers=headers, timeout=PATIENCE) as http:
        reply = order(http, kind, image)
        if kind == "creative":
            words = reply.json()
            job = words.get("id") if isinstance(words, dict) else None
            if not isinstance(job, str) or len(job) != 64:
                raise NoPicture("the reply names no generation")
            reply = collect(http, job, between)
    return judged(reply, image)


def main(kind: str, image: str, output: str, between: str = "10") -> None:
    try:
        base_url, key = os.environ["STABILITY_BASE_URL"], os.environ["STABILITY_API_KEY"]
        picture = upscale(base_url, key, kind, Path(image).read_bytes(), between=float(between))
    except (NoPicture, httpx.HTTPError, OSError, SyntaxError, ValueError) as error:
        sys.exit(f"no picture: {error}")
    Path(output).write_bytes(picture)


if __name__ == "__main__":
    main(*sys.argv[1:])
