"""Which calls faults apply: `after` and dice count whatever else applies, and what could not apply waits."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from fauxscale import (
    Body,
    ConnectionReset,
    CorruptChunk,
    Delay,
    EmptyData,
    EmptyResponse,
    ExtraFields,
    Fail,
    Hang,
    HtmlWith200,
    LoseReply,
    MockServer,
    Ok,
    Redirect,
    SameSize,
    SlowDrip,
    Smaller,
    Stall,
    SwappedResults,
    Truncate,
    UnsafeImage,
    UrlInsteadOfBase64,
    WrongContentLength,
    WrongFormat,
)
from fauxscale.client import AccountHandle
from fauxscale.faults import Fault
from tests.calls.fal import MODEL, uri
from tests.calls.ideogram import upscale
from tests.pictures import opened, picture
from tests.stages import PATIENCE, Stage


@pytest.fixture
def account(stage: Stage) -> Iterator[AccountHandle]:
    with stage.account() as account:
        yield account


def call(stage: Stage, account: AccountHandle, prompt: str = "") -> httpx.Response:
    return upscale(stage, None, {"prompt": prompt}, key=account.api_key("ideogram"))


def statuses(stage: Stage, account: AccountHandle, count: int) -> list[int]:
    return [call(stage, account).status_code for _ in range(count)]


def link(stage: Stage, account: AccountHandle, prompt: str = "") -> str:
    return str(call(stage, account, prompt).json()["data"][0]["url"])


def left(account: AccountHandle) -> list[int | None]:
    return [rule.left for rule in account.faults.list()]


# Rules beside one another


def test_the_calls_that_after_spares_are_counted_while_another_fault_strikes(
    stage: Stage, account: AccountHandle
) -> None:
    account.faults.add(Fail(429))
    account.faults.add(Fail(500), after=1)
    assert statuses(stage, account, 4) == [429, 500, 200, 200]


def test_a_counted_fault_moves_none_that_is_diced() -> None:
    def run(*counted: Fault) -> list[int]:
        with MockServer(listen=False) as mock, httpx.Client(transport=mock.transport()) as http:
            account = mock.account()
            for fault in counted:
                account.faults.add(fault, times=3)
            account.faults.add(Fail(503), times=None, probability=0.5)
            url, headers = f"{mock.base_url('ideogram')}/upscale", {"Api-Key": account.api_key("ideogram")}
            return [http.post(url, headers=headers).status_code for _ in range(20)]

    alone, beside = run(), run(Fail(500))
    assert beside == [500] * 3 + alone[3:]


@pytest.mark.parametrize("faults", [(Fail(503), Delay(0.2)), (Delay(0.2), Fail(503))], ids=str)
def test_a_delay_applies_to_the_call_that_fails_whichever_was_configured_first(
    stage: Stage, account: AccountHandle, faults: tuple[Fault, ...]
) -> None:
    for fault in faults:
        account.faults.add(fault)
    assert statuses(stage, account, 2) == [503, 200]
    first, second = account.calls
    assert first.faults == ("Delay", "Fail")
    assert first.seconds >= 0.2
    assert second.faults == ()
    assert left(account) == [0, 0]


@pytest.mark.parametrize(
    "faults", [(Body({"a": 1}), ExtraFields({"b": 2})), (ExtraFields({"b": 2}), Body({"a": 1}))], ids=str
)
def test_what_changes_a_reply_applies_to_the_one_that_replaces_it(
    stage: Stage, account: AccountHandle, faults: tuple[Fault, ...]
) -> None:
    for fault in faults:
        account.faults.add(fault)
    assert call(stage, account).json() == {"a": 1, "b": 2}


def test_two_faults_that_do_not_combine_never_share_a_call(stage: Stage, account: AccountHandle) -> None:
    account.faults.add(EmptyData())
    account.faults.script([Body({"a": 1}), Delay(0)])
    assert [call(stage, account).json() == {"a": 1} for _ in range(3)] == [False, True, False]
    assert [one.faults for one in account.calls] == [("EmptyData",), ("Body",), ("Delay",)]


@pytest.mark.parametrize("ended", [LoseReply("close"), EmptyResponse()], ids=repr)
def test_a_reply_that_is_cut_is_not_sent_slowly_instead(
    stage: Stage, account: AccountHandle, ended: Fault
) -> None:
    account.faults.add(SlowDrip(0.01))
    account.faults.add(ended)
    with pytest.raises(httpx.TransportError):
        call(stage, account)
    assert account.calls.last.faults == (type(ended).__name__,)
    assert left(account) == [1, 0]


# What could not apply to its call


def test_a_link_instead_of_bytes_waits_for_a_call_that_asks_for_bytes(
    stage: Stage, account: AccountHandle
) -> None:
    account.faults.add(UrlInsteadOfBase64(), on="aigateway")
    url = f"{stage.base_url('aigateway')}/images/generations"
    headers = {"Authorization": f"Bearer {account.api_key('aigateway')}"}
    words = {"model": "ideogram/ideogram-upscale", "prompt": "a cat"}
    words["image"] = base64.b64encode(picture()).decode()
    seen = [
        set(stage.http.post(url, json=words | {"response_format": form}, headers=headers).json()["data"][0])
        for form in ("url", "b64_json", "b64_json")
    ]
    assert seen == [{"url"}, {"url"}, {"b64_json"}]
    assert [one.faults for one in account.calls] == [(), ("UrlInsteadOfBase64",), ()]


def test_a_link_instead_of_a_data_uri_waits_for_a_call_in_sync_mode(
    stage: Stage, account: AccountHandle
) -> None:
    account.faults.add(UrlInsteadOfBase64(), on="fal.run")
    headers = {"Authorization": f"Key {account.api_key('fal')}"}
    seen = [
        stage.http.post(
            stage.base_url("fal") + MODEL, json={"image_url": uri(picture()), "sync_mode": sync}, headers=headers
        ).json()["images"][0]["url"][:5]
        for sync in (False, True, True)
    ]  # fmt: skip
    assert seen[0] == seen[1] != "data:"
    assert seen[2] == "data:"
    assert [one.faults for one in account.calls] == [(), ("UrlInsteadOfBase64",), ()]


@pytest.mark.parametrize("fault", [SameSize(), Smaller(), SwappedResults(), UnsafeImage()], ids=repr)
def test_an_outcome_waits_for_work_that_is_done(stage: Stage, fault: Fault) -> None:
    with stage.account(balance=0.05) as account:
        account.faults.add(fault)
        assert call(stage, account).status_code == 402
        assert left(account) == [1]
        account.settings(balance=1)
        assert call(stage, account).status_code == 200
        assert [one.faults for one in account.calls] == [(), (type(fault).__name__,)]


def test_a_refusal_as_unsafe_applies_although_no_work_is_done(stage: Stage) -> None:
    with stage.account(balance=0) as account:
        account.faults.add(UnsafeImage(refuse=True))
        assert statuses(stage, account, 2) == [422, 402]
        assert account.calls[0].faults == ("UnsafeImage",)


def edit(stage: Stage, account: AccountHandle, query: str = "") -> httpx.Response:
    form: Any = {"model": (None, "ideogram-upscale"), "prompt": (None, "x"), "image": ("a.png", picture())}
    headers = {"Authorization": f"Bearer {account.api_key('lumenfall')}"}
    url = f"{stage.base_url('lumenfall')}/images/edits{query}"
    return stage.http.post(url, files=form, headers=headers)


def test_an_outcome_waits_out_an_estimate_and_a_failure_upstream(
    stage: Stage, account: AccountHandle
) -> None:
    account.faults.add(SameSize(), on="lumenfall.edits")
    account.faults.add(Fail(500), on="fal.run")
    assert edit(stage, account, "?dryRun=true").status_code == 200
    assert edit(stage, account).status_code == 502
    done = edit(stage, account).json()["data"][0]["url"]
    assert [one.faults for one in account.calls] == [(), ("Fail",), ("SameSize",)]
    assert opened(stage.http.get(done).content).size == (40, 30)


def test_an_unsafe_verdict_of_the_upstream_is_no_fault_given_back(
    stage: Stage, account: AccountHandle
) -> None:
    account.faults.add(UnsafeImage(), on="fal.run")
    assert edit(stage, account).status_code >= 400
    assert edit(stage, account).status_code == 200
    assert account.calls[0].faults == ("UnsafeImage",)


def test_a_fault_that_would_change_nothing_waits(stage: Stage, account: AccountHandle) -> None:
    account.faults.add(ExtraFields({"data": [], "created": 0}))
    assert call(stage, account).json()["data"]
    assert account.calls.last.faults == ()
    assert "it changes nothing in this reply" in account.calls.last.reason
    assert left(account) == [1]


# Reads without a body

OF_THE_BODY = (
    Truncate(5),
    Stall(5),
    CorruptChunk(),
    HtmlWith200(),
    WrongFormat(),
    WrongContentLength(-3),
    LoseReply("close"),
)


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS"])
@pytest.mark.parametrize("fault", OF_THE_BODY, ids=repr)
def test_a_fault_of_the_picture_waits_for_a_read_that_gets_one(
    stage: Stage, account: AccountHandle, fault: Fault, method: str
) -> None:
    url = link(stage, account)
    whole = stage.http.get(url)
    account.faults.add(fault, on="ideogram.download")
    for _ in range(2):
        reply = stage.http.request(method, url)
        assert reply.is_success
        assert reply.headers.get("content-type", "image/png") == "image/png"
    assert left(account) == [1]
    assert account.calls.downloads[-1].faults == ()
    try:
        assert stage.http.get(url, timeout=PATIENCE).content != whole.content
    except httpx.TransportError:
        pass
    assert left(account) == [0]
    assert stage.http.get(url).content == whole.content


@pytest.mark.parametrize("word", ["html", "truncate=5", "wrong-format", "corrupt"])
def test_a_magic_word_spoils_no_head_of_the_link_it_is_for(
    stage: Stage, account: AccountHandle, word: str
) -> None:
    url = link(stage, account, f"fauxscale:{word}")
    assert stage.http.head(url).headers["content-type"] == "image/png"
    assert account.calls.downloads[-1].faults == ()


def test_a_head_is_none_of_the_reads_that_after_spares(stage: Stage, account: AccountHandle) -> None:
    url = link(stage, account)
    account.faults.add(HtmlWith200(), after=1)
    stage.http.head(url)
    types = [stage.http.get(url).headers["content-type"] for _ in range(3)]
    assert types == ["image/png", "text/html; charset=utf-8", "image/png"]


def test_a_redirect_applies_to_a_head_and_not_a_browser_s_question(
    stage: Stage, account: AccountHandle
) -> None:
    url = link(stage, account)
    account.faults.add(Redirect("https://media.invalid/"))
    seen = [stage.http.request(method, url).status_code for method in ("OPTIONS", "HEAD", "GET")]
    assert seen == [204, 302, 200]


@pytest.mark.parametrize(
    "fault", [Fail(503, download=True), Hang(download=True), ConnectionReset(download=True)]
)
def test_a_browser_s_question_uses_up_no_fault_of_a_read(
    stage: Stage, account: AccountHandle, fault: Fault
) -> None:
    url = link(stage, account)
    account.faults.add(fault)
    assert stage.http.options(url).status_code == 204
    assert left(account) == [1]


def test_a_fault_of_results_is_none_of_files_that_were_put_here(stage: Stage, account: AccountHandle) -> None:
    key = {"Authorization": f"Key {account.api_key('fal')}"}
    put = stage.http.post(f"{stage.url}/fal/media/files/upload", content=b"a file", headers=key).json()
    account.faults.add(Redirect("https://media.invalid/"), on="fal")
    assert stage.http.get(put["access_url"]).content == b"a file"
    assert account.calls.downloads[-1].faults == ()
    assert left(account) == [1]


# Scripts


def test_a_script_goes_on_where_it_stopped_when_a_step_is_given_back(
    stage: Stage, account: AccountHandle
) -> None:
    url = link(stage, account)
    account.faults.script([EmptyData(), HtmlWith200(), Fail(503)])
    assert upscale(stage, b"no picture", key=account.api_key("ideogram")).status_code == 400
    assert stage.http.get(url).headers["content-type"] == "image/png", "the script stands at the call"
    assert call(stage, account).json()["data"] == []
    assert stage.http.get(url).headers["content-type"].startswith("text/html")
    assert call(stage, account).status_code == 503


def test_a_step_for_reads_is_none_for_calls_and_the_other_way_round(
    stage: Stage, account: AccountHandle
) -> None:
    account.faults.script([Ok(), Ok(download=True), Fail(503, download=True), Fail(500)], on="ideogram")
    url = link(stage, account)
    assert call(stage, account).status_code == 200, "the script stands at the read"
    assert [stage.http.get(url).status_code for _ in range(3)] == [200, 503, 200]
    assert statuses(stage, account, 2) == [500, 200]
