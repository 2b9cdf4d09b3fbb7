"""Damages pictures: bytes, the fields of headers, chunks and segments, with check sums and lengths repaired or not."""

from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Sequence

from .mutations import some_bytes

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_EXIF = bytes.fromhex(
    "49492a0008000000 0200 120103000100000006000000 1a01050001000000 26000000 00000000 4800000001000000"
)
_NUMBERS = (
    0,
    1,
    2,
    3,
    7,
    8,
    9,
    16,
    255,
    256,
    4095,
    16_383,
    16_384,
    65_500,
    65_535,
    2**24 - 1,
    2**31 - 1,
    2**31,
    2**32 - 1,
)
_CHUNKS: Sequence[tuple[bytes, bytes]] = (
    (b"tRNS", b"\0\0"), (b"tRNS", b"\0\1\0\2\0\3"), (b"gAMA", b"\0\0\0\0"), (b"cHRM", bytes(32)), (b"sRGB", b"\xff"),
    (b"PLTE", b"\1\2\3"), (b"PLTE", b"\1\2\3\4"), (b"PLTE", bytes(771)), (b"bKGD", b"\xff"), (b"pHYs", b"\xff" * 9),
    (b"iCCP", b"x\0\0" + zlib.compress(b"no profile")), (b"iCCP", b"x\0\1junk"), (b"iCCP", b"x" * 90),
    (b"sBIT", b"\0\0\0"), (b"zTXt", b"a\0\0" + zlib.compress(bytes(200_000))), (b"zTXt", b"a\0\x07junk"),
    (b"tEXt", b"Raw profile type exif\0x"), (b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0<x tiff:Orientation='9'/>"),
    (b"iTXt", b"a\0\1\0\0\0junk"), (b"eXIf", _EXIF), (b"eXIf", b"MM\0*\xff\xff\xff\xff"), (b"eXIf", b""),
    (b"acTL", b"\0\0\0\2\0\0\0\0"), (b"fcTL", bytes(26)), (b"fdAT", bytes(8)), (b"IHDR", bytes(13)), (b"IDAT", b""),
    (b"IDAT", b"\x78\x9c"), (b"IEND", b""), (b"tIME", b"\xff" * 7), (b"\0\0\0\0", b""),
    (b"sPLT", b"a\0\x08" + bytes(11)), (b"hIST", bytes(9)), (b"CgBI", bytes(4)), (b"cICP", bytes(4)),
    (b"mDCV", bytes(24)),
)  # fmt: skip
_SEGMENTS: Sequence[tuple[int, bytes]] = (
    (0xE1, b"Exif\0\0" + _EXIF), (0xE1, b"Exif\0\0MM\0*\0\0\0\x08\xff\xff"), (0xE1, b"Exif\0\0"),
    (0xE2, b"ICC_PROFILE\0\1\1junk"), (0xE2, b"ICC_PROFILE\0\2\1junk"), (0xE2, b"MPF\0II*\0\x08\0\0\0"),
    (0xEE, b"Adobe\0d\0\0\0\0\0"), (0xEE, b"Adobe\0d\0\0\0\0\2"), (0xE0, b"JFIF\0\1\1\0\0\0\0\0\0"), (0xE0, b"JFIF"),
    (0xFE, b"comment"), (0xDD, b"\0\1"), (0xDC, b"\0\1"), (0xDB, b"\0" + bytes(64)), (0xC4, b"\0" + bytes(16)),
    (0xC4, b"\x13" + b"\xff" * 16), (0xC0, b"\x08\0\1\0\1\1\1\x11\0"), (0xC2, b"\x08\0\1\0\1\1\1\x11\0"),
    (0xC9, b"\x08\0\1\0\1\1\1\x11\0"), (0xCC, b"\0\0"),
    (0xE1, b"http://ns.adobe.com/xap/1.0/\0<x tiff:Orientation='8'/>"), (0xDA, b"\1\1\0\0?\0"), (0xDA, b"\0"),
    (0xF7, b"x"), (0xED, b"Photoshop 3.0\x008BIM\x03\xed\0\0\0\0\0\x10"),
)  # fmt: skip
_RIFFS: Sequence[tuple[bytes, bytes]] = (
    (b"VP8X", b"\0\0\0\0" + bytes(6)), (b"VP8X", b"\xff\0\0\0\xff\xff\xff\xff\xff\xff"), (b"EXIF", _EXIF),
    (b"EXIF", b""), (b"XMP ", b"<x tiff:Orientation='3'/>"), (b"ICCP", b"junk"), (b"ANIM", bytes(6)),
    (b"ANMF", bytes(24)), (b"ALPH", b"\0"), (b"ALPH", b"\xff\xff"), (b"VP8 ", bytes(10)), (b"VP8L", b"\x2f\0\0\0\0"),
    (b"junk", b"x"), (b"\xff\xff\xff\xff", b""),
)  # fmt: skip


def damaged(data: bytes, dice: random.Random) -> bytes:
    """The picture with something about it changed: any bytes, its first ones, or its parts."""
    how = dice.random()
    if how < 0.25 or len(data) < 24:
        return some_bytes(data, dice)
    if how < 0.4:
        return some_bytes(data[:64], dice, 3) + data[64:]
    if data.startswith(_SIGNATURE):
        return _png(data, dice)
    if data.startswith(b"\xff\xd8"):
        return _jpeg(data, dice)
    if data[:4] == b"RIFF":
        return _webp(data, dice)
    return some_bytes(data, dice)


def _png(data: bytes, dice: random.Random) -> bytes:
    chunks: list[tuple[bytes, bytes]] = []
    at = 8
    while at + 12 <= len(data):
        end = at + 8 + int.from_bytes(data[at : at + 4])
        chunks.append((data[at + 4 : at + 8], data[at + 8 : end]))
        at = end + 4
    for _ in range(dice.randint(1, 2)):
        index = dice.randrange(len(chunks)) if chunks else 0
        if not chunks or dice.random() < 0.3:
            chunks.insert(index + dice.randrange(2), dice.choice(_CHUNKS))
            continue
        kind, body = chunks[index]
        if kind == b"IHDR" and len(body) == 13 and dice.random() < 0.8:
            chunks[index] = kind, _header(body, dice)
        elif kind == b"IDAT" and dice.random() < 0.8:
            chunks[index] = kind, _pixels(body, dice)
        else:
            _shuffle(chunks, index, dice)
    repaired = dice.random() < 0.75
    pieces = [_SIGNATURE]
    for kind, body in chunks:
        check = (
            zlib.crc32(kind + body)
            if repaired
            else dice.choice((zlib.crc32(body), 0, zlib.crc32(kind + body)))
        )
        length = len(body) if repaired or dice.random() < 0.8 else dice.choice(_NUMBERS)
        pieces.append(struct.pack(">I", length) + kind + body + struct.pack(">I", check))
    return b"".join(pieces)


def _header(body: bytes, dice: random.Random) -> bytes:
    width, height, *others = struct.unpack(">IIBBBBB", body)
    match dice.randrange(4):
        case 0:
            width = dice.choice(((width + 1) % 2**32, max(width - 1, 0), dice.choice(_NUMBERS)))
        case 1:
            height = dice.choice(((height + 1) % 2**32, max(height - 1, 0), dice.choice(_NUMBERS)))
        case 2:
            others[0], others[1] = dice.choice((1, 2, 4, 8, 16, 3)), dice.choice((0, 2, 3, 4, 6, 1, 7))
        case _:
            others[dice.randrange(5)] = dice.choice((0, 1, 2, 255))
    return struct.pack(">IIBBBBB", width, height, *others)


def _pixels(body: bytes, dice: random.Random) -> bytes:
    """The pixels of a PNG unpacked, changed, and packed again: damage that only a decoder meets."""
    try:
        raw = zlib.decompress(body)
    except zlib.error:
        return some_bytes(body, dice)
    match dice.randrange(3):
        case 0:
            raw = some_bytes(raw, dice)
        case 1:
            raw = raw[: dice.randrange(len(raw) + 1)]
        case _:
            raw += dice.randbytes(dice.randint(1, 300))
    packed = zlib.compress(raw, dice.randrange(10))
    return packed if dice.random() < 0.8 else some_bytes(packed, dice, 2)


def _jpeg(data: bytes, dice: random.Random) -> bytes:
    segments: list[tuple[int, bytes]] = []
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF and data[at + 1] != 0xDA:
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4])
        segments.append((data[at + 1], data[at + 4 : end]))
        at = end
    scan = data[at:]
    for _ in range(dice.randint(1, 2)):
        index = dice.randrange(len(segments)) if segments else 0
        if not segments or dice.random() < 0.3:
            segments.insert(index, dice.choice(_SEGMENTS))
        elif dice.random() < 0.3:
            scan = some_bytes(scan, dice)
        else:
            _shuffle(segments, index, dice)
    repaired = dice.random() < 0.85
    pieces = [b"\xff\xd8"]
    for code, body in segments:
        length = len(body) + 2 if repaired or dice.random() < 0.8 else dice.choice(_NUMBERS)
        pieces.append(bytes([0xFF, code]) + struct.pack(">H", min(length, 65_535)) + body)
    return b"".join(pieces) + scan


