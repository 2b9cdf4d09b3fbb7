"""One table of all providers: by host, by prefix, by real path at the root."""

from __future__ import annotations

import pytest

from fauxscale.routing import host_name, is_local


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("LOCALHOST:2160", "localhost"),
        ("[::1]:2160", "::1"),
        ("[::1]", "::1"),
        ("127.0.0.1", "127.0.0.1"),
        ("api.ideogram.ai:443", "api.ideogram.ai"),
        ("[::1", ""),
        ("a b", ""),
        ("a:b", ""),
        ("user@localhost", ""),
        ("localhost:2160:1", ""),
        ("", ""),
    ],
)
def test_a_host_header_is_a_name_or_nothing(host: str, name: str) -> None:
    assert host_name(host) == name


@pytest.mark.parametrize("name", ["localhost", "app.localhost", "127.0.0.1", "10.0.0.9", "::1"])
def test_names_nobody_can_point_elsewhere_are_local(name: str) -> None:
    assert is_local(name)


@pytest.mark.parametrize(
    "name", ["", "evil.example", "localhost.", "127.1", "2130706433", "localhost.example"]
)
def test_other_names_are_not(name: str) -> None:
    assert not is_local(name)
