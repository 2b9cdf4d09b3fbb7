"""A zip file is refused in words or unpacked within what its directory said, whatever its bytes."""

from __future__ import annotations

import io
import random
import zipfile

import pytest

from fauxscale.providers.ideogram.archives import Allowance, Archive, RefusedArchive
from tests.pictures import picture


def archive_of(*names: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, picture())
    return out.getvalue()


def test_members_are_read_one_by_one_by_their_names_without_folders() -> None:
    archive = Archive(archive_of("a/b/c.png", "d.png"), Allowance())
    assert [one.name for one in archive.members] == ["c.png", "d.png"]
    assert [archive.read(one) for one in archive.members] == [picture(), picture()]


def test_what_was_unpacked_is_taken_off_the_allowance() -> None:
    allowance = Allowance(members=5, size=3 * len(picture()))
    Archive(archive_of("a.png", "b.png"), allowance)
    assert (allowance.members, allowance.size) == (3, len(picture()))


def test_members_are_counted_before_the_directory_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python makes an object of each of its entries: 64 MB of them would take gigabytes."""
    many = archive_of(*(f"{number}.png" for number in range(11)))

    def opened(*given: object) -> None:
        raise AssertionError("the directory was read")

    monkeypatch.setattr(zipfile, "ZipFile", opened)
    with pytest.raises(RefusedArchive, match="over 10 members"):
        Archive(many, Allowance(members=10))


def test_whatever_the_bytes_a_zip_file_is_refused_or_gives_no_more_than_it_said() -> None:
    dice, whole = random.Random(7), archive_of("a.png", "b/c.png", "d.txt")
    opened = 0
    for _ in range(600):
        data = bytearray(whole)
        for _ in range(dice.randint(1, 4)):
            data[dice.randrange(len(data))] = dice.randrange(256)
        if dice.random() < 0.2:
            del data[dice.randrange(len(data)) :]
        allowance = Allowance()
        try:
            archive = Archive(bytes(data), allowance)
        except RefusedArchive:
            continue
        opened += 1
        for member in archive.members:
            unpacked = archive.read(member)
            assert unpacked is None or len(unpacked) <= member.size
    assert opened > 60, "the mutations are too hard to test what is opened"
