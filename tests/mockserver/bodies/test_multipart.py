"""Promises of multipart.py: what the forms of real clients, and of hostile ones, come to."""

from __future__ import annotations

import asyncio
import gc
import io
import logging
import weakref
from collections.abc import Callable
from itertools import pairwise

import aiohttp
import httpx
import pytest
import requests
import urllib3
from hypothesis import example, given
from hypothesis import strategies as st

from fauxscale.bodies.form import Caps, Form, Part
from fauxscale.bodies.multipart import FormReader, Pieces
from fauxscale.errors import ApiError, Problem

PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40 + b"\r\n--almost\r\n--"
TYPE = "multipart/form-data; boundary=xyz"
LABEL = 'form-data; name="image_file"; filename="a.png"'


def part(*headers: str, data: bytes = b"") -> bytes:
    return (
        b"--xyz\r\n" + "".join(f"{line}\r\n" for line in headers).encode("latin-1") + b"\r\n" + data + b"\r\n"
    )


def field(name: str, data: bytes, *headers: str) -> bytes:
    return part(f'Content-Disposition: form-data; name="{name}"', *headers, data=data)


def file(data: bytes = PICTURE, *headers: str, label: str = LABEL) -> bytes:
    return part(f"Content-Disposition: {label}", *headers, data=data)


def form(*parts: bytes) -> bytes:
    return b"".join(parts) + b"--xyz--\r\n"


def read(body: bytes, content_type: str | None = TYPE, caps: Caps | None = None, step: int = 65536) -> Form:
    reader = FormReader(content_type, caps or Caps())
    for start in range(0, len(body), step):
        reader.feed(body[start : start + step])
    return reader.finish(len(body))


def refusal(body: bytes, content_type: str | None = TYPE, caps: Caps | None = None) -> ApiError:
    with pytest.raises(ApiError) as caught:
        read(body, content_type, caps)
    assert caught.value.reason.isascii()
    assert caught.value.reason.isprintable()
    return caught.value


def malformed(body: bytes, content_type: str = TYPE, caps: Caps | None = None) -> str:
    error = refusal(body, content_type, caps)
    assert error.problem is Problem.MALFORMED_BODY
    return error.reason


def outcome(body: bytes, cuts: list[int]) -> Form | Problem:
    reader = FormReader(TYPE, Caps(file=3000, text=100, parts=5))
    try:
        for start, end in pairwise([0, *sorted(min(cut, len(body)) for cut in cuts), len(body)]):
            reader.feed(body[start:end])
        return reader.finish(len(body))
    except ApiError as error:
        return error.problem


# What clients send


def by_httpx() -> tuple[bytes, str]:
    request = httpx.Request(
        "POST",
        "http://test/upscale",
        data={"prompt": "für zwei", "n": "2"},
        files={"image": ("fotö.png", io.BytesIO(PICTURE), "image/png")},
    )
    return request.read(), request.headers["content-type"]


def by_requests() -> tuple[bytes, str]:
    request = requests.Request(
        "POST",
        "http://test/upscale",
        data={"prompt": "für zwei", "n": "2"},
        files={"image": ("fotö.png", PICTURE, "image/png")},
    ).prepare()
    assert isinstance(request.body, bytes)
    return request.body, request.headers["Content-Type"]


def by_urllib3() -> tuple[bytes, str]:
    return urllib3.encode_multipart_formdata(
        [("image", ("fotö.png", PICTURE, "image/png")), ("prompt", "für zwei"), ("n", "2")]
    )


def by_aiohttp() -> tuple[bytes, str]:
    async def encode() -> tuple[bytes, str]:
        fields = aiohttp.FormData(quote_fields=False)
        fields.add_field("prompt", "für zwei")
        fields.add_field("image", PICTURE, filename="fotö.png", content_type="image/png")
        fields.add_field("n", "2")
        writer = fields()
        return await writer.as_bytes(), writer.headers["Content-Type"]

    return asyncio.run(encode())


def by_undici() -> tuple[bytes, str]:
    boundary = "----formdata-undici-012345678901"
    pieces = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="image"; filename="fotö.png"\r\n'
        "Content-Type: image/png\r\n\r\n",
        f'\r\n--{boundary}\r\nContent-Disposition: form-data; name="prompt"\r\n\r\nfür zwei',
        f'\r\n--{boundary}\r\nContent-Disposition: form-data; name="n"\r\n\r\n2\r\n--{boundary}--\r\n',
    ]
    head, *tail = (piece.encode() for piece in pieces)
    return head + PICTURE + b"".join(tail), f"multipart/form-data; boundary={boundary}"


