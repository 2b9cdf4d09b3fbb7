"""A multipart body is seen through, and what is broken about it is said."""

from __future__ import annotations

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fauxscale_contracts.contract.multipart import Part, join, split

NAMES = st.text(
    st.characters(codec="utf-8", exclude_characters='"\\\r\n', exclude_categories=["C"]),
    min_size=1,
    max_size=20,
)
PARTS = st.builds(
    Part, NAMES, st.none() | NAMES, st.sampled_from([None, "image/png", "text/plain"]), st.binary(max_size=60)
)


@given(st.lists(PARTS, min_size=1, max_size=4))
def test_what_is_joined_is_split_again(parts: list[Part]) -> None:
    assert split(*join(parts)) == parts


def test_a_form_of_a_real_client_is_seen_through() -> None:
    request = httpx.Request(
        "POST", "http://h/", data={"a": "é"}, files={"f": ("n.png", b"\r\n--x\0", "image/png")}
    )
    parts = split(request.headers["content-type"], request.read())
    assert parts == [Part("a", None, None, "é".encode()), Part("f", "n.png", "image/png", b"\r\n--x\0")]


@pytest.mark.parametrize(
    ("content_type", "body", "complaint"),
    [
        ("multipart/form-data", b"--x--", "names no boundary"),
        ("multipart/form-data; boundary=x", b"", "stops after 0 bytes"),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nb',
            "before its closing",
        ),
        ("multipart/form-data; boundary=x", b"hello there", "boundary"),
    ],
)
def test_a_broken_form_says_what_is_broken(content_type: str, body: bytes, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        split(content_type, body)
