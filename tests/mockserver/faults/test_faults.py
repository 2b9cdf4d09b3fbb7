"""Faults go wrong as configured, exactly as often as configured, over a socket and without one."""

from __future__ import annotations

import asyncio
import base64
import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, cast

import httpx
import pytest

import fauxscale
from fauxscale import (
    ConnectionReset,
    CorruptChunk,
    Delay,
    EmptyData,
    EmptyResponse,
    Expire,
    ExtraFields,
    Fail,
    Hang,
    HtmlWith200,
    LoseReply,
    MalformedChunk,
    MissingField,
    MockServer,
    NullUrl,
    Ok,
    Purge,
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
from fauxscale.client import AccountHandle, InvalidRequest
from fauxscale.faults import KINDS, Fault, Rule, from_json, magic, to_json
from fauxscale.state.batch import Batch, BatchOutcome
from fauxscale.state.fault_plan import Plan
from fauxscale.state.scope import Scope
from fauxscale.state.store import MemoryStore
from tests.calls.ideogram import upscale
from tests.pictures import doubled, opened, picture
from tests.stages import PATIENCE, Stage

pytestmark = pytest.mark.every_mode

FORM: dict[str, Any] = {"image_request": (None, "{}"), "image_file": ("a", picture())}
EXAMPLES: tuple[Fault, ...] = (
    Fail(429, retry_after=2),
    Delay(0.5, sigma=0.2),
    MissingField("/data/0/url"),
    fauxscale.LateWebhook(60),
    *(
        cast("Any", kind)()
        for kind in KINDS
        if kind not in (Fail, Delay, MissingField, fauxscale.LateWebhook)
    ),
)


@pytest.fixture
def account(stage: Stage) -> Iterator[AccountHandle]:
    with stage.account() as account:
        yield account


def call(
    stage: Stage, account: AccountHandle, image: bytes | None = None, prompt: str = ""
) -> httpx.Response:
    return upscale(stage, image, {"prompt": prompt}, key=account.api_key("ideogram"))


def link(stage: Stage, account: AccountHandle, image: bytes | None = None) -> str:
    return str(call(stage, account, image).json()["data"][0]["url"])


# Words


@pytest.mark.parametrize("fault", EXAMPLES, ids=lambda fault: type(fault).__name__)
def test_a_fault_s_fields_are_its_json(fault: Fault) -> None:
    assert from_json(json.loads(json.dumps(to_json(fault)))) == fault


def test_no_member_of_a_kind_is_a_word_of_rules() -> None:
    for kind in KINDS:
        assert not {"on", "times", "after", "probability"} & set(kind.__struct_fields__)


def test_every_kind_is_a_public_name() -> None:
    declared = Path(fauxscale.__file__).read_text(encoding="utf-8")  # for those who check types
    for kind in KINDS:
        name = kind.__name__
        assert getattr(fauxscale, name) is kind
        assert f"import {name} as {name}\n" in declared


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"fault": "Fial"}, "unknown fault 'Fial', did you mean 'Fail'. choose from .*Fail"),
        ({"fault": "Fail"}, "Fail needs 'status'"),
        ({"fault": "Fail", "status": "429"}, "Fail.status must be a whole number, got '429'"),
        ({"fault": "Fail", "status": True}, "Fail.status must be a whole number"),
        ({"fault": "Fail", "status": 200}, "from 400 to 599, got 200"),
        (
            {"fault": "Fail", "status": 429, "retry": 1},
            "Fail has no 'retry', did you mean 'retry_after'. it has status, retry_after",
        ),
        ({"fault": "Delay", "seconds": -1}, "Delay.seconds must be from 0 to 86,400, got -1"),
        ({"fault": "SlowDrip", "pieces": 0}, "SlowDrip.pieces must be from 1 to 10,000, got 0"),
        ({"fault": "LoseReply", "how": "softly"}, "one of reset, close, hang"),
        ({"fault": "MissingField", "pointer": "data"}, "JSON Pointer"),
        ({"fault": "ExtraFields", "fields": []}, "must be an object"),
        ({"fault": "WrongContentLength", "by": 0}, "other than 0"),
        ({"fault": "Fail", "status": 429, "message": 1}, "a text or null"),
    ],
)
def test_words_that_make_no_fault_are_told_what_would(words: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        from_json(words)


@pytest.mark.parametrize(
    ("word", "fault"),
    [
        ("429", Fail(429)),
        ("reset", ConnectionReset()),
        ("lose.", LoseReply()),
        ("slow=3", Delay(3)),
        ("drip", SlowDrip(5)),
        ("truncate=10", Truncate(10)),
        ("missing=/data/0/seed", MissingField("/data/0/seed")),
        ("html", HtmlWith200()),
        ("999", None),
        ("slow=soon", None),
        ("truncate=inf", None),
        ("missing=x", None),
        ("slow=nan", None),
        ("truncate=-1", None),
        ("nonsense", None),
        ("", None),
    ],
)
def test_a_magic_word_orders_its_fault_and_others_order_nothing(word: str, fault: Fault | None) -> None:
    assert magic(f"a cat fauxscale:{word} in a hat") == fault


# Calls


def test_a_failure_wears_the_provider_s_envelope_and_tells_when_to_come_back(
    stage: Stage, account: AccountHandle
) -> None:
    account.faults.add(Fail(429, retry_after=2), on="ideogram.upscale", times=2)
    replies = [call(stage, account) for _ in range(3)]
    assert [reply.status_code for reply in replies] == [429, 429, 200]
    assert replies[0].headers["retry-after"] == "2"
    assert replies[0].json()["error"] == "Too many requests."
    assert len(account.ledger) == 1


@pytest.mark.parametrize("fault", [EmptyResponse(), MalformedChunk(), LoseReply("close")], ids=repr)
def test_a_closed_connection_is_the_client_s_own_protocol_error(
    stage: Stage, account: AccountHandle, fault: Fault
) -> None:
    account.faults.add(fault)
    with pytest.raises(httpx.RemoteProtocolError):
        call(stage, account)
    assert account.calls.last.status is None
    assert call(stage, account).status_code == 200


def broken(stage: Stage) -> type[Exception]:
    """What a reset is to httpx; Python's ssl module tells a reset from an end no more (3.11, OpenSSL 3)."""
    return httpx.RemoteProtocolError if stage.mode == "tls" else httpx.ReadError


@pytest.mark.parametrize("fault", [ConnectionReset(), LoseReply()], ids=repr)
def test_a_reset_connection_is_the_client_s_own_network_error(
    stage: Stage, account: AccountHandle, fault: Fault
) -> None:
    account.faults.add(fault)
    with pytest.raises(broken(stage)):
        call(stage, account)
    assert account.calls.last.status is None
    assert account.calls.last.faults == (type(fault).__name__,)


def test_a_reset_does_not_wait_for_the_end_of_an_upload() -> None:
    with (
        MockServer() as mock,
        socket.create_connection(("127.0.0.1", int(mock.url.rpartition(":")[2]))) as raw,
    ):
        account = mock.account()
        account.faults.add(ConnectionReset(after_bytes=400))
        head = f"POST /ideogram/upscale HTTP/1.1\r\nHost: localhost\r\nApi-Key: {account.api_key('ideogram')}\r\n"
        raw.sendall(f"{head}Content-Length: 100000\r\n\r\n".encode() + b"x" * 399)
        raw.settimeout(0.2)
        with pytest.raises(TimeoutError):
            raw.recv(1)
        raw.sendall(b"x")
        raw.settimeout(5)
        with pytest.raises(ConnectionResetError):
            raw.recv(1)


def test_a_lost_reply_is_charged_and_a_reset_before_the_work_is_not(
    stage: Stage, account: AccountHandle
) -> None:
    account.faults.script([ConnectionReset(), LoseReply()])
    for spent in (0, 0.06):
        with pytest.raises(httpx.TransportError):
            call(stage, account)
        assert account.spend == spent
    call(stage, account)
    with pytest.raises(AssertionError, match=r"billed 2 times.*call_2 \(\$0.06\), call_3 \(\$0.06\)"):
        account.assert_billed_once()


@pytest.mark.parametrize("fault", [Hang(), LoseReply("hang")], ids=repr)
def test_a_hanging_call_ends_when_its_client_gives_up(
    stage: Stage, account: AccountHandle, fault: Fault
) -> None:
    account.faults.add(fault)
    url, key = f"{stage.base_url('ideogram')}/upscale", account.api_key("ideogram")
    with pytest.raises(httpx.ReadTimeout):
        stage.http.post(url, files=FORM, headers={"Api-Key": key}, timeout=PATIENCE)
    (hung,) = account.calls.wait_for(1)
    assert (hung.status, hung.faults) == (None, (type(fault).__name__,))
    assert call(stage, account).status_code == 200


def test_a_stopping_server_ends_what_hangs_and_says_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    for listen in (True, False):
        mock = MockServer(listen=listen)
        with mock, httpx.Client(transport=None if listen else mock.transport()) as http:
            account = mock.account()
            account.faults.add(Hang(), times=None)
            ask = partial(
                http.post,
                f"{mock.base_url('ideogram')}/upscale",
                headers={"Api-Key": account.api_key("ideogram")},
                content=b"x" * 200_000,
            )
            with ThreadPoolExecutor(3) as pool:
                hanging = [pool.submit(ask) for _ in range(3)]
                while account.faults.list()[0].applied < 3:
                    pass
                mock.stop()
                assert all(one.exception(5) is not None for one in hanging)
    assert capfd.readouterr().err == ""


def test_a_delay_answers_later_and_leaves_room_for_another_fault(
    stage: Stage, account: AccountHandle
) -> None:
    account.faults.add(Delay(0.15))
    account.faults.add(Fail(503))
    assert call(stage, account).status_code == 503
    assert account.calls.last.faults == ("Delay", "Fail")
    assert account.calls.last.seconds >= 0.15


def test_a_lognormal_delay_varies_around_its_median_and_repeats_with_the_seed() -> None:
    def seconds() -> list[float]:
        with MockServer(listen=False) as mock, httpx.Client(transport=mock.transport()) as http:
            account = mock.account()
            account.faults.add(Delay(0.02, sigma=0.8), times=None)
            url, key = mock.base_url("ideogram"), account.api_key("ideogram")
            for _ in range(5):
                http.post(f"{url}/upscale", headers={"Api-Key": key})
            return [one.seconds for one in account.calls]

    first, again = seconds(), seconds()
    assert max(first) > 1.5 * min(first)
    assert again == pytest.approx(first, abs=0.05)


def test_a_slow_drip_sends_everything_little_by_little(stage: Stage, account: AccountHandle) -> None:
    account.faults.add(SlowDrip(0.3, pieces=3))
    key, url = account.api_key("ideogram"), f"{stage.base_url('ideogram')}/upscale"
    with stage.http.stream("POST", url, files=FORM, headers={"Api-Key": key}) as reply:
        pieces = [piece for piece in reply.iter_raw() if piece]
    assert len(pieces) == 3
    assert reply.elapsed.total_seconds() >= 0.25
    assert json.loads(b"".join(pieces))["data"]


# Quiet failures


def test_an_unsafe_picture_is_a_success_without_a_link_or_a_refusal(
    stage: Stage, account: AccountHandle
) -> None:
    account.faults.script([UnsafeImage(), UnsafeImage(refuse=True)])
    (item,) = call(stage, account).json()["data"]
    assert (item["is_image_safe"], item["url"]) == (False, None)
    assert call(stage, account).status_code == 422


def test_what_is_missing_null_or_new_in_a_reply_is_just_that(stage: Stage, account: AccountHandle) -> None:
    usual = call(stage, account).json()
    account.faults.script(
        [EmptyData(), NullUrl(), MissingField("/data/0/seed"), ExtraFields({"later": [1]}, "/data/0")]
    )
    empty, null, missing, extra = (call(stage, account).json() for _ in range(4))
    assert (empty["data"], set(empty)) == ([], set(usual))
    assert null["data"][0]["url"] is None
    assert set(usual["data"][0]) - set(missing["data"][0]) == {"seed"}
    assert extra["data"][0]["later"] == [1]
    assert set(extra["data"][0]) - set(usual["data"][0]) == {"later"}


def test_a_field_that_is_not_there_cannot_be_left_out_and_the_fault_waits(
    stage: Stage, account: AccountHandle
) -> None:
    account.faults.add(MissingField("/data/0/request_id"))
    assert call(stage, account).status_code == 200
    assert account.calls.last.faults == ()
    assert "the reply has nothing at /data/0/request_id" in account.calls.last.reason
    assert account.faults.list()[0].left == 1


def test_a_fault_of_the_reply_waits_for_a_reply_that_succeeds(stage: Stage, account: AccountHandle) -> None:
    account.faults.add(EmptyData())
    assert call(stage, account, b"no picture").status_code == 400
    assert call(stage, account).json()["data"] == []


@pytest.mark.parametrize(("fault", "size"), [(SameSize(), (40, 30)), (Smaller(), (20, 15))], ids=repr)
def test_a_result_of_the_wrong_size_still_says_it_were_twice_as_large(
    stage: Stage, account: AccountHandle, fault: Fault, size: tuple[int, int]
) -> None:
    account.faults.add(fault)
    (item,) = call(stage, account).json()["data"]
    assert item["upscaled_resolution"] == "80x60"
    assert opened(stage.http.get(item["url"]).content).size == size


def test_swapped_results_lead_to_one_another_and_alone_to_a_stranger_s(
    stage: Stage, account: AccountHandle
) -> None:
    account.faults.add(SwappedResults(), times=2)
    small, large = picture(), picture(width=64, height=50)
    first = link(stage, account, small)
    alone = opened(stage.http.get(first).content)
    assert alone.size == (80, 60)
    assert alone.tobytes() != doubled(small).tobytes()
    second = link(stage, account, large)
    assert opened(stage.http.get(first).content).tobytes() == doubled(large).tobytes()
    assert opened(stage.http.get(second).content).tobytes() == doubled(small).tobytes()


def test_a_link_comes_where_bytes_were_asked_for(stage: Stage, account: AccountHandle) -> None:
    account.faults.add(UrlInsteadOfBase64(), on="aigateway")
    url = f"{stage.base_url('aigateway')}/images/generations"
    words = {"model": "ideogram/ideogram-upscale", "prompt": "a cat", "response_format": "b64_json"}
    words["image"] = base64.b64encode(picture()).decode()
    headers = {"Authorization": f"Bearer {account.api_key('aigateway')}"}
    first, second = (stage.http.post(url, json=words, headers=headers).json() for _ in range(2))
    assert set(first["data"][0]) == {"url"}
    assert set(second["data"][0]) == {"b64_json"}


# Downloads


def test_an_expired_link_stays_dead_and_others_live(stage: Stage, account: AccountHandle) -> None:
    first, second = link(stage, account), link(stage, account)
    account.faults.add(Expire(), on="ideogram.upscale")
    assert [stage.http.get(one).status_code for one in (first, first, second)] == [403, 403, 200]


def test_a_purged_picture_stays_gone(stage: Stage, account: AccountHandle) -> None:
    url = link(stage, account)
    account.faults.add(Purge())
    assert [stage.http.get(url).status_code for _ in range(2)] == [404, 404]


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Truncate(100), httpx.RemoteProtocolError),
        (Truncate(100, reset=True), None),
        (Truncate(10**9), httpx.RemoteProtocolError),
        (WrongContentLength(7), httpx.RemoteProtocolError),
        (Stall(100), httpx.ReadTimeout),
    ],
    ids=repr,
)
def test_a_cut_download_is_a_short_read_a_reset_or_silence(
    stage: Stage, account: AccountHandle, fault: Fault, error: type[Exception] | None
) -> None:
    url = link(stage, account)
    account.faults.add(fault)
    got = b""
    with pytest.raises(error or broken(stage)), stage.http.stream("GET", url, timeout=PATIENCE) as reply:
        assert reply.status_code == 200
        for piece in reply.iter_raw():
            got += piece
    whole = stage.http.get(url).content
    assert whole.startswith(got)
    if isinstance(fault, (Truncate, Stall)) and fault != Truncate(10**9):
        assert len(got) == 100


