"""A million damaged pictures: small ones of every format that is accepted; what is taken is made in every format.

One in 25 is uploaded through a provider and its result read over HTTP, in process. The rest go the way of an upload
without HTTP around it: judged and made by the same functions, in the application's own threads.
"""

from __future__ import annotations

import base64
import csv
import random
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial

from PIL import Image

from fauxscale import create_app
from fauxscale.errors import ApiError, Problem
from fauxscale.images.formats import MEDIA_TYPES, check_fits, sniff
from fauxscale.images.probe import Picture, probe
from fauxscale.images.render import encode, enlarge
from fauxscale.workers import Workers
from tests.conftest import FIXTURES
from tests.pictures import picture

from .asked import Ask, Client
from .harness import Limits, Outcome, perform, smaller_bytes
from .image_mutations import damaged
from .requests import SETTINGS
from .results import Result
from .stories import KEY, at_address, form, get, members, send, told

COUNT = 1_000_000
FORMATS = tuple(MEDIA_TYPES)
WAYS = ("ideogram", "fal", "aigateway", *FORMATS)
_UPLOADED = 25
_FORGET_EVERY = 200
_FORGET = send("POST", "/__fauxscale/api/reset", {})
# Made in one format only: in all of them it would take longer than a try may.
_LARGE = 250_000
# A file of 200 bytes may say that it is a picture of 15 megapixels, and is one: the 62 that are made of it take 2.9 s
# of a processor, two thirds of them in Pillow's resampling (2026-11-22, two cores).
_SECONDS_A_MEGAPIXEL = 0.1
_BEARER = (b"authorization", f"Bearer {KEY}".encode())


@dataclass(frozen=True, slots=True)
class Damaged:
    """A picture, and which provider it is uploaded to: a format of Lumenfall's, another provider, or none ("")."""

    data: bytes
    way: str = ""


def torture(seed: int, limits: Limits) -> Result:
    return perform(Pictures(), seed, limits)


class Pictures:
    """The run."""

    name = "pictures"
    count = COUNT
    promise = (
        "every damaged picture is refused, or made in PNG, JPEG, WebP, GIF and AVIF; one in 25 through HTTP, "
        "the others by the functions behind it; within 2 s, and 0.1 s for each megapixel made"
    )

    def __init__(self) -> None:
        self._sound = sound()

    @asynccontextmanager
    async def opened(self) -> AsyncGenerator[Callable[[Damaged], Awaitable[Outcome]]]:
        app = create_app(SETTINGS)
        yield _Attempts(Client(app), app.accounts.workers).attempt
        await app.accounts.close()

    def make(self, dice: random.Random) -> Damaged:
        data = dice.choice(dice.choice(self._sound))
        for _ in range(dice.choice((1, 1, 1, 2))):
            data = damaged(data, dice)
        return Damaged(data, dice.choice(WAYS) if dice.randrange(_UPLOADED) == 0 else "")

    def smaller(self, given: Damaged) -> Iterator[Damaged]:
        if given.way:
            yield Damaged(given.data)
        for less in smaller_bytes(given.data):
            yield Damaged(less, given.way)

    def write(self, given: Damaged) -> bytes:
        return given.data


class _Attempts:
    """Tries pictures on one server, and on what it is made of."""

    def __init__(self, client: Client, workers: Workers) -> None:
        self._client, self._workers = client, workers
        self._uploaded = 0

    async def attempt(self, given: Damaged) -> Outcome:
        return await (self._upload(given) if given.way else self._make(given.data))

    async def _make(self, data: bytes) -> Outcome:
        try:
            judged = await self._workers.run(partial(probe, data))
        except ApiError as refusal:
            return Outcome(f"refused: {refusal.problem}", reached=True)
        except Exception as error:
            return Outcome("fell over", broken=f"the judgement raises {error!r}")
        formats = _fitting(judged)
        if not formats:
            return Outcome("refused: fits no format", reached=True)
        try:
            broken = await self._workers.render(partial(_make, data, judged, formats))
        except ApiError as refusal:
            wrong = "" if refusal.problem is Problem.BROKEN_IMAGE else f"cannot be made: {refusal.reason}"
            return Outcome(f"taken, then {refusal.problem}", reached=True, broken=wrong)
        except Exception as error:
            return Outcome("fell over", broken=f"making it raises {error!r}")
        made = f"made of {judged.format} {judged.mode}"
        work = _SECONDS_A_MEGAPIXEL * 4 * judged.width * judged.height / 1e6 * len(formats)
        return Outcome(made, reached=True, accepted=True, broken=broken, work=work)

    async def _upload(self, given: Damaged) -> Outcome:
        self._uploaded += 1
        if self._uploaded % _FORGET_EVERY == 0:
            await self._client.ask(_FORGET)
        answer = await self._client.ask(_upload(given))
        outcome = f"uploaded to {given.way if given.way.islower() else 'lumenfall'}: {answer.status}"
        if answer.status != 200:
            refused = answer.status in (400, 415, 422) and not answer.wrong
            broken = "" if refused else f"is answered {answer.status} {answer.wrong} {answer.body[:200]!r}"
            return Outcome(outcome, reached=True, broken=broken)
        link = next(value for name, value in members(told(answer.body)) if name == "url")
        read = await self._client.ask(at_address(get(link)))
        broken = (
            ""
            if read.status in (200, 422) and not read.wrong
            else f"its link answers {read.status} {read.wrong}"
        )
        return Outcome(
            f"{outcome}, read: {read.status}", reached=True, accepted=read.status == 200, broken=broken
        )