def by_curl() -> tuple[bytes, str]:
    # curl ends its bodies with a line end after the closing boundary, and quotes nothing in the header.
    body, content_type = by_undici()
    curls = b"------------------------d74496d66958873e"
    return body.replace(b"----formdata-undici-012345678901", curls), (
        content_type.partition("=")[0] + "=" + curls.decode()
    )


def by_apache_httpclient() -> tuple[bytes, str]:
    # Java's classic: a label on everything, and plain text said to be ISO-8859-1 while it is ASCII.
    plain = ("Content-Type: text/plain; charset=ISO-8859-1", "Content-Transfer-Encoding: 8bit")
    head = 'Content-Disposition: form-data; name="image"; filename="fotö.png"'
    return form(
        field("prompt", "für zwei".encode(), "Content-Type: text/plain; charset=UTF-8", plain[1]),
        field("n", b"2", *plain),
        part(
            head.encode().decode("latin-1"),
            "Content-Type: image/png",
            "Content-Transfer-Encoding: binary",
            data=PICTURE,
        ),
    ), "multipart/form-data; boundary=xyz; charset=UTF-8"


@pytest.mark.parametrize(
    "client", [by_httpx, by_requests, by_urllib3, by_aiohttp, by_undici, by_curl, by_apache_httpclient]
)
@pytest.mark.parametrize("step", [1, 7, 65536])
def test_the_form_of_every_client_arrives_whole_however_it_is_cut(
    client: Callable[[], tuple[bytes, str]], step: int
) -> None:
    body, content_type = client()
    got = read(body, content_type, step=step)
    assert sorted(got.names) == ["image", "n", "prompt"]
    assert [p.text for p in (*got.all("prompt"), *got.all("n"))] == ["für zwei", "2"]
    assert got.all("image") == (Part("image", PICTURE, "fotö.png", "image/png", is_file=True),)


def test_a_node_stream_is_a_file_of_octets() -> None:
    got = read(form(file(b"bytes", "content-type: application/octet-stream")))
    assert got.parts == (Part("image_file", b"bytes", "a.png", "application/octet-stream", is_file=True),)


def test_a_part_that_declares_no_type_has_none() -> None:
    assert read(form(file(), field("n", b"1"))).parts[0].content_type is None


def test_parts_keep_their_order_and_repeat_freely() -> None:
    got = read(form(field("n", b"1"), file(b"x"), field("n", b"2"), field("", b"")))
    assert [(p.name, p.data) for p in got.parts] == [
        ("n", b"1"),
        ("image_file", b"x"),
        ("n", b"2"),
        ("", b""),
    ]


def test_the_boundary_may_be_quoted_and_the_type_in_any_case() -> None:
    assert read(form(field("n", b"1")), 'Multipart/Form-Data; Boundary="xyz"').names == ("n",)


def test_line_ends_before_the_form_and_an_epilogue_after_it_are_ignored() -> None:
    assert read(b"\r\n\r\n" + form(field("n", b"1")) + b"trailing --xyz", step=1).names == ("n",)


@pytest.mark.parametrize("before", [b"preamble\r\n", b"--xy\r\n--xyzz\r\n", b"\r\n--xyz.", b"\r", b"\n\r\n"])
@pytest.mark.parametrize("blanks", [b"", b" ", b" \t" * 128])
@pytest.mark.parametrize("step", [1, 7, 65536])
def test_a_preamble_and_blanks_behind_boundaries_are_ignored(before: bytes, blanks: bytes, step: int) -> None:
    body = form(field("n", b"1"), file(b"x")).replace(b"--xyz\r\n", b"--xyz" + blanks + b"\r\n")
    got = read(before + b"\r\n" + body, step=step)
    assert [(one.name, one.data) for one in got.parts] == [("n", b"1"), ("image_file", b"x")]


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b'{"image_url": "x"}', "no line --xyz opens it"),
        (b"--abc\r\n\r\n\r\n--abc--\r\n", "no line --xyz opens it"),
        (form(field("n", b"1")).replace(b"\r\n", b"\n"), "lines end in CR LF"),
        (form(part("no colon at all", data=b"1")), "part 1 has a header line that does not read"),
        (form(field("n", b"1"), part(": empty")), "part 2 has a header line that does not read"),
        (form(field("n", b"1", *["X: y"] * 9)), "part 1 has more than 8 headers"),
        (form(field("n", b"1", "X: " + "y" * 5000)), "part 1 has more than 4,096 bytes of headers"),
        (form(field("n", b"1"), b"--xyz  and more\r\n"), "something else on its line"),
    ],
)
def test_what_is_wrong_with_a_form_is_told_in_words_for_people(body: bytes, told: str) -> None:
    assert told in malformed(body)