def test_a_picture_that_ends_too_soon_by_a_content_length_that_agrees(
    stage: Stage, account: AccountHandle
) -> None:
    url = link(stage, account)
    account.faults.add(WrongContentLength(-50))
    short, whole = stage.http.get(url), stage.http.get(url)
    assert (short.status_code, short.content) == (200, whole.content[:-50])


def test_a_corrupt_picture_has_the_right_length_and_does_not_open(
    stage: Stage, account: AccountHandle
) -> None:
    url = link(stage, account)
    account.faults.add(CorruptChunk())
    bad, good = stage.http.get(url), stage.http.get(url)
    assert len(bad.content) == len(good.content)
    with pytest.raises((OSError, SyntaxError)):
        opened(bad.content)


def test_a_page_for_people_comes_with_status_200(stage: Stage, account: AccountHandle) -> None:
    url = link(stage, account)
    account.faults.add(HtmlWith200(), on="*.download")
    reply = stage.http.get(url)
    assert (reply.status_code, reply.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert reply.content.startswith(b"<!doctype html>")


@pytest.mark.parametrize("colours", ["RGB", "RGBA"])
def test_another_format_comes_under_the_same_name_and_type(
    stage: Stage, account: AccountHandle, colours: str
) -> None:
    url = link(stage, account, picture(mode=colours))
    account.faults.add(WrongFormat())
    reply = stage.http.get(url)
    assert reply.headers["content-type"] == "image/png"
    assert opened(reply.content).format == "JPEG"


def test_a_fault_of_calls_applies_to_downloads_where_they_are_named(
    stage: Stage, account: AccountHandle
) -> None:
    account.faults.add(Fail(503), on="ideogram.download")
    url = link(stage, account)
    assert [stage.http.get(url).status_code for _ in range(2)] == [503, 200]


def test_a_magic_word_of_downloads_applies_to_every_read_of_that_call_s_link(
    stage: Stage, account: AccountHandle
) -> None:
    spoilt = call(stage, account, prompt="a cat fauxscale:html").json()["data"][0]["url"]
    types = [stage.http.get(url).headers["content-type"] for url in (spoilt, spoilt, link(stage, account))]
    assert types == ["text/html; charset=utf-8", "text/html; charset=utf-8", "image/png"]


@pytest.mark.parametrize("word", ["reset", "empty", "malformed", "lose"])
def test_a_magic_word_cuts_its_own_call(stage: Stage, account: AccountHandle, word: str) -> None:
    with pytest.raises(httpx.TransportError):
        call(stage, account, prompt=f"fauxscale:{word}")
    assert account.spend == (0.06 if word == "lose" else 0)


# The plan


def test_faults_apply_exactly_as_often_as_configured_however_many_call_at_once(
    stage: Stage, account: AccountHandle
) -> None:
    account.faults.add(Fail(503), times=7, after=5)
    account.settings(in_flight=1000)
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda _: call(stage, account).status_code, range(40)))
    assert (replies.count(503), replies.count(200)) == (7, 33)
    assert len([one for one in account.calls if one.faults]) == 7


