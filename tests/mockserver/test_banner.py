"""Twelve lines for people, one for programs, whatever is switched on."""

from __future__ import annotations

import json
from pathlib import Path

from fauxscale import Settings, banner
from fauxscale.providers import PROVIDERS
from fauxscale.settings import Terms


def test_the_fullest_banner_has_twelve_lines_at_most() -> None:
    settings = Settings(keys=("first", "second"), token="a-token", terms=Terms(balance=5))
    said = banner.lines("https://127.0.0.1:2160", settings, PROVIDERS, Path("/tmp/ca.pem"))
    assert len(said) <= 12
    text = "\n".join(said)
    assert "balance $5.00" in text
    assert "IDEOGRAM_API_KEY=first" in text
    assert "a-token" in text
    assert "SSL_CERT_FILE=/tmp/ca.pem" in text


def test_each_provider_has_a_line_that_can_be_pasted() -> None:
    said = banner.lines("http://127.0.0.1:2160", Settings(), PROVIDERS)
    for provider in PROVIDERS:
        (line,) = [one for one in said if one.startswith("export ") and f"{provider.name.upper()}_" in one]
        assert "http://127.0.0.1:2160" + provider.base in line


def test_the_ready_line_is_one_line_of_json() -> None:
    line = banner.ready("http://127.0.0.1:2160", Settings(token="t"), PROVIDERS)
    assert "\n" not in line
    assert json.loads(line)["control_token"] == "t"
