"""Every shape of a key finds the keys it is of, hides them, and costs no more than one look."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fauxscale import credentials, redact
from fauxscale.key_shapes import KeyShape, key_shapes, keys_in

_AROUND = re.compile(r"\(\?<?[!=](?:[^()\[\]]|\[[^\]]*\])*\)")


def keys(shape: KeyShape) -> st.SearchStrategy[str]:
    """Keys of a shape: what its pattern says of the key, without what it says of the text around."""
    bare = shape.pattern
    while _AROUND.search(bare):
        bare = _AROUND.sub("", bare)
    bare = re.sub(r"\{(\d+),(\d{3,})\}", lambda found: f"{{{found[1]},{int(found[1]) + 2}}}", bare)
    bare = re.sub(r"\{0,40\}|\{0,20002\}", "{0,2}", bare)
    return st.from_regex(re.compile(bare, re.ASCII), fullmatch=True).filter(
        lambda key: any(sign in key for sign in shape.signs)
    )


@pytest.mark.parametrize("shape", key_shapes(), ids=lambda shape: shape.name)
def test_a_key_of_every_shape_is_found_and_hidden(shape: KeyShape) -> None:
    @settings(max_examples=3, deadline=None, database=None)
    @given(keys(shape))
    def check(key: str) -> None:
        for text in (f"the key is {key} .", f"a\\n{key}\\n"):
            found = list(keys_in(text))
            assert found, text
            hidden = redact.text(text)
            assert all(one not in hidden for one in found)
            assert credentials.finds(text)
            assert credentials.finds(hidden) == []

    check()


@pytest.mark.parametrize(
    "text",
    [
        "akab is a word, npm_config_registry, pul-of, sk-ip, hf_hub_download, AIzawa, xoxo-xoxo, r8_short",
        "-----BEGIN PUBLIC KEY-----",
        "tasks_AKIAIOSFODNN7EXAMPLEKEYS_go_on",
        "eyJ.is.short",
    ],
)
def test_what_only_begins_like_a_key_is_left_alone(text: str) -> None:
    assert list(keys_in(text)) == []
    assert redact.text(text) == text


def test_there_are_shapes_of_many_services_and_each_has_a_sign() -> None:
    assert len(key_shapes()) > 90
    for shape in key_shapes():
        assert shape.signs, shape.name
        assert min(map(len, shape.signs)) >= 3, shape.name
