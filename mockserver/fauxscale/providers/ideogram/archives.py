"""Opens zip files that clients send: checks the directory first, then unpacks to memory.

Any problem refuses the whole file, except for a single broken member.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from io import BytesIO

from msgspec import Struct

MIB = 1024 * 1024
_ENTRY = b"PK\x01\x02"  # the first bytes of a directory entry
_WAYS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
# bzip2 and LZMA are refused: an LZMA stream itself sets how much memory unpacking it takes, up to 4 GiB.
_NESTED: Mapping[str, bytes] = {
    "zip": b"PK\x03\x04",
    "empty zip": b"PK\x05\x06",
    "gzip": b"\x1f\x8b",
    "7z": b"7z\xbc\xaf\x27\x1c",
    "rar": b"Rar!\x1a\x07",
    "xz": b"\xfd7zXZ\x00",
}
_ENCRYPTED = 0x1


class RefusedArchive(ValueError):
    """A zip file that is not unpacked, and why."""


class Allowance:
    """How much one call may unpack: members and bytes, over all its zip files together."""

    def __init__(self, members: int = 1_000, size: int = 128 * MIB) -> None:
        self.members = members
        self.size = size

    def take(self, members: int, size: int) -> None:
        """Raise RefusedArchive if it is more than the rest."""
        if members > self.members:
            raise RefusedArchive(f"it has over {self.members:,} members")
        if size > self.size:
            raise RefusedArchive(f"unpacked it is over {self.size:,} bytes")
        self.members -= members
        self.size -= size


class ArchivedFile(Struct, frozen=True):
    """A file inside a zip file: its name without folders, its size by the directory, and its position."""

    name: str
    size: int
    path: str


class Archive:
    """A zip file whose directory is harmless. Opening and reading are slow: not for the event loop."""

    def __init__(self, data: bytes, allowance: Allowance) -> None:
        """Open a zip file within the rest of an allowance. Raises RefusedArchive."""
        # Counted before the directory is read: each entry takes a hundred times its length in memory.
        if data.count(_ENTRY) > allowance.members:
            raise RefusedArchive(f"it has over {allowance.members:,} members")
        try:
            self._zip = zipfile.ZipFile(BytesIO(data))
            infos = self._zip.infolist()
            allowance.take(len(infos), sum(info.file_size for info in infos))
            self._infos = {info.filename: info for info in infos if _is_wanted(info)}
            for info in infos:
                self._judge(info)
        except RefusedArchive:
            raise
        except Exception as error:  # zipfile and zlib have many ways to say that a file is broken
            raise RefusedArchive(f"it is no zip file, or a broken one: {error}") from error
        if not self._infos:
            raise RefusedArchive("there is no file in it")

    @property
    def members(self) -> tuple[ArchivedFile, ...]:
        """The files in it, without folders and hidden files of file managers."""
        return tuple(
            ArchivedFile(name.replace("\\", "/").rpartition("/")[2], info.file_size, name)
            for name, info in self._infos.items()
        )

    def read(self, member: ArchivedFile) -> bytes | None:
        """Unpack one member, at most to the size in the directory. None if it is broken."""
        return self._read(self._infos[member.path], member.size)

    def _read(self, info: zipfile.ZipInfo, most: int) -> bytes | None:
        try:
            with self._zip.open(info) as file:
                return file.read(most)
        except Exception:  # see above
            return None

    def _judge(self, info: zipfile.ZipInfo) -> None:
        _check_path(info.orig_filename)
        name = repr(info.filename[:100])
        if info.flag_bits & _ENCRYPTED:
            raise RefusedArchive(f"{name} is encrypted")
        if info.compress_type not in _WAYS:
            raise RefusedArchive(f"{name} is packed in another way than stored or deflated")
        head = self._read(info, 8) or b""
        for kind, signature in _NESTED.items():
            if head.startswith(signature):
                raise RefusedArchive(f"{name} is an archive itself ({kind})")


def is_zip(name: str, data: bytes) -> bool:
    """Whether a file is a zip file by its bytes, or claims to be one by its name."""
    return data.startswith((_NESTED["zip"], _NESTED["empty zip"])) or name.lower().endswith(".zip")


def _check_path(name: str) -> None:
    """Raise RefusedArchive for a name outside the folder a zip file is unpacked in."""
    parts = name.replace("\\", "/").split("/")
    if "\0" in name or not parts[0] or ".." in parts or ":" in parts[0]:
        raise RefusedArchive(f"{name[:100]!r} is no path inside a folder")


def _is_wanted(info: zipfile.ZipInfo) -> bool:
    """Leave out folders and what macOS adds: `__MACOSX/._photo.png`, `.DS_Store`."""
    parts = info.filename.replace("\\", "/").split("/")
    return bool(parts[-1]) and not parts[-1].startswith(".") and parts[0] != "__MACOSX"
