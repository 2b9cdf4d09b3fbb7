"""No key, token or signature passes, and what is none stays readable."""

from __future__ import annotations

import pytest

from fauxscale import credentials, redact

SECRETS = [
    "sk-aig-abcdefghijklmnop",
    "sk-proj-abcdefghijklmnop",
    "lmnfl_abc123.secretsecret",
    "12345678-1234-1234-1234-123456789abc:0123456789abcdef0123456789abcdef",
    "Bearer abcdefgh.ijklmnop",
    "Key abcdefghijkl",
]
MEMBERS = [
    "https://x.test/a.png?exp=1&sig=deadbeefdeadbeef",
    "https://x.test/?api_key=deadbeefdeadbeef&b=1",
    '{"token": "deadbeefdeadbeef", "prompt": "a cat"}',
    '{"Api-Key":"deadbeefdeadbeef"}',
]


@pytest.mark.parametrize("secret", SECRETS)
def test_a_key_is_masked_wherever_it_turns_up(secret: str) -> None:
    for text in (secret, f"said {secret}, twice {secret}.", f'{{"a": "{secret}"}}'):
        masked = redact.text(text)
        assert secret.split()[-1] not in masked
        assert "…" in masked
        assert credentials.finds(text)
        assert credentials.finds(masked) == []


@pytest.mark.parametrize("text", MEMBERS)
def test_a_member_called_a_secret_is_masked_and_its_neighbours_are_not(text: str) -> None:
    masked = redact.text(text)
    assert "deadbeef" not in masked
    for kept in ("exp=1", "b=1", "a cat", "x.test"):
        assert (kept in masked) == (kept in text)
    assert credentials.finds(text)


@pytest.mark.parametrize(
    "text", ["a cat", "keyboard=1", "/upscale?n=1", "risk-free", '{"prompt": "a token of love"}']
)
def test_plain_text_stays_as_it_is(text: str) -> None:
    assert redact.text(text) == text
    assert credentials.finds(text) == []


def test_secret_headers_are_shortened_and_others_pass() -> None:
    pairs = [
        ("Api-Key", "abcdefghijklmnop"),
        ("Authorization", "Bearer abcdefghijklmnop"),
        ("X-BYOK-Fal", "abcdefghijklmnop"),
        ("Cookie", "a=abcdefghijklmnop"),
        ("Accept", "image/png"),
    ]
    masked = redact.headers(pairs)
    assert "efghijklmnop" not in str(masked)
    assert masked[1] == ("Authorization", "Bearer abcd…")
    assert masked[4] == ("Accept", "image/png")


@pytest.mark.parametrize(
    ("secret", "short"), [("", "…"), ("ab", "…"), ("abcdef", "ab…"), ("a" * 99, "aaaa…")]
)
def test_a_shortened_secret_shows_a_third_and_four_characters_at_most(secret: str, short: str) -> None:
    assert credentials.shorten(secret) == short


@pytest.mark.parametrize(
    "address",
    [
        "/upscale?key=deadbeefdeadbeef&n=1",
        "/submit?n=1&fal_webhook=http%3A%2F%2Fh.test%2Fhook%3Ftoken%3Ddeadbeefdeadbeef",
        "/submit?n=1&fal_webhook=http%3a%2f%2fh.test%2f%3fa%3d1%26api_key%3ddeadbeefdeadbeef%26b%3d2",
        "/submit?n=1&to=http%3A%2F%2Fh.test%2F%3Fnext%3Dhttp%253A%252F%252Fi.test%252F%253Fsig%253Ddeadbeefdeadbeef",
        "/?n=1&auth=Bearer%20deadbeefdeadbeef",
        "/?n=1&key_id=12345678-1234-1234-1234-123456789abc%3Adeadbeefdeadbeef",
        "/100%sure%26token%3Ddeadbeefdeadbeef?n=1",
    ],
)
def test_a_secret_in_a_query_is_masked_however_it_is_encoded(address: str) -> None:
    masked = redact.text(address)
    assert "deadbeef" not in masked
    assert "n=1" in masked
    assert credentials.finds(address)
    assert credentials.finds(masked) == []
    assert redact.text(masked) == masked


@pytest.mark.parametrize("text", ["/?keys=1&monkey=2", "100%25 sure", "/?a=x%3Db%26c&d=%E2%82%AC%2F"])
def test_encoded_text_without_a_secret_stays_as_it_is(text: str) -> None:
    assert redact.text(text) == text


@pytest.mark.parametrize("depth", [50_000])
def test_encodings_without_end_are_looked_through_so_far_and_no_farther(depth: int) -> None:
    text = "%" + "25" * depth
    assert redact.text(text) == text


def test_a_known_secret_is_masked_wherever_it_stands_and_whatever_it_looks_like() -> None:
    key = "own:pass/word"
    said = redact.text("/a?b=own%3Apass/word&c=own%3Apass%2Fword own:pass/word abc", [key, "abc"])
    assert said == "/a?b=own:…&c=own:… own:… abc", "three characters are no secret"
    assert redact.headers([("Referer", f"http://x/{key}"), ("Api-Key", key)], [key]) == [
        ("Referer", "http://x/own:…"),
        ("Api-Key", "own:…"),
    ]


def test_nicknames_tell_short_and_alike_keys_apart_and_no_more_of_them() -> None:
    keys = ("a", "k1", "sk-aig-aaaaaaaaaaaaaaaa", "sk-aig-bbbbbbbbbbbbbbbb")
    names = [redact.nickname(key) for key in keys]
    assert len(set(names)) == 4
    for key, name in zip(keys, names, strict=True):
        assert name.startswith(credentials.shorten(key))
        assert len(name) == len(credentials.shorten(key)) + 4


def test_names_of_megabytes_are_told_and_not_remembered() -> None:
    credentials.is_secret("x")
    credentials.names_secret("x")
    caches = credentials._is_secret, credentials._names_secret
    before = [one.cache_info().currsize for one in caches]
    assert credentials.is_secret("X-" + "a" * 1_000_000 + "-Token")
    assert not credentials.is_secret("a" * 1_000_000)
    assert not credentials.names_secret("token" * 200_000 + "s")
    assert [one.cache_info().currsize for one in caches] == before
