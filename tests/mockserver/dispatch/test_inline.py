"""A large picture inside a reply is its base64 to whoever reads it, however little of it was held at once."""

from __future__ import annotations

import asyncio
import base64
import json

import pytest
from starlette.responses import JSONResponse, Response
from starlette.types import Message

from fauxscale.dispatch.inline import Inlined, PiecewiseResponse, base64_of, beginning


async def unheard() -> Message:
    raise AssertionError("nobody asks")


def sent(response: Response) -> list[Message]:
    messages: list[Message] = []

    async def send(message: Message) -> None:
        messages.append(message)

    asyncio.run(response({"type": "http"}, unheard, send))
    return messages


@pytest.mark.parametrize(
    "size", [0, 1, 2, 3, 3 * 256 * 1024 - 1, 3 * 256 * 1024, 3 * 256 * 1024 + 1, 2_000_000]
)
def test_the_text_is_base64(size: int) -> None:
    data = bytes(number % 251 for number in range(size))
    assert base64_of(data) == base64.b64encode(data)


def test_marks_are_exchanged_for_their_texts_which_are_sent_as_they_are() -> None:
    inlined, data = Inlined(), b"picture"
    text = b"the text " * 10
    mark = inlined.put(data, text)
    assert inlined.mark_of(data) == mark
    assert inlined.mark_of(b"another") is None
    reply = JSONResponse({"data": [{"b64_json": mark}] * 3, "said": "é"}, 201, {"x-own": "1"})
    response = inlined.resolve(reply)
    start, *bodies = sent(response)
    whole = b"".join(one["body"] for one in bodies)
    assert json.loads(whole) == {"data": [{"b64_json": text.decode()}] * 3, "said": "é"}
    assert whole == response.body
    headers = dict(start["headers"])
    assert (start["status"], headers[b"x-own"]) == (201, b"1")
    assert int(headers[b"content-length"]) == len(whole)
    assert sum(one["body"] is text for one in bodies) == 3
    assert [one["more_body"] for one in bodies] == [True] * (len(bodies) - 1) + [False]


def test_the_beginning_is_that_of_the_whole_body() -> None:
    response = PiecewiseResponse(Response(), [b"abc", bytearray(b"defgh"), b"", b"ij"])
    assert [beginning(response, most) for most in (0, 2, 3, 7, 99)] == [
        b"",
        b"ab",
        b"abc",
        b"abcdefg",
        b"abcdefghij",
    ]
    assert beginning(Response(b"abcdef"), 3) == b"abc"


def test_what_looks_like_a_mark_in_what_strangers_sent_stays_what_it_is() -> None:
    inlined = Inlined()
    inlined.put(b"picture", b"text")
    stranger = JSONResponse({"prompt": "fauxscale-inline-" + "0" * 32})
    assert inlined.resolve(stranger) is stranger


def test_a_reply_without_large_pictures_is_left_alone() -> None:
    response = JSONResponse({})
    assert Inlined().resolve(response) is response
