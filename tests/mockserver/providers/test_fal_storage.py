"""fal.ai's storage takes files the three ways its clients send them, and they can be upscaled by address."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tests.calls.fal import MODEL
from tests.local_app import LocalApp, open_local_app
from tests.pictures import opened, picture
from tests.stages import Stage

PNG = picture()
TOKEN = "/fal/rest/storage/auth/token?storage_type=fal-cdn-v3"
UPLOAD = "/fal/media/files/upload"
INITIATE = "/fal/rest/storage/upload/initiate"


@pytest.fixture
def local() -> Any:
    yield from open_local_app()


def key_of(stage: Stage) -> dict[str, str]:
    return {"authorization": f"Key {stage.account().api_key('fal')}"}


def token_of(stage: Stage, headers: Mapping[str, str]) -> dict[str, Any]:
    reply = stage.http.post(stage.url + TOKEN, json={}, headers=dict(headers))
    assert reply.status_code == 200
    token: dict[str, Any] = reply.json()
    return token


def upscaled(stage: Stage, url: str, headers: Mapping[str, str]) -> tuple[int, int]:
    reply = stage.http.post(stage.base_url("fal") + MODEL, json={"image_url": url}, headers=dict(headers))
    return opened(stage.http.get(reply.json()["images"][0]["url"]).content).size


def test_a_token_lets_bytes_be_put_with_one_post(stage: Stage) -> None:
    headers = key_of(stage)
    token = token_of(stage, headers)
    assert set(token) == {"token", "token_type", "base_url", "expires_at"}
    assert token["token_type"] == "Bearer"
    assert token["base_url"] == f"{stage.url}/fal/media"
    sent = {
        "authorization": f"Bearer {token['token']}",
        "content-type": "image/png",
        "x-fal-file-name": "../a b.png",
    }
    url = stage.http.post(stage.url + UPLOAD, content=PNG, headers=sent).json()["access_url"]
    assert url.startswith(f"{stage.url}/fal/media/files/")
    assert url.endswith("_a_b.png")
    got = stage.http.get(url)
    assert (got.content, got.headers["content-type"]) == (PNG, "image/png")
    assert upscaled(stage, url, headers) == (80, 60)


def test_nameless_bytes_are_kept_too(stage: Stage) -> None:
    headers = key_of(stage)
    url = stage.http.post(stage.url + UPLOAD, content=PNG, headers=headers).json()["access_url"]
    assert stage.http.get(url).content == PNG


@pytest.mark.parametrize("kind", ["gcs", "fal-cdn-v3"])
def test_a_place_asked_for_takes_one_put_without_a_key(stage: Stage, kind: str) -> None:
    headers = key_of(stage)
    place = stage.http.post(
        f"{stage.url}{INITIATE}?storage_type={kind}",
        json={"file_name": "cat.png", "content_type": "image/png"},
        headers=headers,
    ).json()
    assert set(place) == {"upload_url", "file_url"}
    assert stage.http.get(place["file_url"]).status_code == 404
    put = stage.http.put(place["upload_url"], content=PNG, headers={"content-type": "image/png"})
    assert put.status_code == 200
    assert upscaled(stage, place["file_url"], headers) == (80, 60)


def test_a_place_takes_nothing_without_its_signature(stage: Stage) -> None:
    body = {"file_name": "cat.png", "content_type": "image/png"}
    place = stage.http.post(stage.url + INITIATE, json=body, headers=key_of(stage)).json()
    for address in (place["file_url"], place["upload_url"][:-1] + "x"):
        assert stage.http.put(address, content=PNG).status_code == 403
    assert stage.http.get(place["file_url"]).status_code == 404


def test_parts_with_a_token_make_one_file(stage: Stage) -> None:
    headers = key_of(stage)
    bearer = {"authorization": f"Bearer {token_of(stage, headers)['token']}"}
    sent = bearer | {"content-type": "image/png", "x-fal-file-name": "big.png"}
    begun = stage.http.post(f"{stage.url}{UPLOAD}/multipart", headers=sent).json()
    base = f"{begun['access_url']}/multipart/{begun['uploadId']}"
    parts: list[dict[str, object]] = []
    # Out of order, one of them twice: parts are sent by several threads, and again after a failure.
    for number, data in ((2, PNG[100:]), (1, b"x"), (1, PNG[:100])):
        reply = stage.http.put(f"{base}/{number}", content=data, headers=bearer)
        parts = [part for part in parts if part["partNumber"] != number]
        parts.append({"partNumber": number, "etag": reply.headers["etag"]})
    done = stage.http.post(f"{base}/complete", json={"parts": parts}, headers=bearer)
    assert done.status_code == 200
    assert stage.http.get(begun["access_url"]).content == PNG


def test_parts_at_a_signed_place_make_one_file(stage: Stage) -> None:
    body = {"file_name": "big.png", "content_type": "image/png"}
    headers = key_of(stage)
    place = stage.http.post(f"{stage.url}{INITIATE}-multipart", json=body, headers=headers).json()
    address, _, query = place["upload_url"].partition("?")
    parts = [
        stage.http.put(f"{address}/{number}?{query}", content=data).json()
        for number, data in ((1, PNG[:100]), (2, PNG[100:]))
    ]
    assert [set(part) for part in parts] == [{"partNumber", "etag"}] * 2
    assert stage.http.put(f"{address}/3", content=b"x").status_code == 403
    assert stage.http.post(f"{address}/complete?{query}", json={"parts": parts}).status_code == 200
    assert upscaled(stage, place["file_url"], headers) == (80, 60)


@pytest.mark.parametrize(
    "parts",
    [None, [], [{"partNumber": 1, "etag": "no"}], [{"partNumber": 9}], ["x"], [{"partNumber": []}], {}],
)
def test_parts_that_were_never_sent_make_no_file(stage: Stage, parts: object) -> None:
    headers = key_of(stage)
    begun = stage.http.post(f"{stage.url}{UPLOAD}/multipart", headers=headers).json()
    base = f"{begun['access_url']}/multipart/{begun['uploadId']}"
    stage.http.put(f"{base}/1", content=PNG, headers=headers)
    reply = stage.http.post(f"{base}/complete", json={"parts": parts}, headers=headers)
    assert (reply.status_code, reply.json()["error_type"]) == (400, "bad_request")
    assert stage.http.get(begun["access_url"]).status_code == 404


def test_a_part_number_out_of_range_is_refused(stage: Stage) -> None:
    headers = key_of(stage)
    begun = stage.http.post(f"{stage.url}{UPLOAD}/multipart", headers=headers).json()
    reply = stage.http.put(f"{begun['access_url']}/multipart/py/0", content=PNG, headers=headers)
    assert reply.status_code == 400


def test_a_place_nobody_asked_for_is_unknown(stage: Stage) -> None:
    reply = stage.http.put(f"{stage.url}/fal/media/files/b/1/none", content=PNG, headers=key_of(stage))
    assert reply.status_code == 404


@pytest.mark.parametrize("token", ["", "Basic abc", "Bearer invalid", "Bearer Y" + "2" * 40 + "invalid"])
def test_without_a_living_token_nothing_is_kept(stage: Stage, token: str) -> None:
    reply = stage.http.post(
        stage.url + UPLOAD, content=PNG, headers={"authorization": token} if token else {}
    )
    assert reply.status_code == 401


def test_a_changed_token_is_refused(stage: Stage) -> None:
    token = token_of(stage, key_of(stage))["token"]
    changed = token[:-2] + ("AA" if token[-2:] != "AA" else "BB")
    reply = stage.http.post(stage.url + UPLOAD, content=PNG, headers={"authorization": f"Bearer {changed}"})
    assert reply.status_code == 401


def test_a_token_dies_after_an_hour_of_the_accounts_clock(local: LocalApp) -> None:
    local.freeze()
    token = local.ask("POST", TOKEN, json={}).json()["token"]
    bearer = {"authorization": f"Bearer {token}"}
    local.advance(3599)
    assert local.ask("POST", UPLOAD, content=PNG, headers=bearer).status_code == 200
    local.advance(1)
    reply = local.ask("POST", UPLOAD, content=PNG, headers=bearer)
    assert reply.status_code == 401
    assert "expired" in reply.headers["x-fauxscale-reason"]


def test_a_file_lives_as_long_as_was_asked(local: LocalApp) -> None:
    local.freeze()
    headers = {"x-fal-object-lifecycle": '{"expiration_duration_seconds": 60}'}
    url = local.ask("POST", UPLOAD, content=PNG, headers=headers).json()["access_url"]
    local.advance(59)
    assert local.ask("GET", url).status_code == 200
    local.advance(1)
    assert local.ask("GET", url).status_code == 404
    refused = local.ask("POST", f"/fal/run{MODEL}", json={"image_url": url})
    assert refused.json()["detail"][0]["type"] == "file_download_error"


def test_a_file_over_the_models_limit_is_refused_when_it_is_used(local: LocalApp) -> None:
    local.terms(max_file=len(PNG) - 1)
    url = local.ask("POST", UPLOAD, content=PNG).json()["access_url"]
    refused = local.ask("POST", f"/fal/run{MODEL}", json={"image_url": url})
    assert refused.json()["detail"][0]["type"] == "file_too_large"


def test_uploads_are_in_the_owners_journal(local: LocalApp) -> None:
    token = local.ask("POST", TOKEN, json={}).json()["token"]
    bearer = {"authorization": f"Bearer {token}"}
    url = local.ask("POST", UPLOAD, content=PNG, headers=bearer).json()["access_url"]
    local.ask("GET", url)
    entries = local.run(local.account.journal.entries())
    assert [entry.operation for entry in entries] == ["fal.token", "fal.upload", "fal.file"]
    assert token not in "".join(entry.to_json().decode() for entry in entries)


def test_purged_files_are_gone(local: LocalApp) -> None:
    url = local.ask("POST", UPLOAD, content=PNG).json()["access_url"]
    local.run(local.account.reset(("links",)))
    assert local.ask("GET", url).status_code == 404


def test_reached_by_real_host_everything_is_on_real_hosts(local: LocalApp) -> None:
    path = TOKEN.removeprefix("/fal/rest")
    assert (
        local.ask("POST", path, json={}, headers={"host": "rest.fal.ai"}).json()["base_url"]
        == "https://v3.fal.media"
    )
    place = local.ask(
        "POST", "/storage/upload/initiate", json={}, headers={"host": "rest.alpha.fal.ai"}
    ).json()
    assert place["upload_url"].startswith("https://v3.fal.media/files/")


def test_a_stored_page_can_do_nothing_on_our_origin(local: LocalApp) -> None:
    headers = {"content-type": "text/html"}
    url = local.ask("POST", UPLOAD, content=b"<script>", headers=headers).json()["access_url"]
    got = local.ask("GET", url)
    assert got.headers["content-security-policy"].startswith("sandbox")
    assert got.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("said", ["", "猫", "a\r\nx: y", "nonsense"])
def test_a_media_type_that_is_none_does_not_come_back_as_one(stage: Stage, said: str) -> None:
    headers = {"Authorization": f"Key {stage.account().api_key('fal')}"}
    ask = {"file_name": "a.png", "content_type": said}
    place = stage.http.post(f"{stage.url}/fal/rest/storage/upload/initiate", json=ask, headers=headers).json()
    assert stage.http.put(place["upload_url"], content=b"x").status_code == 200
    assert stage.http.get(place["file_url"]).headers["content-type"] == "application/octet-stream"


@pytest.mark.parametrize("begin", ["initiate", "initiate-multipart"])
def test_a_place_is_asked_for_in_texts(local: LocalApp, begin: str) -> None:
    ask = {"file_name": 7, "content_type": None}
    refused = local.ask("POST", f"/fal/rest/storage/upload/{begin}", json=ask)
    assert refused.status_code == 422
    assert [(one["loc"], one["type"]) for one in refused.json()["detail"]] == [
        (["body", "file_name"], "string_type"),
        (["body", "content_type"], "string_type"),
    ]
