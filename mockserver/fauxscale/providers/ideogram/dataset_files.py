"""Adds pictures, captions and zip files to a dataset, and says why a file is rejected."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Literal, TypeAlias

from msgspec import Struct

from fauxscale.provider_api import ApiError, Call, Part, Problem, Refuse, Sent, Withhold, probed

from .archives import Allowance, Archive, RefusedArchive, is_zip

# The documented reasons; INTERNAL_ERROR, the seventh, is for errors of the service.
Reason: TypeAlias = Literal[
    "FAILED_SAFETY_CHECK",
    "FILE_TOO_LARGE",
    "INVALID_CAPTION",
    "INVALID_IMAGE",
    "INVALID_ZIP",
    "TOO_MANY_IMAGES",
]
MOST_IMAGES = 100
_MOST_CAPTION = 10_000
_IMAGES, _CAPTIONS = "ideogram.images", "ideogram.captions"


class Asset(Struct, frozen=True, kw_only=True):
    """A stored file of a dataset: a picture, whose bytes `blob` holds, or a caption, which is `text`."""

    id: str
    name: str
    size: int
    blob: str = ""
    text: str = ""

    @property
    def stem(self) -> str:
        return stem_of(self.name)

    @property
    def identifier(self) -> dict[str, object]:
        """Its name on the wire."""
        return {"asset_type": "UPLOAD", "asset_id": self.id}


def stem_of(name: str) -> str:
    """The common part of a caption and its picture: their name without its extension."""
    return name.rpartition(".")[0] or name


async def images_of(call: Call, dataset_id: str) -> list[Asset]:
    """List the pictures of a dataset, oldest first."""
    return await call.account.records.all(f"{_IMAGES}.{dataset_id}", Asset)


async def captions_of(call: Call, dataset_id: str) -> list[Asset]:
    """List the captions of a dataset, oldest first."""
    return await call.account.records.all(f"{_CAPTIONS}.{dataset_id}", Asset)


class _File(Struct, frozen=True):
    """A file that was sent, by itself or in a zip file. `read` returns its bytes, None if they are broken."""

    name: str
    size: int
    read: Callable[[], bytes | None]

    @property
    def stem(self) -> str:
        return stem_of(self.name)

    @property
    def is_caption(self) -> bool:
        return self.name.lower().endswith(".txt")


class DatasetUpload:
    """One upload into a dataset: `taken` are the pictures that were added, `failed` the names of the rest."""

    def __init__(self, call: Call, dataset_id: str, most_file: int) -> None:
        self.taken: list[Asset] = []
        self.failed: list[tuple[str, Reason]] = []
        self._call = call
        self._dataset = dataset_id
        self._most_file = most_file
        self._allowance = Allowance()
        self._drawn = 0

    async def take(self, parts: Sequence[Part]) -> None:
        """Add all valid pictures, and then the captions of pictures in the dataset."""
        files = [file for part in parts for file in await self._files_of(part)]
        unsafe = await self._judged_unsafe()
        # A full dataset takes no more: further pictures are not judged.
        before = await images_of(self._call, self._dataset)
        for number, image in enumerate(one for one in files if not one.is_caption):
            full = len(before) + len(self.taken) >= MOST_IMAGES
            reason = "TOO_MANY_IMAGES" if full else await self._image(image, safe=not unsafe(number))
            if reason is not None:
                self.failed.append((image.name, reason))
        stems = {one.stem for one in [*before, *self.taken]}
        for caption in (one for one in files if one.is_caption):
            if caption.stem not in stems or not await self._caption(caption):
                self.failed.append((caption.name, "INVALID_CAPTION"))

    async def _files_of(self, part: Part) -> Sequence[_File]:
        """The files in a part: itself, or what is in its zip file."""
        name = (part.filename or "").replace("\\", "/").rpartition("/")[2]
        if not is_zip(name, part.data):
            return [_File(name, len(part.data), lambda: part.data)]
        run = self._call.accounts.workers.run
        try:
            archive = await run(lambda: Archive(part.data, self._allowance))
        except RefusedArchive as refusal:
            self._call.entry.reason = f"{name or 'a zip file'} is not unpacked: {refusal}"
            self.failed.append((name, "INVALID_ZIP"))
            return []
        return [_File(one.name, one.size, partial(archive.read, one)) for one in archive.members]

    async def _judged_unsafe(self) -> Callable[[int], bool]:
        """The numbers of the pictures that a configured fault judges unsafe: here they fail, not the call."""
        faults = self._call.faults
        await faults.apply("outcome")
        refuse, withhold = faults.take(Refuse), faults.take(Withhold)
        if refuse is None and withhold is None:
            return lambda number: False
        self._call.entry.rule = Problem.UNSAFE.value
        only = None if withhold is None else withhold.only
        return lambda number: only in (None, number)

    async def _image(self, file: _File, *, safe: bool) -> Reason | None:
        """Store a picture, or return why it cannot be stored."""
        call = self._call
        if file.size > self._most_file:
            return "FILE_TOO_LARGE"
        data = await call.accounts.workers.run(file.read)
        try:
            await probed(call, Sent(data or b"", "files", max_pixels=int(call.setting("max_pixels"))))
        except ApiError as refusal:
            call.entry.reason = f"{file.name}: {refusal.reason}"
            return "INVALID_IMAGE"
        if not safe:
            return "FAILED_SAFETY_CHECK"
        number = self._number()
        blob = await call.account.put_upload(data or b"", f"{call.arrival.holder}.{number}")
        asset = Asset(
            id=call.account.dice.id_of_call("asset", call.entry.n, number),
            name=file.name,
            size=file.size,
            blob=blob,
        )
        # Other calls may have filled the dataset meanwhile.
        table = f"{_IMAGES}.{self._dataset}"
        if not await call.account.records.put(table, asset.id, asset, blob=blob, most=MOST_IMAGES):
            return "TOO_MANY_IMAGES"
        self.taken.append(asset)
        return None

    async def _caption(self, file: _File) -> bool:
        """Store a caption, replacing an earlier one of the same picture; returns whether it is valid."""
        call = self._call
        if file.size > 4 * _MOST_CAPTION:
            return False
        try:
            text = (await call.accounts.workers.run(file.read) or b"").decode("utf-8-sig")
        except UnicodeDecodeError:
            return False
        if not text.strip() or len(text) > _MOST_CAPTION:
            return False
        asset_id = call.account.dice.id_of_call("asset", call.entry.n, self._number())
        asset = Asset(id=asset_id, name=file.name, size=file.size, text=text)
        await call.account.records.put(f"{_CAPTIONS}.{self._dataset}", file.stem, asset)
        return True

    def _number(self) -> int:
        number = self._call.drawn
        self._call.drawn += 1
        return number