class Slow(MemoryStore):
    """A store that lets others go first between any two steps, as one on another machine does."""

    async def run(self, batch: Batch) -> BatchOutcome:
        outcome = await super().run(batch)
        await asyncio.sleep(0)
        return outcome


def test_every_step_of_a_script_is_dealt_once_whatever_others_do_meanwhile() -> None:
    async def assign() -> None:
        plan = Plan(Scope(Slow(), "acct_1"), lambda label, number: 0.5)
        steps = tuple(Fail(500 + number) for number in range(10))
        await plan.add(Rule("", steps))
        assigned = await asyncio.gather(*(plan.assign("ideogram.upscale", "api") for _ in range(30)))
        orders = [order for one in assigned for order in one]
        assert sorted(order.step for order in orders) == list(range(10))
        assert {order.fault for order in orders} == set(steps)
        for order in orders[2:4]:
            await plan.give_back(order)
        again = [await plan.assign("ideogram.upscale", "api") for _ in range(3)]
        assert {order.step for one in again for order in one} == {order.step for order in orders[2:4]}

    asyncio.run(assign())


def test_none_apply_after_a_reset_or_once_taken_back(stage: Stage, account: AccountHandle) -> None:
    account.faults.add(Fail(503), times=None)
    account.reset("faults")
    assert call(stage, account).status_code == 200
    kept = account.faults.add(Fail(502))
    account.faults.remove(account.faults.add(Fail(503)))
    assert [one.id for one in account.faults.list()] == [kept]
    account.faults.clear()
    assert account.faults.list() == []
    assert call(stage, account).status_code == 200


