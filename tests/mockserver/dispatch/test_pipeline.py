"""What the journal and the accounts hold of calls that end in unusual ways."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator

import httpx
import pytest

from fauxscale import MockServer
from fauxscale.client import AccountHandle
from fauxscale.faults import Delay, Hang
from fauxscale_contracts.contract.bodies import picture_as_text
from tests.calls.ideogram import upscale
from tests.holding import delays_held
from tests.pictures import picture
from tests.stages import MODES, PATIENCE, Mode, Stage, open_stage

pytestmark = pytest.mark.every_mode

PICTURE = {"image_url": picture_as_text(picture(), "image/png")}
KEY = "plain-unknown-key-0123456789-abcdefgh"


@pytest.fixture(params=MODES)
def own(request: pytest.FixtureRequest) -> Iterator[Stage]:
    """A server that may be reset."""
    mode: Mode = request.param
    yield from open_stage(mode)


def test_a_call_whose_client_left_did_not_arrive(stage: Stage) -> None:
    account = stage.account()
    account.faults.add(Hang())
    with pytest.raises(httpx.ReadTimeout):
        stage.http.post(
            f"{stage.base_url('ideogram')}/upscale",
            files={"image_file": ("a.png", b"x")},
            headers={"Api-Key": account.api_key("ideogram")},
            timeout=PATIENCE,
        )
    (call,) = account.calls.wait_for(1)
    assert (call.status, call.arrived, call.ok) == (None, False, False)


def on_its_way(stage: Stage, account: AccountHandle) -> tuple[threading.Thread, list[httpx.Response]]:
    """A call that waits in a delay."""
    account.faults.add(Delay(1))
    replies: list[httpx.Response] = []
    key = account.api_key("ideogram")
    thread = threading.Thread(target=lambda: replies.append(upscale(stage, key=key)))
    thread.start()
    while not account.faults.list()[0].applied:
        pass
    return thread, replies


def test_a_call_on_its_way_when_the_server_is_reset_is_none_of_the_next_account_of_that_name(
    own: Stage,
) -> None:
    with delays_held():
        thread, replies = on_its_way(own, own.account())
        own.mock.reset()
        again = own.account()
    thread.join()
    assert replies[0].status_code == 403
    assert "server reset" in replies[0].headers["x-fauxscale-reason"]
    assert (list(again.calls), again.ledger.spend, list(again.links.list())) == ([], 0, [])


def test_nothing_of_a_call_stays_whose_account_was_closed_on_its_way(own: Stage) -> None:
    account = own.account()
    with delays_held():
        thread, replies = on_its_way(own, account)
        account.delete()
    thread.join()
    assert replies[0].status_code == 403
    assert [key for key in own.stored() if account.id in key] == []


def test_a_stream_left_open_ends_with_its_account_and_charges_no_other(own: Stage) -> None:
    account = own.mock.account(options={"fal.queue_seconds": 600.0})
    headers = {"Authorization": f"Key {account.api_key('fal')}"}
    sent = own.http.post(f"{own.url}/fal/queue/fal-ai/ideogram/upscale", json=PICTURE, headers=headers).json()
    begun = threading.Event()

    def follow() -> None:
        with own.http.stream("GET", f"{sent['status_url']}/stream", headers=headers) as reply:
            for _ in reply.iter_raw():
                begun.set()

    following = threading.Thread(target=follow)
    following.start()
    assert begun.wait(60)
    own.mock.reset()
    again = own.account()
    following.join(60)
    assert not following.is_alive()
    again.clock.advance(seconds=1200)
    assert (again.id, again.ledger.spend, len(again.ledger)) == (account.id, 0, 0)


# Without a socket a body comes whole.
@pytest.mark.parametrize("own", ["socket", "tls"], indirect=True)
def test_a_file_whose_body_comes_after_the_reset_is_not_kept(own: Stage) -> None:
    account = own.account()
    headers = {"Authorization": f"Key {account.api_key('fal')}"}
    ask = {"file_name": "a.png", "content_type": "image/png"}
    place = own.http.post(f"{own.url}/fal/rest/storage/upload/initiate", json=ask, headers=headers).json()
    begun, over = threading.Event(), threading.Event()

    def body() -> Iterator[bytes]:
        yield b"first"
        begun.set()
        over.wait(60)
        yield b"second"

    replies: list[httpx.Response] = []
    thread = threading.Thread(
        target=lambda: replies.append(own.http.put(place["upload_url"], content=body()))
    )
    thread.start()
    begun.wait(60)
    own.mock.reset()
    own.account()
    over.set()
    thread.join()
    assert replies[0].status_code in (401, 403, 404)
    assert own.http.get(place["file_url"]).status_code == 404


@pytest.mark.parametrize("path", ["/{key}", "/ideogram/{key}", "/ideogram/upscale?x={key}", "/fal/{key}/x"])
def test_no_key_shows_in_what_is_remembered_of_a_wrong_address(own: Stage, path: str) -> None:
    own.http.get(own.url + path.format(key=KEY), headers={"Api-Key": KEY, "Authorization": f"Key {KEY}"})
    assert KEY[8:] not in remembered(own.mock)


def test_no_key_shows_where_it_was_put_by_mistake(own: Stage) -> None:
    shaped = "sk-aig-abcdefghijklmnopqrstuvwxyz0123"
    own.http.get(f"{own.url}/zzz/{shaped}")
    own.http.post(
        f"{own.url}/ideogram/upscale",
        data={"image_request": json.dumps({"prompt": KEY, "magic_prompt_option": KEY, "x": {"y": [KEY]}})},
        files={"image_file": (f"{KEY}.png", b"none", "image/png"), KEY: (None, "text")},
        headers={"Api-Key": KEY},
    )
    said = remembered(own.mock)
    assert KEY[:16] not in said
    assert shaped[:16] not in said


def remembered(mock: MockServer) -> str:
    """Everything that the control API tells of calls."""
    accounts = mock.client.call("GET", "/accounts")["accounts"]
    ids = ["acct_0", *(one["id"] for one in accounts)]
    calls = [mock.client.call("GET", f"/accounts/{one}/calls") for one in ids]
    assert any(one["calls"] for one in calls)
    return json.dumps(calls)
