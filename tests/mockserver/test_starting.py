"""Whatever a server is started with, and by whom: beyond loopback there is no control API without a token."""

from __future__ import annotations

import asyncio
import hmac
import itertools
import re
import socket
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from fauxscale import MockServer, Settings, create_app
from fauxscale.app import App
from fauxscale.cli import main
from fauxscale.cli.run import _Child
from fauxscale.control import API, inspector
from fauxscale.hosts import is_open_to_others
from fauxscale.providers import PROVIDERS
from fauxscale.transport.listener import ListeningSocket, listen
from tests.asgi import Answer, answer, http_scope
from tests.pages import targets

# Host: whether others reach what listens there.
HOSTS = {
    "127.0.0.1": False,
    "127.0.0.2": False,
    "::1": False,
    "localhost": False,
    "app.localhost": False,
    "::ffff:127.0.0.1": False,
    "0.0.0.0": True,
    "::": True,
    "": True,
    "0": True,
    "127.1": True,  # a name, for all that is known of it
    "192.168.1.9": True,
    "fd00::9": True,
    "fe80::1%eth0": True,
    "build-host": True,
    "localhost.example": True,
}
GIVEN = "a-token-that-was-given"
TOKENS: dict[str, tuple[list[str], dict[str, str], str | None]] = {
    "none": ([], {}, None),
    "flag": (["--token", GIVEN], {}, GIVEN),
    "variable": ([], {"FAUXSCALE_TOKEN": GIVEN}, GIVEN),
    "both": (["--token", GIVEN], {"FAUXSCALE_TOKEN": "another-token-of-the-environment"}, GIVEN),
    "empty flag": (["--token", ""], {}, None),
    "empty variable": ([], {"FAUXSCALE_TOKEN": ""}, None),
}
KEYS: tuple[list[str], ...] = ([], ["--key", "a-named-key"])
TLS: tuple[list[str], ...] = ([], ["--tls"])
COMMANDS: tuple[list[str], ...] = (["serve"], ["serve", "--json"], ["run"])


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[MockServer]:
    """Servers that commands start, which open no socket."""
    seen: list[MockServer] = []

    def serve_forever(self: MockServer, on_ready: Callable[[], None]) -> None:
        seen.append(self)

    monkeypatch.setattr(MockServer, "serve_forever", serve_forever)
    monkeypatch.setattr(MockServer, "start", lambda self: seen.append(self))
    monkeypatch.setattr(_Child, "run", lambda self, command, environment: 0)
    monkeypatch.setattr("fauxscale.cli.options.providers", lambda: PROVIDERS)  # no packages are looked for
    return seen


@pytest.mark.parametrize("host", HOSTS)
def test_every_way_to_start_has_a_token_where_others_reach_it(host: str, started: list[MockServer]) -> None:
    runner = CliRunner()
    for command, (flags, env, given), keys, tls in itertools.product(COMMANDS, TOKENS.values(), KEYS, TLS):
        tail = ["--", "true"] if command == ["run"] else []
        by_flag, by_variable = [*command, "--host", host], {**env, "FAUXSCALE_HOST": host}
        for words, variables in ((by_flag, env), (command, by_variable)):
            if variables.get("FAUXSCALE_HOST") == "":
                continue  # a variable that is empty is none
            done = runner.invoke(main, [*words, *flags, *keys, *tls, *tail], env=variables)
            assert done.exit_code == 0, done.output
            check(started.pop(), HOSTS[host], given)
            assert GIVEN not in done.output
    for token, tls_ in itertools.product((None, "", GIVEN), (False, True)):
        check(MockServer(Settings(token=token), host=host, tls=tls_), HOSTS[host], token or None)
        check(MockServer(Settings(token=token), host=host, listen=False), False, token or None)
    assert started == []


def check(mock: MockServer, wide: bool, given: str | None) -> None:
    if given is not None:
        assert mock.settings.token == given
    elif wide:
        assert len(mock.settings.token or "") >= 32
    else:
        assert not mock.settings.token


def test_no_two_servers_make_the_same_token_whatever_the_seed() -> None:
    assert len({MockServer(Settings(seed=7), host="0.0.0.0").settings.token for _ in range(20)}) == 20


