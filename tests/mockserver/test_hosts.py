"""Host names and addresses: every question has one answer, whoever asks it."""

from __future__ import annotations

import pytest

from fauxscale.hosts import (
    at_loopback,
    cannot_be_rebound,
    host_name,
    is_loopback,
    is_open_to_others,
    is_public,
    leads_here,
)


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


# name: is it loopback, does a connection to it end here, can no DNS point it here, is it the internet's
ANSWERS = {
    "localhost": (True, True, True, False),
    "app.localhost": (True, True, True, False),
    "127.0.0.1": (True, True, True, False),
    "127.3.2.1": (True, True, True, False),
    "::1": (True, True, True, False),
    "::ffff:127.0.0.1": (True, True, True, False),
    "0.0.0.0": (False, True, True, False),
    "::": (False, True, True, False),
    "": (False, True, False, False),
    "10.0.0.9": (False, False, True, False),
    "192.168.1.1": (False, False, True, False),
    "172.16.0.1": (False, False, True, False),
    "169.254.169.254": (False, False, True, False),
    "100.64.0.1": (False, False, True, False),
    "224.0.0.1": (False, False, True, False),
    "fc00::1": (False, False, True, False),
    "fe80::1%eth0": (False, False, True, False),
    "::ffff:192.0.2.1": (False, False, True, False),
    "93.184.216.34": (False, False, True, True),
    "2606:4700::1111": (False, False, True, True),
    "evil.example": (False, False, False, False),
    "localhost.": (False, False, False, False),
    "localhost.example": (False, False, False, False),
    "127.1": (False, False, False, False),
    "2130706433": (False, False, False, False),
}


@pytest.mark.parametrize(("host", "answers"), ANSWERS.items())
def test_every_question_has_one_answer(host: str, answers: tuple[bool, bool, bool, bool]) -> None:
    assert (is_loopback(host), leads_here(host), cannot_be_rebound(host), is_public(host)) == answers


@pytest.mark.parametrize("host", ANSWERS)
def test_a_server_is_closed_to_others_on_loopback_alone(host: str) -> None:
    assert is_open_to_others(host) != is_loopback(host)


def test_a_name_of_this_machine_is_asked_of_no_resolver() -> None:
    assert at_loopback("app.localhost") == "127.0.0.1"
    assert at_loopback("localhost") == "localhost"
    assert at_loopback("::1") == "::1"
