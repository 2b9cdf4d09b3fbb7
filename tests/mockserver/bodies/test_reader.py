"""Promises of uploads.py: bodies come in under caps and deadlines, and encoded values come out as bytes."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncGenerator, Awaitable, Callable
from urllib.parse import quote_from_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import ClientDisconnect, Request
from starlette.types import Message

from fauxscale.bodies.reader import Caps, Form, decode_base64, decode_data_uri, read_body, read_form
from fauxscale.errors import ApiError, Problem
from tests.skipping_loop import SkippingLoop

TYPE = "multipart/form-data; boundary=xyz"
HEAD = b'--xyz\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n'
TAIL = b"\r\n--xyz--\r\n"
MINUTE = 60.0


class Sender:
    """Chunks as a client sends them; after the last it ends, hangs, or leaves."""

    def __init__(self, *chunks: bytes, then: str = "end") -> None:
        self.chunks = chunks
        self.then = then
        self.sent = 0

    async def __call__(self) -> AsyncGenerator[bytes, None]:
        for chunk in self.chunks:
            self.sent += len(chunk)
            yield chunk
        if self.then == "hang":
            await asyncio.Event().wait()
        if self.then == "leave":
            raise ClientDisconnect
        yield b""  # As Starlette's request.stream() ends.


async def endless(chunk: bytes) -> AsyncGenerator[bytes, None]:
    while True:
        yield chunk
        await asyncio.sleep(0)


def run_form(sender: Sender, caps: Caps | None = None) -> Form:
    return asyncio.run(read_form(sender(), TYPE, caps or Caps()))


def refusal(waiting: Callable[[], Awaitable[object]]) -> ApiError:
    async def catch() -> ApiError:
        with pytest.raises(ApiError) as caught:
            await waiting()
        return caught.value

    return asyncio.run(catch())


@pytest.mark.parametrize("step", [1, 65536])
def test_a_form_is_read_from_a_starlette_request_however_it_is_cut(step: int) -> None:
    body = HEAD + bytes(3000) + TAIL
    messages: list[Message] = [
        {"type": "http.request", "body": body[at : at + step], "more_body": True}
        for at in range(0, len(body), step)
    ]
    arriving = iter([*messages, {"type": "http.request", "body": b"", "more_body": False}])

    async def receive() -> Message:
        return next(arriving)

    request = Request({"type": "http", "headers": [(b"content-type", TYPE.encode())]}, receive)
    form = asyncio.run(read_form(request.stream(), request.headers["content-type"], Caps()))
    assert [(part.name, part.data) for part in form.parts] == [("image", bytes(3000))]


def test_reading_stops_at_the_first_byte_too_many_of_a_file() -> None:
    sender = Sender(HEAD, *[bytes(100)] * 50)
    error = refusal(lambda: read_form(sender(), TYPE, Caps(file=1000)))
    assert error.problem is Problem.FILE_TOO_LARGE
    assert error.details == {"limit": 1000, "received": 1100, "part": "image"}
    assert sender.sent == len(HEAD) + 1100


def test_one_huge_chunk_is_refused_for_the_file_it_holds_rather_than_for_its_own_size() -> None:
    error = refusal(lambda: read_form(Sender(HEAD + bytes(5_000_000) + TAIL)(), TYPE, Caps(file=1000)))
    assert error.param == "image"


def test_files_that_pass_one_by_one_are_refused_together_when_the_body_grows_too_large() -> None:
    sender = Sender(*[HEAD + bytes(900) + b"\r\n"] * 4)
    error = refusal(lambda: read_form(sender(), TYPE, Caps(file=1000, body=2500)))
    assert error.problem is Problem.FILE_TOO_LARGE
    assert error.details["limit"] == 2500
    assert error.param is None


def test_a_wrong_content_type_is_refused_before_a_byte_is_read() -> None:
    sender = Sender(b"{}")
    error = refusal(lambda: read_form(sender(), "application/json", Caps()))
    assert error.problem is Problem.WRONG_CONTENT_TYPE
    assert sender.sent == 0


def test_a_body_of_exactly_its_cap_is_read_and_one_byte_more_is_refused() -> None:
    assert asyncio.run(read_body(Sender(b"12345", b"", b"67890")(), 10, Caps())) == b"1234567890"
    sender = Sender(b"12345", b"678901", b"never read")
    error = refusal(lambda: read_body(sender(), 10, Caps()))
    assert error.problem is Problem.FILE_TOO_LARGE
    assert error.details == {"limit": 10, "received": 11}
    assert sender.sent == 11


def test_a_sender_that_falls_silent_is_timed_out() -> None:
    caps = Caps(receive_seconds=0.02, body_seconds=MINUTE)
    for read in (
        lambda: read_form(Sender(HEAD, b"x", then="hang")(), TYPE, caps),
        lambda: read_body(Sender(HEAD, b"x", then="hang")(), 1000, caps),
    ):
        error = refusal(read)
        assert (error.problem, error.status) == (Problem.TIMEOUT, 408)
        assert error.details == {"limit": 0.02, "received": len(HEAD) + 1}
        assert "no byte of the body arrived for 0.02 s" in error.reason


def test_a_sender_that_trickles_for_ever_is_timed_out() -> None:
    caps = Caps(receive_seconds=MINUTE, body_seconds=0.05)

    async def trickle() -> AsyncGenerator[bytes, None]:
        while True:
            await asyncio.sleep(0.005)
            yield b"x"

    error = refusal(lambda: read_body(trickle(), 10**9, caps))
    assert error.problem is Problem.TIMEOUT
    assert "not complete after 0.05 s" in error.reason


def test_a_slow_but_steady_sender_is_waited_for() -> None:
    async def steady() -> AsyncGenerator[bytes, None]:
        for _ in range(10):
            await asyncio.sleep(8)
            yield b"x"

    # All of it takes longer than each part may.
    with asyncio.Runner(loop_factory=SkippingLoop) as runner:
        assert runner.run(read_body(steady(), 100, Caps(receive_seconds=10, body_seconds=100))) == b"x" * 10


@pytest.mark.parametrize("chunks", [(), (HEAD,), (HEAD, b"half a pic")])
def test_a_sender_that_leaves_is_reported_as_the_server_reports_it(chunks: tuple[bytes, ...]) -> None:
    with pytest.raises(ClientDisconnect):
        run_form(Sender(*chunks, then="leave"))
    with pytest.raises(ClientDisconnect):
        asyncio.run(read_body(Sender(*chunks, then="leave")(), 1000, Caps()))


@given(st.lists(st.binary(max_size=60), max_size=8))
def test_any_bytes_as_a_body_raise_nothing_but_a_refusal(chunks: list[bytes]) -> None:
    async def story() -> Problem | None:
        try:
            await read_form(Sender(b"--xyz\r\n", *chunks)(), TYPE, Caps(file=40, text=20, body=150))
        except ApiError as error:
            return error.problem
        return None

    assert asyncio.run(story()) in (None, Problem.MALFORMED_BODY, Problem.FILE_TOO_LARGE)


# Encoded values


@given(st.binary(max_size=100))
def test_what_was_encoded_is_decoded_in_every_common_spelling(data: bytes) -> None:
    standard = base64.b64encode(data).decode()
    urlsafe = base64.urlsafe_b64encode(data).decode()
    for spelling in (
        *(standard, urlsafe, standard.rstrip("="), urlsafe.rstrip("=")),
        *("\r\n".join(standard), base64.encodebytes(data).decode(), f"  {standard}\t\f"),
    ):
        assert decode_base64(spelling, 100) == data
        assert decode_data_uri(f"data:image/png;base64,{spelling}", 100) == ("image/png", data)
    assert decode_data_uri("data:;base64," + quote_from_bytes(standard.encode(), safe=""), 100)[1] == data
    assert decode_data_uri("data:application/x-a," + quote_from_bytes(data), 100) == ("application/x-a", data)


@pytest.mark.parametrize(
    ("uri", "media_type", "data"),
    [
        ("data:,plain%20words", "text/plain", b"plain words"),
        ("data:;base64,AAEC", "text/plain", b"\0\1\2"),
        ("DATA:IMAGE/PNG;BASE64,AAEC", "image/png", b"\0\1\2"),
        ("data:image/svg+xml;charset=utf-8;base64,AAEC", "image/svg+xml", b"\0\1\2"),
        ("data:image/png ; base64 ,AAEC", "image/png", b"\0\1\2"),
        ("data:<script>;base64,AAEC", "text/plain", b"\0\1\2"),
        ("  data:image/webp;base64,\n", "image/webp", b""),
        ("data:image/png;base64;x=y,AAEC", "image/png", b"AAEC"),
    ],
)
def test_a_data_uri_gives_its_declared_type_and_its_bytes(uri: str, media_type: str, data: bytes) -> None:
    assert decode_data_uri(uri, 100) == (media_type, data)


@pytest.mark.parametrize("text", ["A", "AAAAA", "AA*A", "A=AA", "é", "\ud800", "data:,", "AAA\0"])
def test_what_is_not_base64_is_an_invalid_parameter(text: str) -> None:
    for decode in (
        lambda: decode_base64(text, 100, param="image_url"),
        lambda: decode_data_uri(f"data:image/png;base64,{text}", 100, param="image_url"),
    ):
        with pytest.raises(ApiError) as caught:
            decode()
        assert caught.value.problem is Problem.INVALID_PARAMETER
        assert caught.value.param == "image_url"
        assert caught.value.reason.startswith("image_url cannot be decoded")


@pytest.mark.parametrize(
    "text", ["", "data", "data:image/png;base64", "http://x/y.png", "AAEC", "data:,\ud800"]
)
def test_what_is_not_a_data_uri_is_an_invalid_parameter(text: str) -> None:
    with pytest.raises(ApiError) as caught:
        decode_data_uri(text, 100)
    assert caught.value.problem is Problem.INVALID_PARAMETER


@pytest.mark.parametrize("size", [998, 999, 1000])
def test_a_decoded_file_of_exactly_its_cap_is_accepted_and_one_byte_more_is_too_large(size: int) -> None:
    exact = base64.b64encode(bytes(size)).decode()
    over = base64.b64encode(bytes(size + 1)).decode()
    assert len(decode_base64(exact, size)) == size
    assert len(decode_data_uri("data:," + "x" * size, size)[1]) == size
    for decode in (
        lambda: decode_base64(over, size, param="image"),
        lambda: decode_data_uri(f"data:image/png;base64,{over}", size, param="image"),
        lambda: decode_data_uri("data:," + "x" * (size + 1), size, param="image"),
    ):
        with pytest.raises(ApiError) as caught:
            decode()
        assert caught.value.problem is Problem.FILE_TOO_LARGE
        assert caught.value.details == {"limit": size, "received": size + 1, "part": "image"}


@given(st.text(max_size=40), st.sampled_from(["", "data:", "data:image/png;base64,", "data:,"]))
def test_any_text_is_decoded_or_refused(text: str, start: str) -> None:
    problems: list[Problem] = []
    for decode in (decode_data_uri, decode_base64):
        try:
            decode(start + text, 20)
        except ApiError as error:
            problems.append(error.problem)
    assert set(problems) <= {Problem.INVALID_PARAMETER, Problem.FILE_TOO_LARGE}
