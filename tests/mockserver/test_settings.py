"""What can be set, for a server and for an account, and what is said when it cannot."""

from __future__ import annotations

import pytest

from fauxscale.dispatch.options import parse_options
from fauxscale.providers import PROVIDERS
from fauxscale.settings import Terms, micros


def test_money_is_whole_micro_dollars() -> None:
    assert micros(0.06) == 60_000
    assert micros(10) == 10_000_000
    assert micros(0.1 + 0.2) == 300_000


def test_own_terms_win_and_the_servers_fill_the_gaps() -> None:
    server = Terms(balance=5, latency=1, options={"ideogram.api_version": "2026-04", "a.b": 1})
    own = Terms(balance=0, options={"ideogram.api_version": "2026-10"})
    both = server.under(own)
    assert (both.balance, both.latency) == (0, 1)
    assert both.options == {"ideogram.api_version": "2026-10", "a.b": 1}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"ballance": 1}, "unknown setting 'ballance', did you mean 'balance'\\? choose from balance"),
        ({"balance": "1"}, "balance must be a number"),
        ({"balance": True}, "balance must be a number"),
        ({"latency": -1}, "latency must not be negative"),
        ({"in_flight": 1.5}, "in_flight must be a whole number"),
        ({"options": 5}, "options must be an object"),
    ],
)
def test_wrong_terms_are_named(words: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Terms.from_mapping(words)


def test_options_take_the_type_they_are_declared_with() -> None:
    given = {"ideogram.api_version": "2026-10", "ideogram.max_pixels": "5", "lumenfall.strict": "on"}
    assert parse_options(given, PROVIDERS) == {
        "ideogram.api_version": "2026-10",
        "ideogram.max_pixels": 5,
        "lumenfall.strict": True,
    }


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"ideogram.nope": "1"}, "unknown option 'ideogram.nope': choose from"),
        ({"ideogram.max_pixels": "many"}, "ideogram.max_pixels must be a number"),
        ({"ideogram.api_version": "1999"}, "ideogram.api_version must be one of 2026-04, 2026-10"),
        ({"lumenfall.strict": "perhaps"}, "lumenfall.strict must be true or false"),
    ],
)
def test_wrong_options_are_named(given: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse_options(given, PROVIDERS)
