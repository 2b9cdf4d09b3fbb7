"""A secret that came with a call is told by nothing afterwards: no route, no log, no traceback."""

from __future__ import annotations

import json
import logging
import random
import re
import string
from collections.abc import Iterator

import httpx
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from fauxscale import MockServer
from tests.calls.fal import uri
from tests.pictures import picture
from tests.secrets import Sent, by_place, pasted, told_by

VISIBLE = "".join(map(chr, range(33, 127)))
PLAIN = string.ascii_letters + string.digits
# What keys look like: of any characters a header can carry, or of a service's own shape.
ALPHABETS = [
    ("", VISIBLE),
    ("", VISIBLE),
    ("", PLAIN + "+/="),
    ("", "0123456789abcdef"),
    ("sk-aig-", PLAIN + "_-"),
]


def drawn(seed: int) -> str:
    """A secret nothing else says by accident, as constants of a program might be."""
    dice = random.Random(seed)
    prefix, alphabet = dice.choice(ALPHABETS)
    return prefix + "".join(dice.choices(alphabet, k=dice.randint(24, 64)))


def logged(caplog: pytest.LogCaptureFixture) -> str:
    """What was logged, but for what the test's own client logs."""
    ours = [one for one in caplog.records if one.name.partition(".")[0] not in ("httpx", "httpcore")]
    return "\n".join(map(caplog.handler.format, ours))


@pytest.fixture
def server(caplog: pytest.LogCaptureFixture) -> Iterator[tuple[MockServer, httpx.Client]]:
    caplog.set_level(logging.DEBUG)
    with MockServer(listen=False) as mock, httpx.Client(transport=mock.transport()) as http:
        yield mock, http


def send(http: httpx.Client, url: str, sent: Sent) -> httpx.Response:
    """The answer to a request, once the addresses in it were read as well, which takes no key."""
    reply = http.request(sent.method, url + sent.path, headers=dict(sent.headers), content=sent.body)
    for address in re.findall(r'"(http://[^"]*/(?:media|img|ideogram|lumenfall)/[^"]*)"', reply.text):
        http.get(address)
    return reply


@given(secret=st.integers(0, 2**32).map(drawn))
@settings(
    max_examples=3,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_the_key_of_a_call_is_told_by_nothing_wherever_it_was_pasted(
    server: tuple[MockServer, httpx.Client], caplog: pytest.LogCaptureFixture, secret: str
) -> None:
    mock, http = server
    mock.reset()
    for sent in pasted(secret):
        send(http, mock.url, sent)
    told = told_by(http, mock.url)
    told.add("log", logged(caplog))
    assert told.places_of(secret) == []
    assert len(told.texts) > 40


def test_a_secret_is_told_by_nothing_where_its_place_makes_it_one(
    server: tuple[MockServer, httpx.Client], caplog: pytest.LogCaptureFixture
) -> None:
    mock, http = server
    calls = list(by_place("1"))
    for _, sent in calls:
        send(http, mock.url, sent)
    told = told_by(http, mock.url)
    told.add("log", logged(caplog))
    found = {sent.place: places for secret, sent in calls if (places := told.places_of(secret))}
    assert found == {}


@pytest.mark.parametrize(
    ("broken", "path"),
    [
        ("fauxscale.dispatch.routing.Routes.find", "/ideogram/upscale"),
        ("fauxscale.operations.performing.link", "/fal/run/fal-ai/ideogram/upscale"),
        ("fauxscale.state.accounts.Accounts.cards", "/__fauxscale/api/accounts"),
        ("fauxscale.state.accounts.Accounts.cards", "/__fauxscale/api/inspector/calls"),
    ],
)
def test_a_mistake_of_ours_is_logged_with_its_traceback_and_without_the_secrets_it_quotes(
    server: tuple[MockServer, httpx.Client],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    broken: str,
    path: str,
) -> None:
    key = "Zt9-no-shape-of-its-own"

    def mistake(*_: object) -> None:
        raise ZeroDivisionError(f"what was sent: {key} of /?token={key}")

    monkeypatch.setattr(broken, mistake)
    mock, http = server
    control = path.startswith("/__")
    body = b"" if control else json.dumps({"image_url": uri(picture()), "prompt": key}).encode()
    reply = http.request(
        "GET" if control else "POST",
        f"{mock.url}{path}?token={key}",
        content=body,
        headers={"Authorization": f"Key {key}"},
    )
    assert reply.status_code == 500
    assert reply.headers["content-type"] == "application/json"
    monkeypatch.undo()
    told = told_by(http, mock.url)
    told.add("log", logged(caplog))
    told.add("answer", reply.text + repr(reply.headers))
    assert "ZeroDivisionError: what was sent: Zt9-…" in logged(caplog)
    assert "Traceback" in logged(caplog)
    assert told.places_of(key) == []