def test_a_form_without_parts_is_a_form() -> None:
    assert read(b"--xyz--\r\n") == Form()


def test_a_utf_8_charset_field_is_a_field_like_any_other() -> None:
    assert read(form(field("_charset_", b"UTF-8"), field("n", "é".encode()))).names == ("_charset_", "n")


# File names are labels


@pytest.mark.parametrize(
    ("parameter", "label"),
    [
        ('filename="a.png"', "a.png"),
        ("filename=a.png", "a.png"),
        ('filename=""', ""),
        ('filename="../../etc/passwd"', "../../etc/passwd"),
        ('filename="nul\x00.png"', "nul\x00.png"),
        ('filename="caf\xe9.png"', "café.png"),
        ('filename="\xc3\xa9.png"', "é.png"),
        ("filename*=utf-8''%C3%A9%20x.png", "é x.png"),
        ("filename*=punycode''a-b", "a-b"),
        ("filename*0*=utf-8''%C3%A9; filename*1=\"b\"", "b"),
        ("filename*=%FF", "\xff"),
        ("filename=plain.png; filename*=utf-8''better.png", "plain.png"),
    ],
)
def test_whatever_names_a_file_makes_a_file_with_a_harmless_label(parameter: str, label: str) -> None:
    (got,) = read(form(file(b"x", label=f'form-data; name="f"; {parameter}'))).parts
    assert (got.is_file, got.filename, got.data) == (True, label, b"x")
    label.encode()


def test_a_filename_inside_another_value_makes_no_file() -> None:
    (got,) = read(form(part('Content-Disposition: form-data; name="a; filename*=x"', data=b"1"))).parts
    assert (got.name, got.is_file) == ("a; filename*=x", False)


# Sizes


def test_a_file_of_exactly_ten_mib_is_accepted() -> None:
    (got,) = read(form(file(bytes(10 * 1024 * 1024)))).parts
    assert len(got.data) == 10 * 1024 * 1024


def test_a_file_of_one_byte_more_is_too_large_and_says_by_how_much() -> None:
    error = refusal(form(file(bytes(10 * 1024 * 1024 + 1))))
    assert error.problem is Problem.FILE_TOO_LARGE
    assert error.details == {"limit": 10485760, "received": 10485761, "part": "image_file"}
    assert error.param == "image_file"
    assert error.reason.startswith("image_file is over 10 MB (10,485,760 bytes): at least 10,485,761 bytes")


def test_a_file_is_refused_the_moment_its_first_byte_too_many_arrives() -> None:
    reader = FormReader(TYPE, Caps(file=100))
    reader.feed(file(bytes(100))[:-2])
    with pytest.raises(ApiError) as caught:
        reader.feed(b"!")
    assert caught.value.details["received"] == 101


def test_a_text_of_exactly_its_cap_is_accepted_and_one_byte_more_is_malformed() -> None:
    caps = Caps(text=1000)
    assert len(read(form(field("prompt", b"x" * 1000)), caps=caps).parts[0].data) == 1000
    error = refusal(form(field("prompt", b"x" * 1001)), caps=caps)
    assert error.problem is Problem.MALFORMED_BODY
    assert error.details == {"limit": 1000, "received": 1001, "part": "prompt"}
    assert "filename" in error.reason


def test_as_many_parts_and_files_as_allowed_are_accepted_and_one_more_is_malformed() -> None:
    assert len(read(form(*[field("n", b"1")] * 20)).parts) == 20
    assert "20 parts" in malformed(form(*[field("n", b"1")] * 21))
    assert len(read(form(*[file(b"x")] * 4)).parts) == 4
    assert "4 files" in malformed(form(*[file(b"x")] * 5))
    assert "20 parts" in malformed(form(*[field("n", b"1")] * 10_000))


