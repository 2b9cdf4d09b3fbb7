"""No page of another origin does anything here, or reads anything but links, which are meant for pages everywhere."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from fauxscale import Settings, create_app
from fauxscale.app import App
from fauxscale.control import API
from tests.asgi import Answer, answer, http_scope
from tests.calls.fal import uri
from tests.pages import Target, targets
from tests.pictures import picture

PORT = 2160
TOKEN = "t0ken-t0ken-t0ken-t0ken"
# Host: whose it is. "us": this machine by any name; a provider's; unknown: refused.
HOSTS = {
    f"127.0.0.1:{PORT}": "us",
    f"localhost:{PORT}": "us",
    f"LOCALHOST:{PORT}": "us",
    f"[::1]:{PORT}": "us",
    f"app.localhost:{PORT}": "us",
    f"127.9.9.9:{PORT}": "us",
    f"0.0.0.0:{PORT}": "us",
    f"192.168.1.9:{PORT}": "us",
    f"[::ffff:127.0.0.1]:{PORT}": "us",
    "api.ideogram.ai": "theirs",
    "queue.fal.run:443": "theirs",
    "evil.example": "unknown",
    f"evil.example:{PORT}": "unknown",
    "localhost.evil.example": "unknown",
    "127.0.0.1.evil.example": "unknown",
    "127.0.0.1.nip.io": "unknown",
    "api.ideogram.ai.evil.example": "unknown",
    "localhost.": "unknown",
    "127.1": "unknown",
    "2130706433": "unknown",
    "user@127.0.0.1": "unknown",
    "127.0.0.1:2160:1": "unknown",
    "[::1": "unknown",
    "": "unknown",
}
# Origin, `{host}` being the Host's: whether that is a page of our own. None: no page, or one that only reads.
ORIGINS: dict[str | None, bool] = {
    None: True,
    "http://{host}": True,
    "https://{host}": False,
    "http://{host}.evil.example": False,
    "http://evil.example": False,
    "https://evil.example": False,
    "null": False,
    "": False,
    "http://127.0.0.1:1": False,
    "http://api.ideogram.ai": False,
}
READABLE = "access-control-allow-origin"


@asynccontextmanager
async def served(settings: Settings | None = None) -> AsyncGenerator[tuple[App, str, list[Target]]]:
    """A server with an account that has called once, has a fault to come and a clock that stands; and every route."""
    app = create_app(settings)
    made = json.loads((await own(app, "POST", "/accounts", {"terms": {"balance": 10}})).body)
    account = f"/accounts/{made['id']}"
    await own(app, "POST", f"{account}/clock/freeze", {"at": 1_800_000_000})
    body = json.dumps({"image_url": uri(picture())}).encode()
    key = {"host": "localhost", "authorization": f"Key {made['keys']['fal']}"}
    paid = await answer(app, http_scope("POST", b"/fal/run/fal-ai/ideogram/upscale", headers=key), body)
    assert paid.status == 200
    await own(app, "POST", f"{account}/faults", {"fault": "Fail", "status": 503, "times": 3})
    try:
        yield app, account, targets(app, made["id"])
    finally:
        await app.accounts.close()


async def own(app: App, method: str, path: str, body: object = None) -> Answer:
    """A call of the control API by whoever may."""
    headers = {"host": "localhost", "authorization": f"Bearer {app.accounts.settings.token}"}
    sent = b"" if body is None else json.dumps(body).encode()
    return await answer(app, http_scope(method, f"{API}{path}".encode(), headers=headers), sent)


async def state(app: App, account: str) -> list[bytes]:
    """Everything a page could have changed; calls of no account are written down, and are no change."""
    parts = ("", "/settings", "/totals", "/calls", "/faults", "/clock", "/ledger", "/jobs", "/links")
    told = [await own(app, "GET", f"{account}{part}") for part in parts]
    assert [one.status for one in told] == [200] * len(parts)
    return [one.body for one in (await own(app, "GET", "/accounts"), *told)]


async def ask(app: App, target: Target, headers: dict[str, str]) -> Answer:
    body = b"" if target.method == "GET" else b"{}"
    return await answer(app, http_scope(target.method, target.path.encode(), b"", headers), body)


async def preflight(app: App, target: Target, headers: dict[str, str]) -> Answer:
    asked = {**headers, "access-control-request-method": target.method}
    return await answer(app, http_scope("OPTIONS", target.path.encode(), b"", asked))


def test_there_are_twenty_four_hosts_and_ten_origins() -> None:
    assert (len(HOSTS), len(ORIGINS)) == (24, 10)


@pytest.mark.parametrize("host", HOSTS)
def test_no_host_origin_and_route_let_a_page_of_another_origin_in(host: str) -> None:
    """Simple calls and preflights of every route; of those that a page of our own may make, the reading ones."""

    async def tried() -> int:
        tried = 0
        async with served() as (app, account, routes):
            before = await state(app, account)
            open_paths = {one.path for one in routes if one.open}
            for origin, is_own in ORIGINS.items():
                headers = {"host": host, "content-type": "text/plain"}
                if origin is not None:
                    headers["origin"] = origin.replace("{host}", host)
                for target in routes:
                    if is_own and target.ours and target.method != "GET":
                        continue
                    check(await ask(app, target, headers), target, HOSTS[host], is_own)
                    said = await preflight(app, target, headers)
                    as_asked = replace(target, method="OPTIONS", open=target.path in open_paths)
                    check(said, as_asked, HOSTS[host], is_own)
                    if said.headers.get(READABLE):
                        assert said.headers["access-control-allow-methods"] == "GET, HEAD"
                    tried += 2
            assert await state(app, account) == before
        return tried

    assert asyncio.run(tried()) > 1_500


def check(said: Answer, target: Target, whose: str, is_own: bool) -> None:
    where = f"{target}: {said.status}"
    assert said.status < 500, where
    if whose == "unknown":
        assert said.status == 403, where
        assert b"host not allowed" in said.body, where
        assert READABLE not in said.headers, where
    elif not target.ours:
        assert said.headers.get(READABLE) == ("*" if target.open and whose == "us" else None), where
    elif whose == "theirs":
        assert said.status in (401, 403, 404, 405), where
        assert b"acct_" not in said.body, where
        assert READABLE not in said.headers, where
    else:
        assert READABLE not in said.headers, where
        if not is_own and not target.page:
            assert said.status == 403, where
            assert b"refuses calls from other origins" in said.body, where
        if is_own and target.method == "GET":
            assert said.status in (200, 304, 307, 404), where


@pytest.mark.parametrize("site", ["cross-site", "same-site", "CROSS-SITE", "", "none, cross-site"])
def test_what_a_browser_calls_another_site_is_refused_without_an_origin_too(site: str) -> None:
    """As pictures, scripts, frames and links of another page ask."""

    async def tried() -> None:
        async with served() as (app, account, routes):
            before = await state(app, account)
            for target in routes:
                if target.ours and not target.page:
                    said = await ask(app, target, {"host": f"localhost:{PORT}", "sec-fetch-site": site})
                    assert said.status == 403, target
            assert await state(app, account) == before

    asyncio.run(tried())


def test_an_origin_allowed_with_cors_calls_the_apis_and_not_the_control_api() -> None:
    async def tried() -> None:
        async with served(Settings(cors=("http://app.test",))) as (app, account, routes):
            before = await state(app, account)
            open_paths = {one.path for one in routes if one.open}
            for origin, allowed in (
                ("http://app.test", True),
                ("http://evil.example", False),
                ("null", False),
            ):
                headers = {"host": f"localhost:{PORT}", "origin": origin, "content-type": "text/plain"}
                for target in routes:
                    said, asked = await ask(app, target, headers), await preflight(app, target, headers)
                    if target.ours:
                        assert READABLE not in {*said.headers, *asked.headers}, target
                        assert {said.status, asked.status} == {403} or target.page, target
                    elif target.open:
                        assert (said.headers[READABLE], asked.headers[READABLE]) == ("*", "*")
                    else:
                        assert said.headers.get(READABLE) == (origin if allowed else None), target
                        assert (asked.status == 200) == allowed, target
                        assert not allowed or target.method in asked.headers["access-control-allow-methods"]
            assert open_paths
            assert await state(app, account) == before

    asyncio.run(tried())


def test_with_a_token_no_host_and_origin_get_in_without_it() -> None:
    wrong = ("", "Bearer", "Bearer ", f"Bearer {TOKEN[1:]}", f"Bearer {TOKEN}t", f"Basic {TOKEN}", TOKEN)

    async def tried() -> None:
        async with served(Settings(token=TOKEN, allow_hosts=("mock.test",))) as (app, account, routes):
            before = await state(app, account)
            for host in ("localhost", "192.168.1.9", "mock.test", "mock.test:2160"):
                for headers in ({"host": host}, {"host": host, "origin": f"http://{host}"}):
                    for target in [one for one in routes if one.ours and not one.page]:
                        for sent in wrong:
                            said = await ask(app, target, {**headers, "authorization": sent})
                            assert said.status == 401, target
                            assert TOKEN[1:].encode() not in said.body + str(said.headers).encode()
            assert await state(app, account) == before

    asyncio.run(tried())


def test_the_control_api_is_reached_by_no_second_spelling_of_its_path() -> None:
    """A check that goes by the path must see the path that the router sees."""
    spellings = (
        "/__fauxscale/api/accounts", "//__fauxscale/api/accounts", "/__fauxscale//api/accounts",
        "/__fauxscale/%61pi/accounts", "/%5f_fauxscale/api/accounts", "/__fauxscale/api%2faccounts",
        "/__fauxscale/inspector/../api/accounts", "/__fauxscale/inspector/%2e%2e/api/accounts",
        "/__FAUXSCALE/api/accounts", "/__fauxscale/API/accounts", "/__fauxscale/api;/accounts",
        "/__fauxscale/./api/accounts", "/x/../__fauxscale/api/accounts", "/__fauxscale/api/accounts/",
        "/__fauxscale\\api\\accounts", "/__fauxscale/api%00/accounts", "/__fauxscale/api/%2e/accounts",
    )  # fmt: skip

    async def tried() -> None:
        async with served(Settings(token=TOKEN)) as (app, _, _):
            for path in spellings:
                for query in (b"", f"token={TOKEN}&access_token={TOKEN}".encode()):
                    said = await answer(app, http_scope("GET", path.encode(), query, {"host": "localhost"}))
                    assert said.status in (401, 404), path
                    assert b'"accounts":' not in said.body
            assert (await own(app, "GET", "/accounts")).status == 200

    asyncio.run(tried())