def test_a_fault_no_call_took_goes_back_to_the_same_step_of_its_script(
    stage: Stage, account: AccountHandle
) -> None:
    account.faults.script([UnsafeImage(), EmptyData()])
    assert call(stage, account, b"refused before the outcome").status_code == 400
    assert call(stage, account).json()["data"][0]["is_image_safe"] is False
    assert call(stage, account).json()["data"] == []
    assert account.faults.list()[0].left == 0


def test_a_script_s_faults_wait_for_the_leg_they_belong_to(stage: Stage, account: AccountHandle) -> None:
    account.faults.script([Fail(500), Ok(), Truncate(5), Fail(502)])
    assert call(stage, account).status_code == 500
    url = link(stage, account)
    assert call(stage, account).status_code == 200, "the script stands at the download"
    with pytest.raises(httpx.RemoteProtocolError):
        stage.http.get(url)
    assert call(stage, account).status_code == 502


def test_an_exported_run_stages_the_same_run_again(stage: Stage) -> None:
    def run(account: AccountHandle) -> list[int | None]:
        statuses: list[int | None] = []
        for _ in range(3):
            try:
                statuses.append(call(stage, account).status_code)
            except httpx.TransportError:
                statuses.append(None)
        return statuses

    with stage.account(rate_limit=2) as first, stage.account() as second:
        first.faults.script([Ok(), LoseReply()])
        observed = run(first)
        script = first.faults.export()
        assert [type(step).__name__ for step in script] == ["Ok", "LoseReply", "Fail"]
        second.faults.script(script)
        assert run(second) == observed == [200, None, 429]


