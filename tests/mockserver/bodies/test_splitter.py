"""Splitter: boundaries are found wherever the pieces of a body are cut, and nothing else is taken for one."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from fauxscale.bodies.splitter import HEADER_BYTES, Splitter
from fauxscale.errors import ApiError


@dataclass
class Seen:
    """What a splitter told, one word or text each."""

    told: list[object] = field(default_factory=list[object])

    def begin(self) -> None:
        self.told.append("begin")

    def header(self, line: bytes) -> None:
        self.told.append(line)

    def head_done(self) -> None:
        self.told.append(b"")

    def data(self, data: bytes | memoryview) -> None:
        assert data, "nothing was told as data"
        if self.told and isinstance(self.told[-1], bytes):
            data = self.told.pop() + bytes(data)  # type: ignore[operator]  # bytes, as was just asked
        self.told.append(bytes(data))

    def end(self) -> None:
        self.told.append("end")


def split(body: bytes, step: int = 1) -> list[object]:
    seen = Seen()
    splitter = Splitter(b"xy", seen)
    for at in range(0, len(body), step):
        splitter.feed(body[at : at + step])
    return [*seen.told, "closed"] if splitter.closed else seen.told


@pytest.mark.parametrize("step", [1, 2, 3, 5, 1000])
@pytest.mark.parametrize(
    ("data", "kept"),
    [
        (b"", b""),
        (b"\r\n--x", b"\r\n--x"),
        (b"\r\n--xyz", b"\r\n--xyz"),
        (b"\r\n--xy-", b"\r\n--xy-"),
        (b"\r\r\n-\r\n--x\r\n", b"\r\r\n-\r\n--x\r\n"),
        (b"--xy\r\n", b"--xy\r\n"),
        (b"\r\n--xy\rz", b"\r\n--xy\rz"),
    ],
)
def test_data_that_looks_like_a_boundary_is_data(data: bytes, kept: bytes, step: int) -> None:
    body = b"--xy\r\nA: b\r\n\r\n" + data + b"\r\n--xy--"
    assert split(body, step) == ["begin", b"A: b", kept, "end", "closed"]


@pytest.mark.parametrize("step", [1, 4, 1000])
def test_preambles_epilogues_and_blanks_behind_boundaries_are_passed_over(step: int) -> None:
    body = b"before\r\n--xyz\r\n--xy \t\r\n\r\none\r\n--xy  \r\n\r\ntwo\r\n--xy--after\r\n--xy\r\n"
    assert split(body, step) == ["begin", b"one", "end", "begin", b"two", "end", "closed"]


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"--xy\r\n\r\none\r\n--xy  x", "a boundary with something else on its line"),
        (b"--xy\r\n\r\none\r\n--xy" + b" " * 300, "a boundary with something else on its line"),
        (b"--xy\r\nA: b\rX", "does not end in CR LF"),
        (b"--xy\r\nA: " + b"b" * HEADER_BYTES, "4,096 bytes of headers"),
    ],
)
@pytest.mark.parametrize("step", [1, 1000])
def test_what_is_no_multipart_body_is_refused(body: bytes, told: str, step: int) -> None:
    with pytest.raises(ApiError) as refused:
        split(body, step)
    assert told in refused.value.reason
    assert "part 1" in refused.value.reason


def test_pieces_are_told_as_they_are_where_nothing_need_be_joined() -> None:
    """A body of megabytes is not copied on its way."""
    told: list[bytes] = []
    seen = Seen()
    seen.data = told.append  # type: ignore[method-assign,assignment]  # to see the objects themselves
    splitter = Splitter(b"xy", seen)
    splitter.feed(b"--xy\r\n\r\n")
    piece = bytes(100_000)
    splitter.feed(piece)
    assert told[0] is piece
