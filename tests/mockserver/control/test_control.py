"""The control API: what its page shows happens, it answers friends only, and says what it does not understand."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import httpx
import pytest

from fauxscale import Fail, MockServer, Settings
from fauxscale.client import AccountHandle
from fauxscale.control import API, ROUTES
from fauxscale.control.request import Waiters
from fauxscale.faults import KINDS
from tests.calls.ideogram import upscale
from tests.pictures import opened, picture
from tests.stages import Stage
from tests.tools import needs
from tests.waiting import until

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "control-api.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```sh\n(.*?)^```(?:\n\n```json\n(.*?)^```)?", re.MULTILINE | re.DOTALL)


@pytest.fixture
def account(stage: Stage) -> Iterator[AccountHandle]:
    with stage.account() as account:
        yield account


def ask(stage: Stage, method: str, path: str, **options: Any) -> httpx.Response:
    return stage.http.request(method, f"{stage.url}{API}{path}", **options)


# The page and the description


def alike(shown: object, real: object, where: str = "") -> None:
    """Whether a reply has what the page shows of it: members and their types."""
    if isinstance(shown, dict):
        assert isinstance(real, dict), where
        for name, value in cast("dict[str, object]", shown).items():
            assert name in real, f"{where}/{name}"
            alike(value, cast("dict[str, object]", real)[name], f"{where}/{name}")
    elif isinstance(shown, list):
        assert isinstance(real, list), where
        for one, other in zip(cast("list[object]", shown), cast("list[object]", real), strict=False):
            alike(one, other, where)
        assert bool(shown) == bool(real), where
    else:
        assert type(shown) is type(real), f"{where}: {shown!r} is shown, {real!r} came"
        if isinstance(shown, str) and "…" not in shown and not re.search(r"\d{2}:\d{2}|charge_", shown):
            assert shown == str(real).replace(":0/", ":2160/"), where


@needs("curl")
def test_every_example_of_the_page_is_answered_as_shown(tmp_path: Path) -> None:
    (tmp_path / "fixtures").symlink_to(ROOT / "fixtures")
    examples = BLOCK.findall(PAGE)
    assert len(examples) > len(ROUTES)
    with MockServer() as mock:
        for script, shown in examples:
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", script.replace("http://127.0.0.1:2160", mock.url)],
                cwd=tmp_path,
                env=os.environ,
                capture_output=True,
                text=True,
                timeout=30,
                check=True,
            )
            if shown:
                alike(json.loads(shown), json.loads(done.stdout.replace(mock.url, "http://127.0.0.1:2160")))
        assert opened((tmp_path / "picture.png").read_bytes()).size == (1024, 1024)


def test_every_route_is_in_the_table_described_and_shown() -> None:
    described = json.loads((ROOT / "mockserver/fauxscale/control/control.openapi.json").read_text("utf-8"))
    paths = {(method.upper(), path) for path, item in described["paths"].items() for method in item}
    assert paths == {(way.method, way.path) for way in ROUTES}
    commands = [script for script, _ in BLOCK.findall(PAGE)]
    for way in ROUTES:
        assert f"| `{way.method}` | `{way.path}` |" in PAGE
        pattern = API + re.sub(r"\{\w+\}", r"[\\w-]+", way.path) + r"(?:\?\S*)?'?(?:\s|$)"
        sent = [one for one in commands if re.search(pattern, one)]
        assert any(
            (found[1] if (found := re.search(r"-X (\w+)", one)) else "POST" if " -d " in one else "GET")
            == way.method
            for one in sent
        ), f"no example of {way.method} {way.path}"


def test_every_kind_of_fault_is_on_the_page() -> None:
    for kind in KINDS:
        assert f"| `{kind.__name__}` |" in PAGE


def test_terms_of_null_are_no_terms(stage: Stage) -> None:
    made = ask(stage, "POST", "/accounts", json={"terms": None})
    assert made.status_code == 201
    assert ask(stage, "DELETE", f"/accounts/{made.json()['id']}").status_code == 200


def test_the_description_is_valid_and_served(stage: Stage) -> None:
    validator = pytest.importorskip("openapi_spec_validator")
    described = ask(stage, "GET", "/openapi.json").json()
    validator.validate(described)


# Friends only


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "http://localhost"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Host": "evil.example"},
    ],
    ids=str,
)
def test_no_foreign_page_may_call(stage: Stage, account: AccountHandle, headers: dict[str, str]) -> None:
    for way in ROUTES:
        path = way.path.replace("{id}", account.id)
        reply = ask(stage, way.method, path, headers=headers)
        assert reply.status_code == 403, way
        assert "access-control-allow-origin" not in reply.headers
        assert ask(stage, "OPTIONS", path, headers=headers).status_code == 403
    assert account.faults.list() == []


def test_our_own_page_may_call(stage: Stage) -> None:
    headers = {"Origin": stage.url, "Sec-Fetch-Site": "same-origin"}
    assert ask(stage, "GET", "/health", headers=headers).status_code == 200


@pytest.mark.parametrize(
    "sent", ["", "Bearer wrong", "a-token", "Basic a-token", "Bearer a-token ", "Bearer ä"]
)
def test_with_a_token_nobody_calls_without_it(sent: str) -> None:
    with (
        MockServer(Settings(token="a-token"), listen=False) as mock,
        httpx.Client(transport=mock.transport()) as http,
    ):
        headers = {"authorization": sent.encode()} if sent else {}
        refused = http.get(f"{mock.url}{API}/health?token=a-token", headers=cast("Any", headers))
        assert refused.status_code == 401
        assert "a-token" not in refused.text
        assert http.get(f"{mock.url}{API}/health", headers={"authorization": "bearer a-token"}).is_success
        assert mock.account().spend == 0, "the handle brings the token along"


# What is not understood


@pytest.mark.parametrize(
    "body", ["{", "[1]", '"a"', "null", '{"a": NaN}', "[" * 5000, '{"a": "\\ud800"}', b"\xff\xfe{}", "{} {}"]
)
def test_a_body_that_is_no_object_is_told_so(stage: Stage, account: AccountHandle, body: str | bytes) -> None:
    for way in ROUTES:
        if way.method != "GET":
            path = re.sub(r"\{\w+\}", "x", way.path.replace("{id}", account.id))
            reply = ask(stage, way.method, path, content=body)
            assert reply.status_code == 400, way
            assert reply.json()["error"]
    assert ask(stage, "GET", f"/accounts/{account.id}").status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "words", "said"),
    [
        (
            "POST",
            "/accounts",
            {"term": {}},
            "unknown argument 'term', did you mean 'terms'. this call accepts terms, label, keys",
        ),
        ("POST", "/accounts", {"terms": {"balanse": 1}}, "unknown setting 'balanse'"),
        ("POST", "/accounts", {"terms": {"options": {"ideogram.vintige": 1}}}, "ideogram.api_version"),
        ("POST", "/accounts", {"terms": {"options": {"ideogram.api_version": "1999"}}}, "2026-04"),
        ("POST", "/accounts", {"terms": 1}, "terms must be an object"),
        ("POST", "/accounts", {"keys": {"unknown": "x"}}, "no provider 'unknown'"),
        ("POST", "/accounts", {"keys": {"ideogram": ""}}, "ASCII"),
        ("POST", "/accounts", {"keys": []}, "keys must be an object"),
        ("POST", "/accounts", {"label": 1}, "label must be a text"),
        ("PATCH", "/settings", {"time": "soon"}, "real or virtual"),
        ("PATCH", "/settings", {"latency": "soon"}, "latency must be a number"),
        ("POST", "/reset", {"what": ["everything"]}, "calls, clock, faults"),
        (
            "POST",
            "/clock/advance",
            {"weeks": 1},
            "days, hours, minutes, seconds|seconds, minutes, hours, days",
        ),
        ("POST", "/clock/advance", {"hours": "two"}, "hours must be a number"),
        ("POST", "/clock/advance", {"days": 1e12}, "outside the supported range"),
        ("POST", "/clock/set", {"at": "tomorrow"}, "2027-01-31"),
        ("POST", "/clock/set", {}, "Unix seconds"),
        ("POST", "/faults/script", {"script": []}, "at least one fault"),
        ("POST", "/faults/script", {"script": [1]}, "a step of a script must be an object"),
        ("POST", "/faults", {"fault": "Fail", "status": 500, "on": 1}, "on must be a text"),
        ("POST", "/links/renew", {"seconds": "x"}, "seconds must be a number"),
        ("GET", "/calls?provder=x", None, "unknown filter 'provder'"),
        ("GET", "/calls?wait=x", None, "wait must be a number of calls such as 2, got 'x'"),
        ("GET", "/calls?wait=inf", None, "wait must be a number of calls such as 2, got 'inf'"),
        ("GET", "/calls?wait=1e400", None, "number of calls"),
        ("GET", "/calls?wait=nan", None, "number of calls"),
        ("GET", "/calls?wait=-1", None, "number of calls"),
        ("GET", "/calls?wait=1.5", None, "number of calls"),
        ("GET", f"/calls?wait={'9' * 5000}", None, "number of calls"),
        (
            "GET",
            "/calls?wait=1&timeout=nan",
            None,
            "timeout must be a number of seconds, 0 or more, got 'nan'",
        ),
        ("GET", "/calls?wait=1&timeout=-1", None, "number of seconds"),
        ("GET", "/calls?wait=1&timeout=soon", None, "number of seconds"),
        ("POST", "/clock/advance", {"days": 10**400}, "days is too large"),
    ],
)
def test_an_unknown_word_is_told_what_is_known(
    stage: Stage, account: AccountHandle, method: str, path: str, words: object, said: str
) -> None:
    at = path if path == "/accounts" else f"/accounts/{account.id}{path}"
    reply = ask(stage, method, at, json=words)
    assert reply.status_code == 400
    assert re.search(said, reply.json()["error"])


@pytest.mark.parametrize(
    "path",
    ["/nothing", "/accounts/acct_x", "/accounts/{id}/calls/call_99", "/accounts/{id}/calls/call_99/upload"],
)
def test_what_is_not_there_is_a_404_in_json(stage: Stage, account: AccountHandle, path: str) -> None:
    reply = ask(stage, "GET", path.replace("{id}", account.id))
    assert reply.status_code == 404
    assert reply.json()["error"]


def test_a_wrong_method_is_told_the_right_one(stage: Stage) -> None:
    reply = ask(stage, "PUT", "/accounts")
    assert reply.status_code == 405
    assert "POST" in reply.headers["allow"] + reply.json()["error"]


# What is done


def test_keys_are_minted_once_however_many_accounts_are_opened_at_once(stage: Stage) -> None:
    with ThreadPoolExecutor(8) as pool:
        accounts = list(pool.map(lambda _: stage.account(), range(24)))
    keys = {account.api_key(name) for account in accounts for name in ("ideogram", "fal")}
    assert len(keys) == 48
    assert len({account.id for account in accounts}) == 24


def test_a_taken_key_is_refused(stage: Stage) -> None:
    words = {"keys": {"ideogram": "a-key-of-mine"}}
    assert ask(stage, "POST", "/accounts", json=words).status_code == 201
    assert ask(stage, "POST", "/accounts", json=words).status_code == 400


def test_waiting_for_calls_ends_when_they_come_or_time_is_up(stage: Stage, account: AccountHandle) -> None:
    path = f"/accounts/{account.id}/calls?wait=1&timeout="
    assert ask(stage, "GET", path + "0.05").json() == {"calls": [], "enough": False}
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(ask, stage, "GET", path + "5")
        upscale(stage, key=account.api_key("ideogram"))
        assert waiting.result().json()["enough"] is True


def test_of_more_calls_than_may_wait_at_once_the_last_is_refused_and_the_others_are_answered(
    stage: Stage, account: AccountHandle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Waiters, "MOST", 2)
    waiters = stage.mock.app._control._waiters
    path = f"/accounts/{account.id}/calls?wait=1&timeout=60"
    with ThreadPoolExecutor() as pool:
        waiting = [pool.submit(ask, stage, "GET", path) for _ in range(2)]
        assert until(lambda: waiters._count == 2)
        refused = ask(stage, "GET", path)
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
        assert refused.json() == {"error": "2 calls are waiting already; retry later, or without `wait`"}
        assert ask(stage, "GET", path + "&wait=0").status_code == 200, "what need not wait is answered"
        upscale(stage, key=account.api_key("ideogram"))
        assert [one.result().json()["enough"] for one in waiting] == [True, True]
    assert waiters._count == 0


def test_filters_choose_by_fact(stage: Stage, account: AccountHandle) -> None:
    account.faults.add(Fail(503))
    key = account.api_key("ideogram")
    upscale(stage, key=key)
    stage.http.get(upscale(stage, key=key).json()["data"][0]["url"])
    for query, ids in {
        "kind=download": ["call_3"],
        "status=503": ["call_1"],
        "fault=Fail": ["call_1"],
        "operation=*.upscale": ["call_1", "call_2"],
        "rule=unavailable&provider=ideogram": ["call_1"],
        "provider=fal": [],
    }.items():
        calls = ask(stage, "GET", f"/accounts/{account.id}/calls?{query}").json()["calls"]
        assert [call["id"] for call in calls] == ids, query


def test_pictures_of_a_call_are_what_was_sent_and_what_its_link_shows(
    stage: Stage, account: AccountHandle
) -> None:
    sent = picture("JPEG")
    reply = upscale(stage, sent, key=account.api_key("ideogram"))
    assert account.upload("call_1") == sent
    assert account.result("call_1") == stage.http.get(reply.json()["data"][0]["url"]).content
    path = f"/accounts/{account.id}/calls/call_1"
    assert ask(stage, "GET", f"{path}/upload").headers["content-type"] == "image/jpeg"
    assert ask(stage, "GET", f"{path}/results/1").status_code == 404
    account.links.purge()
    assert ask(stage, "GET", f"{path}/results/0").status_code == 404
    account.reset("links")
    assert ask(stage, "GET", f"{path}/upload").status_code == 404


@pytest.mark.torture  # a clock on a busy machine decides nothing: `make torture` on a quiet one
def test_a_fault_and_a_reset_cost_one_control_call_each_of_under_two_milliseconds() -> None:
    with MockServer() as mock, mock.account() as account:
        account.faults.add(Fail(503))
        spent: list[float] = []
        for _ in range(30):
            begun = time.perf_counter()
            account.faults.add(Fail(503))
            account.reset("faults")
            spent.append((time.perf_counter() - begun) / 2)
        assert sorted(spent)[len(spent) // 2] < 0.002


def test_a_reset_of_the_server_forgets_every_account() -> None:
    with MockServer() as mock:
        key = mock.account().api_key("ideogram")
        mock.reset()
        assert mock.client.call("GET", "/accounts")["accounts"] == []
        assert mock.account().api_key("ideogram") == key, "the same seed, the same keys again"


@pytest.mark.parametrize("how", ["server", "account", "delete"])
def test_after_a_reset_the_same_calls_give_out_the_same_links_and_they_are_alive(how: str) -> None:
    """They were 404: a worker took them for those of before the reset (found on 2026-11-21)."""
    with MockServer() as mock:
        links: list[str] = []
        for _ in range(3):
            reply = httpx.post(
                f"{mock.url}/ideogram/upscale",
                headers={"Api-Key": "a-key"},
                files={"image_request": (None, "{}"), "image_file": ("a.png", picture())},
            )
            link = reply.json()["data"][0]["url"]
            assert httpx.get(link).status_code == 200
            links.append(link.partition("?")[0])
            account = mock.client.call("GET", "/accounts")["accounts"][0]["id"]
            match how:
                case "server":
                    mock.reset()
                case "account":
                    mock.client.call("POST", f"/accounts/{account}/reset")
                case _:
                    mock.client.call("DELETE", f"/accounts/{account}")
        assert len(set(links)) == 1


def test_the_settings_shown_hold_no_secret() -> None:
    with MockServer(Settings(token="a-token", keys=("a-key",))) as mock:
        assert "a-token" not in json.dumps(shown := mock.client.call("GET", "/settings"))
        assert "keys" not in shown
