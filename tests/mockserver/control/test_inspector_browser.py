"""The page in a real browser: by mouse, by keyboard, on a phone, as a screen reader meets it."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Page, expect

from fauxscale import Fail, MockServer, Settings
from fauxscale.control import inspector
from fauxscale.state.journal import Entry
from tests.browsing import DESK, PHONE, browsing
from tests.calls.ideogram import upscale
from tests.pictures import picture
from tests.stages import Stage
from tests.tools import needs

pytestmark = needs("chromium")
MARKUP = "<img src=x onerror=\"document.title='broken in'\">"
PAGE = "/__fauxscale/"
# What is wider than the screen, but for what scrolls in itself.
WIDER = """[...document.querySelectorAll('body *')]
  .filter((one) => one.getBoundingClientRect().right > innerWidth + 1 && !one.closest('pre, .stage, .hidden'))
  .map((one) => one.outerHTML.slice(0, 90))"""


@pytest.fixture
def mock() -> Iterator[MockServer]:
    with MockServer() as mock:
        yield mock


@pytest.fixture
def stage(mock: MockServer) -> Iterator[Stage]:
    with httpx.Client() as http:
        yield Stage("socket", mock, http)


def rows(page: Page) -> list[str]:
    return page.locator(".call b").all_inner_texts()


# A session


def test_from_a_test_picture_to_a_pasted_test(mock: MockServer, stage: Stage, tmp_path: Path) -> None:
    with browsing(mock.url + PAGE) as page:
        # A picture is sent from the page, and its call appears without a reload.
        page.get_by_role("button", name="Send a test picture").click()
        row = page.locator(".call", has_text="ideogram.upscale")
        expect(row).to_contain_text("320×200 → 640×400")
        row.click()
        expect(page.locator("#detail h2")).to_contain_text("ideogram.upscale 200")
        # Before and after, under a seam that follows the slider.
        slider = page.get_by_role("slider")
        slider.focus()
        slider.press("PageUp")
        slider.press("ArrowRight")
        expect(page.locator(".over")).to_have_css("clip-path", "inset(0px 38% 0px 0px)")
        expect(page.locator(".facts")).to_contain_text("exactly 2×")
        page.get_by_role("button", name="Difference").click()
        expect(page.locator(".over")).to_have_css("mix-blend-mode", "difference")
        # A 429 is armed for the next call, and that is in view until it has been met.
        page.get_by_role("link", name="Break the next call like this").click()
        page.get_by_label("retry_after").fill("7")
        page.get_by_role("button", name="Arm", exact=True).click()
        armed = page.get_by_role("region", name="Armed")
        expect(armed).to_contain_text("Fail(status=429, retry_after=7) on ideogram.upscale · next call")
        (account,) = mock.client.call("GET", "/accounts")["accounts"]
        reply = upscale(stage, key="anything")
        assert (reply.status_code, reply.headers["retry-after"]) == (429, "7")
        expect(armed).to_have_count(0)
        expect(page.locator(".call").first).to_contain_text("429")
        # Its link expires by the clock, and lives again when the clock is set back.
        (link,) = mock.client.call("GET", f"/accounts/{account['id']}/links")["links"]
        assert stage.http.get(link["url"]).status_code == 200
        page.get_by_role("button", name="To the next expiry").click()
        expect(armed).to_contain_text("clock +")
        assert stage.http.get(link["url"]).status_code == 403
        armed.get_by_role("button", name="Remove: clock").click()
        expect(armed).to_have_count(0)
        assert stage.http.get(link["url"]).status_code == 200
        page.get_by_role("button", name="Expire", exact=True).click()
        expect(page.locator(".things")).to_contain_text("inactive")
        assert stage.http.get(link["url"]).status_code == 403
        expect(page.locator(".call")).to_have_count(6)
        # The refused call is copied as a test, which passes where it is pasted.
        page.locator(".call", has_text="429").click()
        expect(page.locator(".why")).to_contain_text(
            "The fault Fail(status=429, retry_after=7) was configured"
        )
        page.get_by_role("button", name="Copy", exact=True).click()
        copied = page.evaluate("navigator.clipboard.readText()")
    (tmp_path / "test_copied.py").write_text(copied, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:schemathesis", "-p", "no:cacheprovider", str(tmp_path)],
        cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert "Fail(status=429, retry_after=7)" in copied
    assert "1 passed" in done.stdout, done.stdout


def test_the_wallet_is_emptied_limits_are_set_and_a_job_is_run_to_its_end(
    mock: MockServer, stage: Stage
) -> None:
    account = mock.account(label="mine", options={"fal.run_seconds": 600})
    headers = {"Authorization": f"Key {account.api_key('fal')}"}
    body = {"image_url": "data:image/png;base64," + base64.b64encode(picture()).decode()}
    submitted = stage.http.post(f"{mock.url}/fal/queue/fal-ai/ideogram/upscale", json=body, headers=headers)
    with browsing(f"{mock.url}{PAGE}#/break/{account.id}") as page:
        page.get_by_role("button", name="Finish").click()
        expect(page.locator(".things").last).to_contain_text("done")
        status = stage.http.get(submitted.json()["status_url"], headers=headers)
        assert status.json()["status"] == "COMPLETED"
        page.get_by_role("button", name="Empty the wallet").click()
        expect(page.get_by_role("region", name="Armed")).to_contain_text("balance 0")
        assert upscale(stage, key=account.api_key("ideogram")).status_code == 402
        page.locator("#term-rate_limit").fill("1")
        page.get_by_role("button", name="Set", exact=True).click()
        expect(page.get_by_role("region", name="Armed")).to_contain_text("rate_limit 1")
        assert account.settings()["rate_limit"] == 1
        page.locator("#term-rate_limit").fill("-1")
        page.get_by_role("button", name="Set", exact=True).click()
        assert account.settings()["rate_limit"] == 1, "what cannot be is not sent"
        page.get_by_role("button", name="Remove: rate_limit").click()
        page.get_by_role("button", name="Remove: balance 0").click()
        expect(page.get_by_role("region", name="Armed")).not_to_contain_text(re.compile("balance|rate_limit"))
        assert upscale(stage, key=account.api_key("ideogram")).status_code == 200


def test_every_fault_of_the_description_can_be_chosen_and_what_the_server_refuses_is_said(
    mock: MockServer,
) -> None:
    account = mock.account()
    described = mock.client.call("GET", "/openapi.json")["components"]["schemas"]
    kinds = {one["$ref"].rpartition("/")[2] for one in described["Fault"]["oneOf"]}
    with browsing(f"{mock.url}{PAGE}#/break/{account.id}") as page:
        choice = page.locator("#kind")
        expect(choice).to_be_visible()
        assert set(choice.locator("option").all_inner_texts()) == kinds
        for kind in kinds:
            choice.select_option(kind)
            for member in described[kind]["properties"]:
                if member != "fault":
                    expect(page.locator(f"#arm [name={member}]")).to_have_count(1)
        choice.select_option("Fail")
        page.locator("#fault-status").fill("99")
        page.get_by_role("button", name="Arm", exact=True).click()
        expect(page.get_by_role("alert")).to_contain_text("must be from 400 to 599")
        choice.select_option("ExtraFields")
        page.locator("#arm [name=fields]").fill('{"a": [1]}')
        page.get_by_label("next calls").fill("")
        page.get_by_role("button", name="Arm", exact=True).click()
        expect(page.get_by_role("region", name="Armed")).to_contain_text("every call")
    (rule,) = mock.client.call("GET", f"/accounts/{account.id}/faults")["faults"]
    assert rule["script"] == [{"fault": "ExtraFields", "fields": {"a": [1]}}]
    assert rule["times"] is None


# Finding calls


def test_the_search_understands_conditions_and_keeps_the_columns_when_nothing_matches(
    mock: MockServer, stage: Stage
) -> None:
    account = mock.account(label="my-app")
    key = account.api_key("ideogram")
    account.faults.add(Fail(429), on="ideogram.upscale", after=1)
    link = upscale(stage, key=key).json()["data"][0]["url"]
    upscale(stage, key=key)
    stage.http.get(link)
    stage.http.get(f"{mock.url}/aigateway/v1/models", headers={"Authorization": "Bearer sk-aig-x"})
    with browsing(mock.url + PAGE) as page:
        expect(page.locator(".call")).to_have_count(4)
        search = page.get_by_role("searchbox")
        for words, count in (
            ("status:429", 1),
            ("status:4xx", 1),
            ("provider:aigateway", 1),
            ("size:>300", 3),
            ("account:my-app -kind:download", 2),
            (f"account:{account.id}", 3),
            ("fault:fail", 1),
            ("upscale 200", 1),
        ):
            search.fill(words)
            expect(page.locator(".call"), words).to_have_count(count)
            expect(page.locator("#sum")).to_contain_text(f"{count} of 4 calls")
        search.fill("nothing-like-it")
        expect(page.locator("#none")).to_have_text(re.compile("No call matches"))
        left, right = page.locator("#all").bounding_box(), page.locator("#detail").bounding_box()
        assert left is not None
        assert right is not None
        assert left["width"] > 300, "the column stays"
        assert right["x"] >= left["x"] + left["width"]


def test_ten_thousand_calls_are_as_quick_as_ten() -> None:
    with MockServer(Settings(journal_entries=10_000)) as mock, httpx.Client() as http:
        accounts = [mock.account() for _ in range(10)]

        async def write(count: int) -> None:
            for account in accounts:
                own = await mock.app.accounts.get(account.id)
                assert own is not None
                for _ in range(count):
                    n = await own.number_call()
                    at = 1_800_000_000.0 + n
                    entry = Entry(n=n, id=f"call_{n}", at=at, started=at, ended=at, operation=f"op.{n % 5}")
                    await own.journal.write(entry)

        asyncio.run(write(1_000))
        with browsing(mock.url + PAGE) as page:
            expect(page.locator("#sum")).to_contain_text("of 10000 calls")
            page.get_by_role("searchbox").fill("op.3")
            # All of them are searched, page by page, and only those in view are in the document.
            expect(page.locator("#sum")).to_contain_text("2000 of 10000 calls")
            assert page.locator(".call").count() < 60
            page.get_by_role("searchbox").fill("")
            expect(page.locator("#sum")).to_contain_text(re.compile("(^| )10000 calls"))
            most = page.evaluate(
                """async () => {
                  const list = document.querySelector('#all');
                  let most = 0;
                  for (let i = 0; i < 30; i++) {
                    list.scrollTop += 3000;
                    await new Promise((done) => requestAnimationFrame(done));
                    most = Math.max(most, list.querySelectorAll('.call').length);
                  }
                  return most;
                }"""
            )
            assert 0 < most < 60, "scrolling draws the rows in view"
            upscale(Stage("socket", mock, http), key=accounts[0].api_key("ideogram"))
            expect(page.locator("#sum")).to_contain_text("newest 10000 of 10001 calls")


def test_older_calls_are_read_when_the_list_is_scrolled_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inspector, "MOST_CALLS", 30)
    with MockServer() as mock, httpx.Client() as http:
        for _ in range(70):
            http.post(f"{mock.url}/upscale", headers={"Api-Key": "somebodys-key"})
        with browsing(mock.url + PAGE) as page:
            expect(page.locator("#sum")).to_contain_text("newest 30 of 70 calls")
            for shown in ("newest 60 of 70 calls", re.compile(r"(^| )70 calls")):
                page.evaluate("document.querySelector('#all').scrollTop = 1e6")
                expect(page.locator("#sum")).to_contain_text(shown)


def test_what_is_read_stays_in_place_while_calls_come_in(mock: MockServer, stage: Stage) -> None:
    for _ in range(40):
        stage.http.post(f"{mock.url}/upscale", headers={"Api-Key": "somebodys-key"})
    with browsing(mock.url + PAGE) as page:
        expect(page.locator("#sum")).to_contain_text("40 calls")
        page.evaluate("document.querySelector('#all').scrollTop = 62 * 15")
        expect(page.locator('[data-key$="/25"]')).to_be_in_viewport()
        before = page.locator('[data-key$="/25"]').bounding_box()
        for _ in range(5):
            stage.http.post(f"{mock.url}/upscale", headers={"Api-Key": "somebodys-key"})
        expect(page.locator("#sum")).to_contain_text("45 calls")
        expect(page.locator('[data-key$="/25"]')).to_be_in_viewport()
        assert page.locator('[data-key$="/25"]').bounding_box() == before


def test_a_click_opens_the_row_it_began_on_though_a_call_comes_in_meanwhile(
    mock: MockServer, stage: Stage
) -> None:
    account = mock.account(label="mine")
    for _ in range(2):
        assert upscale(stage, key=account.api_key("ideogram")).status_code == 200
    with browsing(f"{mock.url}{PAGE}#/break/{account.id}") as page:
        page.locator(".call").nth(1).hover()
        page.mouse.down()
        assert upscale(stage, key=account.api_key("ideogram")).status_code == 200
        expect(page.locator("#sum")).to_contain_text("3 calls")
        expect(page.locator(".call")).to_have_count(2)
        page.mouse.up()
        expect(page.locator(".call")).to_have_count(3)
        expect(page).to_have_url(re.compile(f"#/calls/{account.id}/1$"))


def test_cleared_calls_are_gone_from_the_page_and_the_server(mock: MockServer, stage: Stage) -> None:
    upscale(stage, key="one")
    upscale(stage, key="two")
    with browsing(mock.url + PAGE) as page:
        expect(page.locator(".call")).to_have_count(2)
        page.get_by_role("button", name="Clear").click()
        expect(page.get_by_role("heading", name="No calls yet")).to_be_visible()
    for account in mock.client.call("GET", "/accounts")["accounts"]:
        assert mock.client.call("GET", f"/accounts/{account['id']}/calls")["calls"] == []


def test_money_is_summed_up_and_work_that_was_paid_twice_is_marked(mock: MockServer, stage: Stage) -> None:
    account = mock.account(label="payer")
    for image in (picture(), picture(), picture(width=50)):
        upscale(stage, image, key=account.api_key("ideogram"))
    with browsing(f"{mock.url}{PAGE}#/money") as page:
        expect(page.locator("#detail")).to_contain_text(
            "One charge was for work that was already paid for: $0.06."
        )
        expect(page.locator("tr.twice")).to_have_count(1)
        expect(page.locator("tr.twice")).to_contain_text("paid twice: same as call_1")
        expect(page.locator("tr.twice")).to_contain_text("call_2")


def test_a_call_s_address_leads_to_it(mock: MockServer, stage: Stage) -> None:
    account = mock.account()
    for _ in range(3):
        upscale(stage, key=account.api_key("ideogram"))
    with browsing(f"{mock.url}{PAGE}#/calls/{account.id}/2") as page:
        expect(page.locator('[data-key$="/2"]')).to_have_attribute("aria-current", "true")
        expect(page.locator("#detail h2")).to_contain_text("ideogram.upscale 200")
        expect(page.locator(".why")).to_contain_text("paid for more than once")


# By whom, and with what


def test_with_the_keyboard_alone(mock: MockServer, stage: Stage) -> None:
    for number in range(3):
        upscale(stage, key=f"key-{number}")
    with browsing(mock.url + PAGE) as page:
        expect(page.locator(".call")).to_have_count(3)
        expect(page.locator("#detail h2")).to_be_visible()
        chosen = page.locator('.call[aria-current="true"]')
        order = [page.locator(".call").nth(at).get_attribute("data-key") or "" for at in range(3)]
        for key, at in (("j", 1), ("j", 2), ("j", 2), ("k", 1), ("Home", 0), ("End", 2), ("ArrowUp", 1)):
            page.keyboard.press(key)
            expect(chosen).to_have_attribute("data-key", order[at])
            expect(page.locator(":focus")).to_have_attribute("data-key", order[at])
        page.keyboard.press("Enter")
        expect(page.locator("#detail h2:focus")).to_have_count(1)
        page.keyboard.press("Escape")
        expect(page.locator(":focus")).to_have_attribute("data-key", order[1])
        page.keyboard.press("/")
        page.keyboard.type("jk")
        expect(page.get_by_role("searchbox")).to_have_value("jk")
        page.get_by_role("searchbox").fill("")
        page.keyboard.press("Escape")
        page.keyboard.press("?")
        expect(page.get_by_role("dialog")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)
        page.keyboard.press("b")
        expect(page.get_by_role("heading", name="Break it")).to_be_visible()
        # From there on with Tab and Enter: a fault is armed and removed.
        page.locator("#fault-status").press("Enter")
        remove = page.get_by_role("region", name="Armed").get_by_role("button")
        expect(remove).to_have_count(1)
        remove.press("Enter")
        expect(remove).to_have_count(0)


def test_on_a_phone(mock: MockServer, stage: Stage) -> None:
    account = mock.account()
    upscale(stage, key=account.api_key("ideogram"))
    account.faults.add(Fail(503), on="ideogram.upscale", times=3)
    account.clock.advance(hours=2)
    with browsing(mock.url + PAGE, size=PHONE) as page:
        for place in ("#/", f"#/calls/{account.id}/1", f"#/break/{account.id}", "#/money"):
            page.evaluate("(place) => { location.hash = place; }", place)
            expect(page.locator("#all") if place == "#/" else page.locator("#detail h2")).to_be_visible()
            page.wait_for_timeout(200)
            wide = page.evaluate(WIDER)
            assert wide == [], f"at {place} something is wider than the screen"
            high = page.evaluate("document.documentElement.scrollHeight - innerHeight")
            assert high <= 0, f"at {place} the page is higher than the screen"
        page.goto(mock.url + PAGE + "#/")
        page.locator(".call").click()
        expect(page.locator("#all")).to_be_hidden()
        page.get_by_role("link", name="← Calls").click()
        expect(page.locator("#all")).to_be_visible()


def test_in_a_low_window_only_the_panes_scroll(mock: MockServer, stage: Stage) -> None:
    """Headings for screen readers, which are out of sight, made the page longer than its window."""
    account = mock.account()
    upscale(stage, key=account.api_key("ideogram"))
    with browsing(mock.url + PAGE, size={"width": 1280, "height": 420}) as page:
        for place in (f"#/calls/{account.id}/1", f"#/break/{account.id}", "#/money"):
            page.evaluate("(place) => { location.hash = place; }", place)
            expect(page.locator("#detail h2")).to_be_visible()
            if "calls" in place:
                expect(page.locator("#detail caption").first).to_be_attached()
            high = page.evaluate("document.documentElement.scrollHeight - innerHeight")
            assert high <= 0, f"at {place} the page is higher than its window"


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_axe_finds_nothing_serious(mock: MockServer, stage: Stage, size: dict[str, int], dark: bool) -> None:
    account = mock.account()
    upscale(stage, key=account.api_key("ideogram"))
    upscale(stage, b"no picture", key=account.api_key("ideogram"))
    account.faults.add(Fail(503), on="ideogram.upscale")
    found: dict[str, list[str]] = {}
    with MockServer() as empty, browsing(empty.url + PAGE, size=size, dark=dark) as page:  # type: ignore[arg-type]
        expect(page.get_by_role("button", name="Send a test picture")).to_be_visible()
        found["empty"] = serious(page)
        for place in (
            "#/",
            f"#/calls/{account.id}/1",
            f"#/calls/{account.id}/2",
            f"#/break/{account.id}",
            "#/money",
        ):
            page.goto(mock.url + PAGE + place)
            expect(page.locator("#all") if place == "#/" else page.locator("#detail h2")).to_be_visible()
            expect(page.locator("#sum")).to_contain_text("2 calls")
            page.wait_for_timeout(300)
            found[place] = serious(page)
        page.get_by_role("button", name="Keys and search").click()
        found["help"] = serious(page)
    assert not any(found.values()), json.dumps(found, indent=1)


def serious(page: Page) -> list[str]:
    violations = Axe().run(page).response["violations"]
    return [
        f"{one['id']}: {one['help']}: {one['nodes'][0]['html'][:150]}"
        for one in violations
        if one["impact"] in ("serious", "critical")
    ]


# Strangers


def test_what_strangers_send_is_shown_as_text(mock: MockServer, stage: Stage) -> None:
    account = mock.account(label=MARKUP)
    key = account.api_key("ideogram")
    assert upscale(stage, request={"prompt": MARKUP}, key=key, headers={"X-Said": MARKUP}).status_code == 200
    files: dict[str, Any] = {
        "image_request": (None, "{}"),
        f"x{MARKUP}": (MARKUP, picture(), f"image/{MARKUP}"),
    }
    stage.http.post(f"{mock.url}/upscale", files=files, headers={"Api-Key": key})
    stage.http.get(f"{mock.url}/{MARKUP}")
    account.faults.add(Fail(503, message=MARKUP), on="ideogram.upscale")
    with browsing(mock.url + PAGE) as page:
        expect(page.locator(".call")).to_have_count(3)
        own = [f"#/calls/{account.id}/1", f"#/calls/{account.id}/2", f"#/break/{account.id}"]
        for place in (*own, "#/calls/acct_0/1", "#/money", f"#/calls/{MARKUP}/1"):
            page.evaluate("(place) => { location.hash = place; }", place)
            page.wait_for_timeout(400)
            for summary in page.locator("summary").all():
                summary.click()
            assert page.locator("img[src=x]").count() == 0, f"at {place} markup became an element"
            assert page.title() == "fauxscale inspector"
        page.evaluate("(place) => { location.hash = place; }", f"#/calls/{account.id}/1")
        expect(page.locator("#detail td", has_text=MARKUP).first).to_be_attached()


def test_the_page_asks_for_the_token_in_itself() -> None:
    with MockServer(Settings(token="the-token")) as mock:
        with browsing(mock.url + PAGE) as page:
            expect(page.locator("#sum")).to_contain_text("needs the control token")
            page.get_by_label("Control token").fill("wrong")
            page.get_by_role("button", name="Show the calls").click()
            expect(page.locator("#why")).to_contain_text("not the token")
            page.get_by_label("Control token").fill("the-token")
            page.keyboard.press("Enter")
            expect(page.get_by_role("heading", name="No calls yet")).to_be_visible()
            assert "the-token" not in page.url


@pytest.mark.parametrize(
    ("keys", "shown"), [((), "Api-Key: anything"), (("a-named-key",), "Api-Key: $IDEOGRAM_API_KEY")]
)
def test_the_empty_page_shows_a_call_that_the_key_policy_lets_in(keys: tuple[str, ...], shown: str) -> None:
    with MockServer(Settings(keys=keys)) as mock, browsing(mock.url + PAGE) as page:
        expect(page.locator("#snippet")).to_contain_text(shown)
        expect(page.locator("#keys")).to_have_count(len(keys))
        page.get_by_role("button", name="Send a test picture").click()
        expect(page.locator(".call")).to_have_count(1)


def test_a_server_that_is_gone_is_said_and_found_again_when_it_is_back() -> None:
    mock = MockServer()
    mock.start()
    with browsing(mock.url + PAGE) as page:
        expect(page.get_by_role("heading", name="No calls yet")).to_be_visible()
        port = httpx.URL(mock.url).port or 0
        mock.stop()
        expect(page.locator("#sum")).to_contain_text("is not responding")
        with MockServer(port=port) as again, httpx.Client() as http:
            upscale(Stage("socket", again, http), key="my-key")
            expect(page.locator(".call")).to_have_count(1)