def test_a_probability_is_diced_by_the_account_s_own_seed(stage: Stage) -> None:
    def run() -> list[int]:
        with MockServer(listen=False) as mock, httpx.Client(transport=mock.transport()) as http:
            account = mock.account()
            account.faults.add(Fail(503), times=None, probability=0.5)
            url, headers = f"{mock.base_url('ideogram')}/upscale", {"Api-Key": account.api_key("ideogram")}
            return [http.post(url, headers=headers).status_code for _ in range(30)]

    first = run()
    assert 5 <= first.count(503) <= 25
    assert run() == first


def test_two_accounts_never_share_a_fault(stage: Stage, account: AccountHandle) -> None:
    account.faults.add(Fail(503), times=None)
    with stage.account() as other:
        assert call(stage, other).status_code == 200


@pytest.mark.parametrize(
    ("order", "said"),
    [
        (
            {"on": "ideogram.upscael"},
            "matches 'ideogram.upscael', did you mean 'ideogram.upscale'. the nearest are ideogram.upscale, "
            "ideogram.[a-z0-9_]+, ideogram.[a-z0-9_]+; GET /__fauxscale/api/providers lists all$",
        ),
        ({"on": "?"}, "matches '.': GET /__fauxscale/api/providers lists all$"),
        ({"on": "fal.upscale"}, "no operation that Fail applies to"),
        ({"times": 0}, "whole number, 1 or more"),
        ({"times": 1.5}, "whole number, 1 or more"),
        ({"after": -1}, "whole number, 0 or more"),
        ({"probability": 2}, "from 0 to 1"),
    ],
)
def test_an_order_no_call_could_meet_is_refused(
    account: AccountHandle, order: dict[str, Any], said: str
) -> None:
    with pytest.raises(InvalidRequest, match=said):
        account.faults.add(Fail(503), **order)
    assert account.faults.list() == []
