"""No key, token or signature passes, and what is none stays readable."""

from __future__ import annotations

import pytest

from fauxscale import redact

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
        assert redact.findings(text)
        assert redact.findings(masked) == []


@pytest.mark.parametrize("text", MEMBERS)
def test_a_member_called_a_secret_is_masked_and_its_neighbours_are_not(text: str) -> None:
    masked = redact.text(text)
    assert "deadbeef" not in masked
    for kept in ("exp=1", "b=1", "a cat", "x.test"):
        assert (kept in masked) == (kept in text)
    assert redact.findings(text)


@pytest.mark.parametrize(
    "text", ["a cat", "keyboard=1", "/upscale?n=1", "risk-free", '{"prompt": "a token of love"}']
)
def test_plain_text_stays_as_it_is(text: str) -> None:
    assert redact.text(text) == text
    assert redact.findings(text) == []


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
    assert redact.shorten(secret) == short