def test_eight_part_headers_are_accepted_and_nine_are_malformed() -> None:
    extra = [f"X-{n}: y" for n in range(8)]
    assert read(form(field("n", b"1", *extra[:7]))).names == ("n",)
    malformed(form(field("n", b"1", *extra)))
    assert read(form(field("n", b"1", *extra)), caps=Caps(headers=9)).names == ("n",)


def test_an_endless_part_header_is_malformed() -> None:
    malformed(form(field("n", b"1", "X-Long: " + "y" * 5000)))


# Bodies that are not the form they claim to be


@pytest.mark.parametrize(
    ("content_type", "told"),
    [
        (None, "got nothing"),
        ("", "got nothing"),
        ("application/json", "got application/json, expected multipart/form-data"),
        ("application/x-www-form-urlencoded", "expected multipart/form-data"),
        ("multipart/mixed; boundary=xyz", "expected multipart/form-data"),
        ("multipart/form-data", "boundary"),
        ("multipart/form-data; boundary=", "boundary"),
        ('multipart/form-data; boundary="with\x01control"', "boundary"),
        ("multipart/form-data; boundary=" + "b" * 257, "boundary"),
        ("multipart/form-data; boundary=xyz; x=" + ";" * 60_000, "expected multipart/form-data"),
        ("multipart/fôrm-dätä €; boundary=xyz", "expected multipart/form-data"),
    ],
)
def test_another_content_type_is_refused_in_words_that_name_both(content_type: str | None, told: str) -> None:
    error = refusal(form(field("n", b"1")), content_type)
    assert error.problem is Problem.WRONG_CONTENT_TYPE
    assert told in error.reason


def test_a_body_cut_anywhere_before_its_closing_boundary_is_malformed() -> None:
    body = form(field("n", b"1"), file(b"x" * 50))
    whole = read(body)
    for length in range(1, len(body)):
        if length < len(body) - 2:
            assert ("closing boundary" if length > 6 else "no line --xyz") in malformed(body[:length])
        else:
            assert read(body[:length]) == whole


def test_an_empty_body_is_called_empty() -> None:
    assert "empty" in malformed(b"")


def test_a_body_of_line_ends_only_is_malformed() -> None:
    assert "no line --xyz" in malformed(b"\r\n" * 10)


@pytest.mark.parametrize(
    "body",
    [
        b'{"image_url": "x"}',
        b"--abc\r\n\r\n\r\n--abc--\r\n",
        form(field("n", b"1")).replace(b"\r\n", b"\n"),
        form(part("no colon at all", data=b"1")),
        form(part('Content-Disposition : form-data; name="n"', data=b"1")),
        form(part(": empty", data=b"1")),
        form(part("X: y\nContent-Disposition: form-data", 'Content-Disposition: form-data; name="n"')),
        form(field("n", b"1", " folded")),
        form(part()),
        form(part("Content-Type: text/plain", data=b"1")),
        form(part("Content-Disposition: form-data", data=b"1")),
        form(part('Content-Disposition: attachment; name="n"', data=b"1")),
        form(field("n", b"1", 'Content-Disposition: form-data; name="m"')),
        form(file(b"x", "Content-Type: image/png", "content-type: image/webp")),
        form(field("na\xefve", b"1")),
        form(field("n", b"caf\xe9")),
        form(field("image_file", PICTURE, "Content-Type: image/png")),
        form(file(b"iVBORw0=", "Content-Transfer-Encoding: base64")),
        form(file(b"x=3D", "Content-Transfer-Encoding: quoted-printable")),
    ],
)
def test_what_breaks_the_rules_of_forms_is_malformed(body: bytes) -> None:
    malformed(body)


@pytest.mark.parametrize(
    "charset", ["punycode", "undefined", "utf-16", "idna", "unicode_escape", "utf-7", "latin-9", "\xe9"]
)
def test_a_character_set_that_is_not_utf_8_is_refused_wherever_it_is_declared(charset: str) -> None:
    body = form(field("n", b"1"))
    assert "UTF-8" in malformed(body, f"multipart/form-data; charset={charset}; boundary=xyz")
    assert "UTF-8" in malformed(form(field("n", b"1", f"Content-Type: text/plain; charset={charset}")))
    assert "UTF-8" in malformed(form(field("_charset_", charset.encode()), field("n", b"1")))


def test_text_said_to_be_latin_1_is_read_while_it_is_ascii_and_refused_otherwise() -> None:
    declared = "Content-Type: text/plain; charset=ISO-8859-1"
    assert read(form(field("n", b"2", declared))).parts[0].text == "2"
    assert "UTF-8" in malformed(form(field("n", "é".encode("latin-1"), declared)))
    assert "UTF-8" in malformed(form(field("n", "é".encode(), declared)))


