"""Promises of jsontext.py: any bytes give a value that can be echoed, or one kind of refusal."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fauxscale.bodies.strict_json import parse_json
from fauxscale.errors import ApiError, Problem

CORPUS = Path(__file__).parents[3] / "fixtures" / "corpus"


def json_corpus(expect: str) -> list[Path]:
    with (CORPUS / "MANIFEST.tsv").open(encoding="utf-8", newline="") as table:
        rows = csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE)
        return [CORPUS / row["file"] for row in rows if "/json/" in row["file"] and row["expect"] == expect]


def refusal(data: bytes, *, depth: int = 64) -> ApiError:
    with pytest.raises(ApiError) as caught:
        parse_json(data, depth=depth)
    assert caught.value.problem is Problem.MALFORMED_BODY
    return caught.value


def verdict(data: bytes) -> str:
    """ "ok" for what can be echoed, strictly; else the neutral problem. Anything but an ApiError escapes."""
    try:
        value = parse_json(data)
    except ApiError as error:
        return str(error.problem) if error.reason.isascii() else "a reason no header could carry"
    json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    return "ok"


def test_every_valid_body_of_the_corpus_is_parsed_as_the_standard_parser_does() -> None:
    files = json_corpus("parse")
    assert len(files) == 95
    assert [f.name for f in files if parse_json(f.read_bytes()) != json.loads(f.read_bytes())] == []


def test_every_invalid_body_of_the_corpus_is_refused() -> None:
    files = json_corpus("400")
    assert len(files) == 188
    assert {f.name: v for f in files if (v := verdict(f.read_bytes())) != "malformed_body"} == {}


def test_every_odd_body_of_the_corpus_is_parsed_or_refused_and_never_an_accident() -> None:
    files = json_corpus("parse-or-400")
    assert len(files) == 35
    verdicts = {f.stem: verdict(f.read_bytes()) for f in files}
    assert set(verdicts.values()) == {"ok", "malformed_body"}
    assert verdicts["json_i_structure_UTF-8_BOM_empty_object"] == "ok"
    assert verdicts["json_i_number_very_big_negative_int"] == "ok"
    assert verdicts["json_i_string_utf16LE_no_BOM"] == "malformed_body"
    assert verdicts["json_i_string_1st_surrogate_but_2nd_missing"] == "malformed_body"


@given(st.binary(max_size=200))
@example(b"[" * 100_000)
@example(b'{"a":' * 50_000)
@example(b"1" * 5000)
@example(b"\xef\xbb\xbf")
@example(b"[1e400]")
@example(b'{"\\udc00": 1}')
def test_any_bytes_give_a_value_or_the_one_refusal(data: bytes) -> None:
    assert verdict(data) in ("ok", "malformed_body")


@given(st.text(alphabet='[]{}:,"\\udD8eEINfinityNa0123456789+-. ', max_size=60))
def test_anything_made_of_the_letters_of_json_gives_a_value_or_the_one_refusal(text: str) -> None:
    assert verdict(text.encode()) in ("ok", "malformed_body")


def test_exactly_as_many_levels_as_allowed_are_read_and_one_more_is_refused() -> None:
    parse_json(b"[" * 64 + b"]" * 64)
    parse_json(b'{"a":' * 64 + b"1" + b"}" * 64)
    assert refusal(b"[" * 65 + b"]" * 65).details["limit"] == 64
    refusal(b'{"a":' * 64 + b"[]" + b"}" * 64)


def test_many_brackets_side_by_side_are_not_deep() -> None:
    assert parse_json(b"[" + b"[[]]," * 100 + b"1]", depth=3) == [[[]]] * 100 + [1]


def test_brackets_in_a_string_are_not_deep() -> None:
    assert parse_json(b'"' + b"[" * 500 + b'"') == "[" * 500


@pytest.mark.parametrize("literal", [b"NaN", b"Infinity", b"-Infinity", b"1e400", b"-1e999"])
def test_numbers_that_are_not_finite_are_refused(literal: bytes) -> None:
    assert literal.decode().lstrip("-") in refusal(b'{"seed": ' + literal + b"}").reason


def test_a_number_too_small_for_a_double_is_nought() -> None:
    assert parse_json(b"1e-400") == 0.0
    assert parse_json(b"1.5e308") == 1.5e308


def test_an_integer_of_4300_digits_is_read_and_one_digit_more_is_refused_politely() -> None:
    assert parse_json(b"9" * 4300) == int("9" * 4300)
    assert "4,300" in refusal(b"9" * 4301).reason


def test_the_last_of_two_equal_keys_wins() -> None:
    assert parse_json(b'{"n": 1, "n": 2}') == {"n": 2}


def test_a_utf_8_byte_order_mark_is_skipped_and_other_encodings_are_named() -> None:
    assert parse_json(b'\xef\xbb\xbf{"a": 1}') == {"a": 1}
    for codec in ("utf-16", "utf-16-le", "utf-16-be", "utf-32"):
        assert "send UTF-8" in refusal('{"a": 1}'.encode(codec)).reason


def test_a_byte_that_is_not_utf_8_is_told_by_its_place() -> None:
    assert "byte 6 " in refusal(b'{"a":"\xff"}').reason


def test_half_a_surrogate_pair_is_refused_and_a_whole_one_is_a_character() -> None:
    assert r"\ud83d" in refusal(rb'{"prompt": "\ud83d"}').reason
    refusal(rb'{"\udc00": 1}')
    assert parse_json(rb'"\ud83d\ude00 \\u d"') == "\U0001f600 \\u d"


def test_a_syntax_error_is_told_by_line_and_column() -> None:
    assert "line 2, column 6" in refusal(b'{\n "a" 1}').reason


@pytest.mark.parametrize("data", [b"", b" \r\n"])
def test_an_empty_body_is_called_empty(data: bytes) -> None:
    assert "empty" in refusal(data).reason
