"""Optional words of a client's command line are there whole or not at all."""

from __future__ import annotations

import pytest

from fauxscale_contracts.conform.candidate import CannotRun
from fauxscale_contracts.conform.words import parse

NAMES = ("prompt", "seed", "detail")


@pytest.mark.parametrize(
    "command",
    [
        ["c.py", "[--seed {seed}]", "[--prompt={prompt}]", "{image}"],
        ["c.py", "[--seed", "{seed}]", "[--prompt={prompt}]", "{image}"],
        ["c.py", "[", "--seed", "{seed}", "]", "[", "--prompt={prompt}", "]", "{image}"],
    ],
)
@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"seed": "7", "prompt": "a cat"}, ["c.py", "--seed", "7", "--prompt=a cat", "in"]),
        ({"seed": "", "prompt": "a cat"}, ["c.py", "--prompt=a cat", "in"]),
        ({}, ["c.py", "in"]),
        ({"seed": "0"}, ["c.py", "--seed", "0", "in"]),
    ],
)
def test_a_group_is_left_out_where_it_has_no_value(
    command: list[str], values: dict[str, str], words: list[str]
) -> None:
    filled = [one for group in parse(command, NAMES) for one in group.filled({**values, "image": "in"})]
    assert filled == words


def test_a_value_is_one_word_and_is_not_read_as_a_template() -> None:
    (group,) = parse(["{prompt}"], NAMES)
    assert list(group.filled({"prompt": "a {seed} [x]", "seed": "1"})) == ["a {seed} [x]"]


def test_words_outside_brackets_are_kept_empty_or_not() -> None:
    (one, two) = parse(["--seed", "{seed}"], NAMES)
    assert [*one.filled({"seed": ""}), *two.filled({"seed": ""})] == ["--seed", ""]


@pytest.mark.parametrize(
    "command", [["[", "-f", "x", "]"], ["a", "[b", "c"], ["[{unknown}]"], ["sh", "-c", "[ -f {image} ]"]]
)
def test_brackets_without_an_option_are_words_like_others(command: list[str]) -> None:
    assert [one for group in parse(command, NAMES) for one in group.filled({"image": "{image}"})] == command


def test_a_bracket_that_is_not_closed_is_an_error() -> None:
    with pytest.raises(CannotRun, match=r"'\[--seed \{seed\} x' has no closing bracket"):
        parse(["[--seed", "{seed}", "x"], NAMES)