def test_the_character_set_of_a_file_is_nobodys_business() -> None:
    assert read(form(file(b"\xff", "Content-Type: image/png; charset=punycode"))).parts[0].data == b"\xff"


def test_a_hostile_body_writes_nothing_to_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        malformed(b"--xyz\r\n\x00bad: header\r\n\r\n")
        malformed(b"nonsense")
    assert caplog.records == []


def test_a_body_is_gone_with_its_form_and_waits_for_no_garbage_collector() -> None:
    gc.disable()
    try:
        reader = FormReader(TYPE, Caps())
        body = form(file(PICTURE), field("n", b"1"))
        reader.feed(body)
        assert len(reader.finish(len(body)).parts) == 2
        # What other threads leave for the collector meanwhile is their own.
        left: list[weakref.ref[object]] = [
            weakref.ref(reader),
            weakref.ref(reader._parts),
            weakref.ref(reader._splitter),
        ]
        del reader
        assert [one() for one in left] == [None, None, None]
    finally:
        gc.enable()


# Any split, any bytes

WELL_FORMED = form(
    field("n", b"1"), file(PICTURE[-300:]), field("p", b"\r\n--xy\r\n--xyzz\r\n-", "X: y"), field("q", b"")
)


@given(st.lists(st.integers(0, len(WELL_FORMED)), max_size=40))
def test_any_split_of_a_body_gives_the_same_form(cuts: list[int]) -> None:
    assert outcome(WELL_FORMED, cuts) == outcome(WELL_FORMED, [])
    assert isinstance(outcome(WELL_FORMED, cuts), Form)


FRAGMENTS = st.sampled_from(
    [
        *(b"--xyz\r\n", b"--xyz--", b"\r\n", b"\r", b"\n", b"--xyz", b"\r\n--xyz", b"--", b"-", b" ", b":"),
        *(
            b'Content-Disposition: form-data; name="a"',
            b"; filename=b",
            b"\r\n\r\n",
            b"Content-Type: text/plain",
        ),
        *(
            b"; charset=punycode",
            b"X: y",
            b'"',
            b"\xff",
            b"\x00",
            b"\\",
            b"x" * 101,
            b"z" * 3001,
            b";",
            b"*=",
        ),
    ]
)
BODIES = st.one_of(
    st.binary(max_size=200),
    st.lists(FRAGMENTS, max_size=25).map(b"".join),
    st.lists(FRAGMENTS, max_size=25).map(lambda pieces: b"--xyz\r\n" + b"".join(pieces) + b"\r\n--xyz--"),
    st.tuples(st.integers(0, len(WELL_FORMED)), st.integers(0, 9), FRAGMENTS).map(
        lambda at: WELL_FORMED[: at[0]] + at[2] + WELL_FORMED[at[0] + at[1] :]
    ),
)


@given(BODIES, st.lists(st.integers(0, 400), max_size=20))
@example(b"\r\na--xyz--", [2])
@example(b"\r\n\r\n--xyz--", [1, 2, 3])
@example(b"a\r\n--xyz \t\r\r\n--xyz-\r\n--xyz--", [4, 9, 11, 12, 19])
def test_any_bytes_in_any_split_give_one_form_or_one_refusal(body: bytes, cuts: list[int]) -> None:
    assert outcome(body, cuts) == outcome(body, [])


@given(st.text(max_size=80), st.sampled_from(["", "multipart/form-data;", "multipart/form-data; boundary="]))
def test_any_content_type_gives_a_reader_or_a_refusal(text: str, start: str) -> None:
    try:
        FormReader(start + text, Caps())
        problem = None
    except ApiError as error:
        problem = error.problem
    assert problem in (None, Problem.WRONG_CONTENT_TYPE, Problem.MALFORMED_BODY)
    assert problem is not None or (start + text).lower().strip().startswith("multipart/form-data")


@given(st.lists(st.binary(max_size=3), max_size=50), st.integers(0, 3))
def test_pieces_join_to_what_was_added_in_order(pieces: list[bytes], times: int) -> None:
    collected, expected = Pieces(), b"".join(pieces) * times * 40
    for piece in pieces * times * 40:
        collected.add(piece)
    assert collected.joined() == expected
    assert collected.size == len(expected)