def test_a_name_that_leads_beyond_loopback_after_all_gets_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """`localhost` is what a file says it is; what counts is the address that is listened on."""

    class Elsewhere(ListeningSocket):
        def getsockname(self) -> tuple[str, int]:
            return "192.0.2.1", 1

    def listen_elsewhere(host: str, port: int) -> ListeningSocket:
        sock = listen(host, port)
        sock.__class__ = Elsewhere
        return sock

    monkeypatch.setattr("fauxscale.server.listen", listen_elsewhere)
    with MockServer(host="localhost") as mock:
        assert mock.settings.token
        assert mock.app.accounts.settings.token == mock.settings.token


@pytest.mark.parametrize("settings", [Settings(), Settings(token=""), Settings(keys=("a-key",))])
def test_an_application_that_another_server_serves_answers_no_other_machine_without_a_token(
    settings: Settings,
) -> None:
    """`uvicorn --factory fauxscale:create_app --host 0.0.0.0`."""

    async def asked(app: App, peer: str | None) -> set[int]:
        told: list[Answer] = []
        for target in targets(app, "acct_1"):
            if target.ours and not target.page:
                scope = http_scope(target.method, target.path.encode(), b"", {"host": "10.0.0.5"})
                scope["client"] = None if peer is None else (peer, 5)
                told.append(await answer(app, scope, b"" if target.method == "GET" else b"{}"))
        return {one.status for one in told}

    async def all_asked() -> None:
        app = create_app(settings)
        for peer in (
            "192.168.1.7",
            "10.0.0.9",
            "203.0.113.5",
            "fd00::7",
            "fe80::1%eth0",
            "::ffff:192.168.1.7",
        ):
            assert await asked(app, peer) == {403}, peer
        for here in ("127.0.0.1", "::1", "::ffff:127.0.0.1", "127.9.9.9", "testclient", None):
            assert await asked(app, here) >= {200, 404}, here
        await app.accounts.close()

    asyncio.run(all_asked())


def test_a_token_is_compared_in_constant_time_and_by_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[bytes, bytes]] = []
    whole = hmac.compare_digest

    def compare(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return whole(one, other)

    async def asked() -> list[int]:
        app = create_app(Settings(token=GIVEN))
        statuses: list[int] = []
        for sent in (GIVEN, GIVEN[:-1], f"{GIVEN}x", "x" * len(GIVEN), "", "ä"):
            headers = {"authorization": f"Bearer {sent}", "host": "localhost"}
            statuses.append(
                (await answer(app, http_scope("GET", f"{API}/health".encode(), b"", headers))).status
            )
        await app.accounts.close()
        return statuses

    monkeypatch.setattr(hmac, "compare_digest", compare)
    assert asyncio.run(asked()) == [200, 401, 401, 401, 401, 401]
    assert len(compared) == 6
    assert {other for _, other in compared} == {GIVEN.encode()}
    source = Path(inspector.__file__).parents[1] / "access.py"
    assert not re.search(r"token\s*[!=]=|[!=]=\s*token|given\s*[!=]=", source.read_text(encoding="utf-8"))


def test_the_inspector_keeps_the_token_out_of_every_address() -> None:
    home = Path(inspector.__file__).parent
    page = (home / "notices.js").read_text(encoding="utf-8")
    script = "\n".join(file.read_text(encoding="utf-8") for file in home.glob("*.js"))
    (field,) = re.findall(r"<input[^>]*id=\"token\"[^>]*>", page)
    assert 'type="password"' in field
    assert "name=" not in field, "a form that is sent after all would put it into the address"
    assert not re.search(r"[?&](?:access_)?token=", script)
    assert re.findall(r"sessionStorage.getItem\(TOKEN\)", script)


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
@pytest.mark.parametrize("tls", [False, True])
def test_a_server_on_every_address_answers_no_control_call_without_its_token(host: str, tls: bool) -> None:
    if host == "::" and not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    with MockServer(host=host, tls=tls) as mock, httpx.Client(verify=False, trust_env=False) as http:
        assert is_open_to_others(host)
        for target in targets(mock.app, "acct_1"):
            if target.ours and not target.page:
                headers = {"authorization": "Bearer no"}
                reply = http.request(target.method, f"{mock.url}{target.path}", headers=headers)
                assert reply.status_code == 401, target
                assert str(mock.settings.token) not in reply.text + str(reply.headers)
        assert mock.account().id == "acct_1", "its own client knows the token"
