"""Links: signed, expiring by the account's clock, readable from anywhere, each refusal with its own reason."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from functools import partial

import httpx
import pytest
from PIL import Image
from starlette.types import Message, Scope

from fauxscale import (
    CorruptChunk,
    Expire,
    Fault,
    HtmlWith200,
    NullUrl,
    Purge,
    Redirect,
    SameSize,
    Settings,
    Stall,
    Truncate,
    UnsafeImage,
    UrlInsteadOfBase64,
    WrongContentLength,
    WrongFormat,
)
from fauxscale.client import AccountHandle
from fauxscale.dispatch.inline import PiecewiseResponse
from fauxscale.settings import Terms
from tests.calls.aigateway import MODEL
from tests.calls.ideogram import upscale
from tests.pictures import doubled, noise, opened, picture
from tests.stages import Mode, Stage, open_stage

pytestmark = pytest.mark.every_mode


def link(stage: Stage) -> str:
    return str(upscale(stage).json()["data"][0]["url"])


def test_head_tells_what_get_would_send(stage: Stage) -> None:
    url = link(stage)
    got, head = stage.http.get(url), stage.http.head(url)
    assert head.status_code == 200
    assert head.content == b""
    assert head.headers["content-length"] == str(len(got.content))
    assert head.headers["etag"] == got.headers["etag"]


@pytest.mark.parametrize(
    ("header", "status", "first", "last"),
    [
        ("bytes=0-9", 206, 0, 9),
        ("bytes=5-", 206, 5, -1),
        ("bytes=-7", 206, -7, -1),
        ("bytes=0-99999999", 206, 0, -1),
    ],
)
def test_a_range_is_that_part_of_the_picture(
    stage: Stage, header: str, status: int, first: int, last: int
) -> None:
    url = link(stage)
    whole = stage.http.get(url).content
    part = stage.http.get(url, headers={"Range": header})
    assert part.status_code == status
    start = first % len(whole)
    end = last % len(whole)
    assert part.content == whole[start : end + 1]
    assert part.headers["content-range"] == f"bytes {start}-{end}/{len(whole)}"


def test_all_who_read_a_picture_or_a_part_of_it_share_its_bytes(stage: Stage) -> None:
    path = httpx.URL(link(stage)).raw_path
    loop = stage.mock._running().loop
    assert loop is not None

    async def sent(ranged: bytes) -> object:
        """The body of a read, as the app sends it."""
        messages: list[Message] = []
        at, _, query = path.partition(b"?")
        scope: Scope = {"type": "http", "method": "GET", "path": at.decode(), "raw_path": at}
        scope["query_string"], scope["headers"] = query, [(b"host", b"localhost"), (b"range", ranged)]

        async def receive() -> Message:
            return {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            messages.append(message)

        await stage.mock.app(scope, receive, send)
        return messages[-1]["body"]

    whole, *parts = (
        asyncio.run_coroutine_threadsafe(sent(ranged), loop).result()
        for ranged in (b"", b"bytes=1-", b"bytes=0-99")
    )
    assert isinstance(whole, bytes)
    assert all(isinstance(part, memoryview) and part.obj is whole for part in parts)


@pytest.mark.parametrize("header", ["bytes=9-5", "bytes=0-1,3-4", "lines=1-2", "bytes=-", "bytes=x-y"])
def test_a_range_that_says_nothing_usable_gets_everything(stage: Stage, header: str) -> None:
    url = link(stage)
    assert stage.http.get(url, headers={"Range": header}).status_code == 200


@pytest.mark.parametrize("header", ["bytes=99999999-", "bytes=-0"])
def test_a_range_beyond_the_picture_is_416(stage: Stage, header: str) -> None:
    reply = stage.http.get(link(stage), headers={"Range": header})
    assert reply.status_code == 416
    assert reply.headers["content-range"].startswith("bytes */")


def test_a_known_etag_gets_a_304_without_body(stage: Stage) -> None:
    url = link(stage)
    etag = stage.http.get(url).headers["etag"]
    reply = stage.http.get(url, headers={"If-None-Match": etag})
    assert (reply.status_code, reply.content) == (304, b"")
    assert stage.http.get(url, headers={"Range": "bytes=0-1", "If-Range": '"other"'}).status_code == 200


def test_links_are_readable_from_any_web_origin(stage: Stage) -> None:
    url, origin = link(stage), {"Origin": "https://app.example"}
    reply = stage.http.get(url, headers=origin)
    assert reply.headers["access-control-allow-origin"] == "*"
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert reply.headers["cache-control"] == "no-cache", "a cache would serve what has expired"
    refused = stage.http.get(url + "0", headers=origin)
    assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (403, "*")
    asked = stage.http.options(url, headers={**origin, "Access-Control-Request-Method": "GET"})
    assert (asked.status_code, asked.headers["access-control-allow-origin"]) == (204, "*")


def test_a_changed_link_is_forged_whatever_was_changed(stage: Stage) -> None:
    url = link(stage)
    path, _, query = url.partition("?")
    exp = query.partition("&")[0]
    signature = query.partition("sig=")[2]
    last = "1" if signature[-1] == "0" else "0"
    forged = [
        path,
        f"{path}?{exp}",
        f"{path}?sig={signature}",
        f"{path}?sig={signature}&{exp}",
        f"{path}?{exp}&sig={signature[:-1]}{last}",
        f"{path}?{exp}&sig={signature.upper()}",
        f"{path}?{exp}&sig={signature}&x=1",
        f"{path}?{exp}&sig={signature}&",
        f"{path}?exp=0{exp[4:]}&sig={signature}",
        f"{path}?exp={int(exp[4:]) + 1}&sig={signature}",
        f"{path}?{exp}&&sig={signature}",
        f"{path}?exp=%31{exp[5:]}&sig={signature}",
        f"{path}?exp=abc&sig={signature}",
        f"{path}?exp={'9' * 400}&sig={signature}",
    ]
    for one in forged:
        reply = stage.http.get(one)
        assert reply.status_code == 403, one
        assert reply.headers["x-fauxscale-reason"], one
    other = link(stage)
    swapped = stage.http.get(f"{other.partition('?')[0]}?{query}")
    assert swapped.status_code == 403, "a signature belongs to one link"
    assert stage.http.get(url).status_code == 200


def test_an_unknown_link_is_a_404(stage: Stage) -> None:
    url = link(stage)
    unknown = url.replace(url.partition("ephemeral/")[2][:22], "A" * 22)
    assert stage.http.get(unknown).status_code == 404
    respelled = url.replace("/ephemeral/", "/ephe%6deral/")
    assert stage.http.get(respelled).status_code == 404, "one accepted spelling of a path"


def test_a_link_is_dead_from_its_very_second_on(mode: Mode) -> None:
    for stage in open_stage(mode, Settings(terms=Terms(link_ttl=0))):
        reply = stage.http.get(link(stage))
        assert reply.status_code == 403
        assert "expired at exp=" in reply.headers["x-fauxscale-reason"]


def test_the_default_life_is_a_day(stage: Stage) -> None:
    exp = int(link(stage).partition("exp=")[2].partition("&")[0])
    date = stage.http.get(stage.url + "/ideogram/nope").headers["date"]
    from email.utils import parsedate_to_datetime

    assert abs(exp - parsedate_to_datetime(date).timestamp() - 24 * 3600) <= 2


def test_the_same_picture_is_rendered_once_however_many_look(stage: Stage) -> None:
    app = stage.mock.app
    key = stage.account().api_key("ideogram")
    image = picture(width=33, height=21)
    before = app.accounts.renderer.rendered
    urls = [upscale(stage, image, key=key).json()["data"][0]["url"] for _ in range(3)]
    pictures = {stage.http.get(url).content for url in urls}
    assert len(pictures) == 1
    assert app.accounts.renderer.rendered == before + 1


def test_nothing_is_rendered_before_somebody_looks(stage: Stage) -> None:
    app = stage.mock.app
    before = app.accounts.renderer.rendered
    assert upscale(stage, picture(width=35, height=21)).status_code == 200
    assert app.accounts.renderer.rendered == before


def test_head_tells_the_whole_length_whatever_range_it_asks_for(stage: Stage) -> None:
    url = link(stage)
    head = stage.http.head(url, headers={"Range": "bytes=0-4"})
    assert (head.status_code, int(head.headers["content-length"])) == (200, len(stage.http.get(url).content))


def test_links_are_for_pages_of_any_origin_whatever_the_apis_are_for(mode: Mode) -> None:
    for stage in open_stage(mode, Settings(cors=("https://a.example",))):
        asked = {"Origin": "https://b.example", "Access-Control-Request-Method": "GET"}
        before = stage.http.options(link(stage), headers={**asked, "Access-Control-Request-Headers": "range"})
        assert (before.status_code, before.headers["access-control-allow-origin"]) == (204, "*")
        assert stage.http.get(link(stage), headers=asked).headers["access-control-allow-origin"] == "*"
        api = stage.http.options(f"{stage.base_url('ideogram')}/upscale", headers=asked)
        assert "access-control-allow-origin" not in api.headers


def test_an_evicted_rendering_is_made_again(mode: Mode) -> None:
    for stage in open_stage(mode, Settings(rendition_memory=1, upload_memory=1)):
        urls = [link(stage) for _ in range(3)]
        first = [stage.http.get(url).content for url in urls]
        assert [stage.http.get(url).content for url in urls] == first
        assert opened(first[0]).size == (80, 60)


def test_pixels_that_prove_broken_later_answer_422_and_return_the_charge(stage: Stage) -> None:
    # Large PNGs are judged by structure and checksums alone: one with good checksums around bad pixels passes.
    import struct
    import zlib

    big = picture(width=900, height=900)
    at = big.index(b"IDAT")
    (length,) = struct.unpack(">I", big[at - 4 : at])
    pixels = bytearray(big[at : at + 4 + length])
    pixels[length // 2 : length // 2 + 40] = b"\xff" * 40
    broken = big[:at] + pixels + struct.pack(">I", zlib.crc32(pixels)) + big[at + 8 + length :]
    account = stage.account(balance=0.06)
    key = account.api_key("ideogram")
    for _ in range(2):
        account.reset()  # what was paid back before it is no reason to keep the money after it
        url = upscale(stage, broken, key=key).json()["data"][0]["url"]
        for _ in range(2):
            reply = stage.http.get(url)
            assert reply.status_code == 422
            assert reply.headers["x-fauxscale-reason"]
        assert account.ledger.spend == 0
    assert upscale(stage, key=key).status_code == 200, "the money came back"
    assert upscale(stage, key=key).status_code == 402, "and it came back once"


@pytest.mark.parametrize("name", ["coffee.jpg", "chelsea.webp"])
def test_turned_and_transparent_photos_come_back_as_shown(stage: Stage, name: str) -> None:
    from tests.conftest import FIXTURES

    data = (FIXTURES / "images" / name).read_bytes()
    result = opened(stage.http.get(upscale(stage, data).json()["data"][0]["url"]).content)
    expected = doubled(data)
    assert result.size == expected.size
    assert ("A" in result.getbands()) == ("A" in expected.getbands())
    assert isinstance(result, Image.Image)


# A picture inside a reply goes wrong as one behind a link does.


def inline(stage: Stage, account: AccountHandle, provider: str) -> bytes:
    """The bytes of a picture that came inside a reply."""
    photo = f"data:image/png;base64,{base64.b64encode(picture()).decode()}"
    if provider == "fal":
        reply = stage.http.post(
            f"{stage.url}/fal/run/fal-ai/ideogram/upscale",
            json={"image_url": photo, "sync_mode": True},
            headers={"authorization": f"Key {account.api_key('fal')}"},
        )
        return base64.b64decode(reply.json()["images"][0]["url"].partition(",")[2])
    reply = stage.http.post(
        f"{stage.base_url('aigateway')}/images/generations",
        json={"model": MODEL, "prompt": "x", "image": photo, "response_format": "b64_json"},
        headers={"authorization": f"Bearer {account.api_key('aigateway')}"},
    )
    return base64.b64decode(reply.json()["data"][0]["b64_json"])


INLINE = {"aigateway": "aigateway.generations", "fal": "fal.run"}


@pytest.mark.parametrize("provider", INLINE)
def test_a_picture_in_a_reply_can_be_cut_corrupted_or_another_format(stage: Stage, provider: str) -> None:
    account = stage.account()
    whole = inline(stage, account, provider)
    steps: list[Fault] = [Truncate(100), CorruptChunk(), HtmlWith200(), WrongFormat(), SameSize()]
    account.faults.script(steps, on=INLINE[provider])
    cut, corrupt, page, other = (inline(stage, account, provider) for _ in range(4))
    assert cut == whole[:100]
    assert len(corrupt) == len(whole)
    assert corrupt != whole
    assert page.startswith(b"<!doctype html>")
    assert opened(other).format == "JPEG"
    assert opened(inline(stage, account, provider)).size == opened(picture()).size
    assert [call.faults for call in account.calls][1:] == [
        ("Truncate",), ("CorruptChunk",), ("HtmlWith200",), ("WrongFormat",), ("SameSize",)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("fault", "status"), [(Purge(), 404), (Expire(), 403), (Redirect("http://127.0.0.1:1/away"), 302)]
)
def test_what_befalls_a_link_befalls_the_reply_that_holds_the_picture(
    stage: Stage, fault: Fault, status: int
) -> None:
    account = stage.account()
    account.faults.add(fault, on="aigateway.generations")
    reply = stage.http.post(
        f"{stage.base_url('aigateway')}/images/generations",
        json={"model": MODEL, "prompt": "x", "response_format": "b64_json"},
        headers={"authorization": f"Bearer {account.api_key('aigateway')}"},
    )
    assert reply.status_code == status
    assert account.calls[-1].faults == (type(fault).__name__,)


@pytest.mark.parametrize("fault", [Stall(50), WrongContentLength(5)])
def test_a_transfer_can_fail_that_carries_a_picture_in_its_reply(stage: Stage, fault: Fault) -> None:
    account = stage.account()
    account.faults.add(fault, on="aigateway.generations")

    def fail() -> None:
        with pytest.raises((httpx.ReadTimeout, httpx.RemoteProtocolError)):
            stage.http.post(
                f"{stage.base_url('aigateway')}/images/generations",
                json={"model": MODEL, "prompt": "x", "response_format": "b64_json"},
                headers={"authorization": f"Bearer {account.api_key('aigateway')}"},
                timeout=httpx.Timeout(30, read=1),
            )

    fail()
    # On a busy machine a second is over before the transfer has begun; then the fault waits for the next.
    while not (len(account.calls) and account.calls[-1].faults):
        fail()
    assert account.calls[-1].faults == (type(fault).__name__,)


def test_a_fault_that_nothing_acted_on_goes_back_and_is_not_counted(stage: Stage) -> None:
    account = stage.account()
    account.faults.add(UrlInsteadOfBase64(), on="aigateway.generations", times=1)
    send = partial(stage.http.post, f"{stage.base_url('aigateway')}/images/generations")
    headers = {"authorization": f"Bearer {account.api_key('aigateway')}"}
    body = {"model": MODEL, "prompt": "x"}
    send(json=body, headers=headers)  # asks for links: nothing to send one instead of
    assert account.calls[-1].faults == ()
    assert account.faults.list()[0].applied == 0
    reply = send(json=body | {"response_format": "b64_json"}, headers=headers)
    assert stage.http.get(reply.json()["data"][0]["url"]).status_code == 200
    assert account.faults.list()[0].applied == 1


def test_a_link_that_no_reply_gave_out_is_not_listed_and_not_read(stage: Stage) -> None:
    account = stage.account()
    inline(stage, account, "aigateway")
    account.faults.add(UnsafeImage(), on="aigateway.generations")
    stage.http.post(
        f"{stage.base_url('aigateway')}/images/generations",
        json={"model": MODEL, "prompt": "x"},
        headers={"authorization": f"Bearer {account.api_key('aigateway')}"},
    )
    assert account.links.list() == []
    ids = [call.results[0]["link"] for call in account.calls]
    for link_id in ids:
        assert stage.http.get(f"{stage.url}/aigateway/img/{link_id}.png").status_code == 404


def test_a_browser_may_ask_before_it_reads_a_file_that_wants_a_key(stage: Stage) -> None:
    reply = stage.http.options(
        f"{stage.url}/fal/media/files/b/unknown/nothing.png", headers={"origin": "http://page.test"}
    )
    assert reply.status_code == 204
    assert reply.headers["access-control-allow-origin"] == "*"


def large_inline(stage: Stage, account: AccountHandle) -> httpx.Response:
    """Three results of over 2 MB each, as base64 in one reply."""
    return stage.http.post(
        stage.base_url("lumenfall") + "/images/edits",
        data={"model": "ideogram-upscale", "n": "3", "response_format": "b64_json"},
        files={"image": noise()},
        headers={"Authorization": f"Bearer {account.api_key('lumenfall')}"},
    )


def test_large_results_inside_a_reply_are_the_bytes_the_link_would_lead_to(stage: Stage) -> None:
    account = stage.account()
    reply = large_inline(stage, account)
    assert int(reply.headers["content-length"]) == len(reply.content) > 3 * 2_000_000
    found = {base64.b64decode(one["b64_json"]) for one in reply.json()["data"]}
    assert [opened(data).tobytes() for data in found] == [doubled(noise()).tobytes()]
    assert account.calls[0].cost == 3 * 60_000
    assert account.calls[0].reply == reply.text[:4096]


def test_of_large_results_inside_a_reply_no_copy_is_made_in_one_piece(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def joined(_: PiecewiseResponse) -> bytes:
        raise AssertionError("the pieces were joined")

    monkeypatch.setattr(PiecewiseResponse, "body", property(joined))
    assert len(large_inline(stage, stage.account()).json()["data"]) == 3


def test_faults_of_the_reply_and_of_its_pictures_change_large_ones_too(stage: Stage) -> None:
    account = stage.account()
    account.faults.add(NullUrl())
    reply = large_inline(stage, account)
    assert reply.json()["data"][0] == {"b64_json": None}
    account.faults.add(Truncate(1_500_000))
    first, second, third = (
        base64.b64decode(one["b64_json"]) for one in large_inline(stage, account).json()["data"]
    )
    assert sorted(map(len, (first, second, third)))[0] == 1_500_000


def test_a_result_is_hashed_once_however_often_it_is_read(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = upscale(stage, noise(360, 480), key=stage.account().api_key("ideogram")).json()["data"][0]["url"]
    hashed: list[int] = []
    sha256 = hashlib.sha256

    def noting(data: bytes = b"", **options: bool) -> object:
        hashed.append(len(data))
        return sha256(data, **options)

    monkeypatch.setattr(hashlib, "sha256", noting)
    replies = [stage.http.get(url) for _ in range(3)]
    assert {reply.headers["etag"] for reply in replies} == {
        f'"{sha256(replies[0].content).hexdigest()[:32]}"'
    }
    assert hashed.count(len(replies[0].content)) == 1
