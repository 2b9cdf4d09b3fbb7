"""Of a link one spelling is answered, and only while it lives; whatever else comes is refused."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from fauxscale import Settings, create_app
from fauxscale.errors import ApiError
from fauxscale.state.signing import Signer, _expiry
from tests.calls.fal import run
from tests.calls.ideogram import upscale
from tests.pictures import picture
from tests.stages import Stage
from tests.torture.harness import Limits
from tests.torture.links import EXPIRIES, MUTATIONS, Links, Mutation, judged, torture
from tests.torture.results import Result

ANSWERED = "changed or dead: answered"


def few(kept: Path, count: int = 1_500) -> Result:
    return torture(1, Limits(count, kept=kept))


def test_no_changed_or_dead_link_is_answered_and_every_living_one_is(tmp_path: Path) -> None:
    """A thousandth of what `make torture` tries."""
    told = few(tmp_path).histogram
    assert set(told) == {"changed or dead: refused", "as given out: answered"}
    assert told["changed or dead: refused"] > 1_000
    assert told["as given out: answered"] > 100


@pytest.mark.parametrize("mutation", dict.fromkeys(MUTATIONS), ids=lambda one: one.__name__)
def test_no_single_change_is_answered(mutation: Mutation) -> None:
    links = Links()

    async def tried() -> int:
        refused = 0
        app = create_app(Settings(token="t" * 20))
        async with links.opened_on(app):
            for seed in range(200):
                dice = random.Random(seed)
                number, way = dice.randrange(len(links.given)), seed % 2
                whole = replace(links.given[number].read(number, way), ahead=-1)
                read = mutation(whole, dice, links.given)
                _, answered = await judged(app, read, links.given[number].exp + read.ahead)
                assert answered == links.expected(read), links.write(read)
                refused += not answered
        return refused

    # Of the headers, half change nothing, and must not: the link is answered as it was given out.
    assert asyncio.run(tried()) > 60


def leave_out(part: str) -> Callable[[Signer, str, bytes, str, float], None]:
    """A judge of links that overlooks something."""
    whole = Signer.verify

    def verify(self: Signer, path: str, query: bytes, owner: str, now: float) -> None:
        if part == "order":
            query = b"&".join(sorted(query.split(b"&")))
        elif part == "case":
            query = query.lower()
        elif part == "signature":
            query = self.query(path, _expiry(query), owner).encode()
        elif part == "tail":
            query = query[: len(query.partition(b"&")[0]) + 69]
        whole(self, path, query, owner, now)

    return verify


@pytest.mark.parametrize("part", ["order", "case", "signature", "tail"])
def test_a_judge_that_overlooks_something_is_found(
    part: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(Signer, "verify", leave_out(part))
    result = few(tmp_path, 800)
    assert ANSWERED in result.histogram
    assert "is answered; reduced to" in str(result.failures)


@pytest.mark.parametrize("exp", EXPIRIES)
def test_a_link_lives_to_the_second_before_its_expiry_in_any_year(stage: Stage, exp: int) -> None:
    account = stage.account(link_ttl=3600)
    account.clock.freeze(exp - 3600)
    url = upscale(stage, key=account.api_key("ideogram")).json()["data"][0]["url"]
    assert f"exp={exp}&" in url
    told: list[int] = []
    for moment in (exp - 1, exp - 0.001, exp, exp + 0.001, exp + 1, exp + 10**9, exp - 1):
        account.clock.freeze(moment)
        told.append(stage.http.head(url).status_code)
    assert told == [200, 200, 403, 403, 403, 403, 200]


def test_the_clock_of_another_account_and_real_time_mean_nothing_to_a_link(stage: Stage) -> None:
    early, late = stage.account(link_ttl=3600), stage.account(link_ttl=3600)
    early.clock.freeze(0)
    late.clock.freeze(2**31)
    urls = [upscale(stage, key=one.api_key("ideogram")).json()["data"][0]["url"] for one in (early, late)]
    assert [stage.http.get(url).status_code for url in urls] == [200, 200]
    early.clock.advance(hours=2)
    assert [stage.http.get(url).status_code for url in urls] == [403, 200]
    late.clock.advance(hours=-2)
    assert [stage.http.get(url).status_code for url in urls] == [403, 200]


def named(stage: Stage, key: str, address: str) -> httpx.Response:
    return run(stage, {"image_url": address}, key=key)


def test_a_link_named_in_image_url_has_one_spelling_too(stage: Stage) -> None:
    account = stage.account()
    account.clock.freeze(1_800_000_000)
    url = upscale(stage, key=account.api_key("ideogram")).json()["data"][0]["url"]
    key, head, sig = account.api_key("fal"), url.partition("?")[0], url.rpartition("sig=")[2]
    exp = int(url.partition("exp=")[2].partition("&")[0])
    assert named(stage, key, url).status_code == 200
    for other in (
        head, f"{head}?sig={sig}&exp={exp}", f"{url}&a=1", f"{url}0", f"{head}?exp={exp + 1}&sig={sig}", url.upper(),
        f"{head}?exp={exp}&sig={sig.upper()}", f"{head}?exp=0{exp}&sig={sig}", url.replace("images", "im\tages"),
        url.replace("sig=", "sig=\n"), url.replace("exp", "e\rxp"), url.replace(".png", "%2Epng"), f"{url}\x00",
        f"ftp:{url.partition(':')[2]}", f"file:{url.partition(':')[2]}", url.replace("/api/", "/api//"),
        url.replace("/ideogram/", "/ideogram/../ideogram/") + "&", f"{head};x=1?exp={exp}&sig={sig}",
    ):  # fmt: skip
        reply = named(stage, key, other)
        assert (reply.status_code, reply.json()["detail"][0]["type"]) == (422, "file_download_error"), other
    for moment, status in ((exp - 1, 200), (exp, 422), (exp + 1, 422)):
        account.clock.freeze(moment)
        assert named(stage, key, url).status_code == status


def test_a_storage_token_and_a_signed_place_have_one_spelling_too(stage: Stage) -> None:
    account = stage.account()
    account.clock.freeze(1_800_000_000)
    key = {"authorization": f"Key {account.api_key('fal')}"}
    rest, media = f"{stage.url}/fal/rest/storage", f"{stage.url}/fal/media/files/upload"
    given = stage.http.post(f"{rest}/auth/token?storage_type=fal-cdn-v3", json={}, headers=key).json()[
        "token"
    ]
    about = {"content_type": "image/png", "file_name": "a.png"}
    place = stage.http.post(f"{rest}/upload/initiate?storage_type=fal-cdn-v3", json=about, headers=key).json()

    def with_token(token: str) -> int:
        headers = {
            "authorization": f"Bearer {token}",
            "content-type": "image/png",
            "x-fal-file-name": "a.png",
        }
        return stage.http.post(media, content=picture(), headers=headers).status_code

    assert with_token(given) == 200
    url = place["upload_url"]
    path, _, query = url.partition("?")
    exp, sig = query.split("&")
    for other in (
        path,
        f"{path}?{sig}&{exp}",
        f"{url}&",
        f"{url}0",
        f"{path}?{query.upper()}",
        f"{path}?{exp}0&{sig}",
    ):
        assert stage.http.put(other, content=picture()).status_code == 403, other
    account.clock.freeze(1_800_003_600)
    assert stage.http.put(url, content=picture()).status_code == 404  # fal's word for what has expired
    assert with_token(given) == 401
    account.clock.freeze(1_800_003_599)
    assert stage.http.put(url, content=picture()).status_code == 200
    assert with_token(given) == 200


def test_an_expiry_before_1970_is_read_as_it_was_signed() -> None:
    signer = Signer(b"secret")
    signer.verify("/a", signer.query("/a", -5, "b").encode(), "b", -6)
    for query in (b"exp=-05&sig=", b"exp=--5&sig=", b"exp=+-5&sig=", b"exp=-5.0&sig=", b"exp=-&sig="):
        with pytest.raises(ApiError):
            signer.verify("/a", query + signer.query("/a", -5, "b").encode()[-64:], "b", -6)