def _webp(data: bytes, dice: random.Random) -> bytes:
    chunks: list[tuple[bytes, bytes]] = []
    at = 12
    while at + 8 <= len(data):
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        chunks.append((data[at : at + 4], data[at + 8 : at + 8 + size]))
        at += 8 + size + size % 2
    for _ in range(dice.randint(1, 2)):
        index = dice.randrange(len(chunks)) if chunks else 0
        if not chunks or dice.random() < 0.3:
            chunks.insert(index, dice.choice(_RIFFS))
        else:
            _shuffle(chunks, index, dice)
    repaired = dice.random() < 0.75
    body = b"WEBP"
    for kind, inside in chunks:
        size = len(inside) if repaired or dice.random() < 0.8 else dice.choice(_NUMBERS)
        body += kind + struct.pack("<I", size) + inside + b"\0" * (len(inside) % 2)
    return b"RIFF" + struct.pack("<I", len(body) if repaired else dice.choice(_NUMBERS)) + body


def _shuffle(
    parts: list[tuple[bytes, bytes]] | list[tuple[int, bytes]], index: int, dice: random.Random
) -> None:
    """One part left out, doubled, moved or damaged."""
    kept: list[tuple[bytes | int, bytes]] = list(parts)
    kind, body = kept[index]
    match dice.randrange(6):
        case 0:
            del kept[index]
        case 1:
            kept.insert(dice.randrange(len(kept) + 1), (kind, body))
        case 2:
            kept.insert(dice.randrange(len(kept)), kept.pop(index))
        case _:
            kept[index] = kind, some_bytes(body, dice, 3)
    parts[:] = kept  # type: ignore[assignment]  # of one kind, as they came