def _fitting(judged: Picture) -> Sequence[str]:
    """The formats that hold twice the picture: an upload that asks for another is refused before it is made."""
    fitting: list[str] = []
    for one in FORMATS if judged.width * judged.height <= _LARGE else ("JPEG",):
        with suppress(ApiError):
            check_fits(one, 2 * judged.width, 2 * judged.height)
            fitting.append(one)
    return fitting


def _make(data: bytes, judged: Picture, formats: Sequence[str]) -> str:
    """Make a picture that was taken in these formats; what is wrong with what was made, if anything."""
    large = enlarge(data, 2 * judged.width, 2 * judged.height)
    wrong = [one for one in formats if sniff(encode(large, one)) != one]
    return f"what is made as {wrong[0]} is none" if wrong else ""


def _upload(given: Damaged) -> Ask:
    """The upload of a picture."""
    match given.way:
        case "ideogram":
            key = (b"api-key", KEY.encode())
            return form("/ideogram/upscale", {"image_request": "{}"}, "image_file", given.data, key)
        case "fal":
            body = {"image_url": f"data:image/png;base64,{base64.b64encode(given.data).decode()}"}
            return send(
                "POST", "/fal/run/fal-ai/ideogram/upscale", body, (b"authorization", f"Key {KEY}".encode())
            )
        case "aigateway":
            texts = {"model": "ideogram/ideogram-upscale", "prompt": "a"}
            return form("/aigateway/v1/images/edits", texts, "image", given.data, _BEARER)
        case _:
            texts = {"model": "ideogram-upscale", "output_format": given.way.lower()}
            return form("/lumenfall/v1/images/edits", texts, "image", given.data, _BEARER)


def sound() -> Sequence[Sequence[bytes]]:
    """Small pictures to damage: drawn ones by format, and those of the corpus."""
    drawn: dict[str, list[bytes]] = {"PNG": [], "JPEG": [], "WEBP": []}
    for kind, modes in (
        ("PNG", ("RGB", "RGBA", "L", "LA", "P", "1", "I;16")),
        ("JPEG", ("RGB", "L", "CMYK")),
    ):
        drawn[kind] += [
            picture(kind, *size, mode=mode) for mode in modes for size in ((7, 5), (1, 1), (9, 8))
        ]
    exif = Image.Exif()
    exif[0x0112] = 6
    drawn["PNG"] += [
        picture("PNG", 7, 5, "P", transparency=1),
        picture("PNG", 7, 5, exif=exif),
        picture("PNG", 7, 5, icc_profile=b"x" * 130),
    ]
    drawn["JPEG"] += [
        picture("JPEG", 17, 9, progressive=True),
        picture("JPEG", 7, 5, exif=exif),
        picture("JPEG", 9, 9, quality=5),
    ]
    drawn["WEBP"] = [
        picture("WEBP", *size, mode, lossless=lossless)
        for mode in ("RGB", "RGBA")
        for size in ((7, 5), (1, 1))
        for lossless in (True, False)
    ]
    drawn["WEBP"] += [
        picture("WEBP", 7, 5, exif=exif),
        picture("WEBP", 7, 5, save_all=True, append_images=[Image.new("RGB", (7, 5))]),
    ]
    return [*drawn.values(), *drawn.values(), drawn["PNG"], _of_corpus()]


def _of_corpus() -> list[bytes]:
    """The pictures of the corpus that are small, in bytes and in pixels."""
    corpus = FIXTURES / "corpus"
    found: list[bytes] = []
    with (corpus / "MANIFEST.tsv").open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE):
            width, _, height = row["pillow_size"].partition("x")
            small = 20 < int(row["bytes"]) < 2_000 and "/json/" not in row["file"]
            if small and int(width or 1) * int(height or 1) <= 64 * 64:
                found.append((corpus / row["file"]).read_bytes())
    return found
