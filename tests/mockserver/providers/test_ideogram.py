"""POST /upscale answers as its documentation says, in every mode."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest
from PIL import ImageChops

from fauxscale import Fail, Settings
from fauxscale.settings import Terms
from tests.calls.ideogram import upscale
from tests.pictures import doubled, opened, picture
from tests.stages import Mode, Stage, open_stage

MIB = 1024 * 1024


def refusal(reply: httpx.Response) -> str:
    """The message of a refusal, which every known client must find: as `error` and as `message`."""
    body = reply.json()
    assert set(body) == {"error", "message"}
    assert body["error"] == body["message"]
    return str(body["error"])


def test_the_documented_call_gets_the_documented_body(stage: Stage, photo: bytes) -> None:
    reply = upscale(stage, photo, {"resemblance": 55, "detail": 90, "prompt": "A photo of a cat"})
    assert reply.status_code == 200
    assert reply.headers["content-type"] == "application/json"
    body = reply.json()
    assert set(body) == {"created", "data"}
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\+00:00", body["created"])
    (item,) = body["data"]
    assert set(item) == {
        "prompt", "resolution", "is_image_safe", "seed", "url", "style_type", "upscaled_resolution",
    }  # fmt: skip
    assert item["prompt"] == "A photo of a cat"
    assert (item["resolution"], item["upscaled_resolution"]) == ("512x512", "1024x1024")
    assert item["is_image_safe"] is True
    assert 0 <= item["seed"] < 2**31
    path = r"/ideogram/api/images/ephemeral/[\w-]{22}\.png\?exp=\d{10}&sig=[0-9a-f]{64}"
    assert re.fullmatch(re.escape(stage.url) + path, item["url"])


def test_the_link_leads_to_the_lanczos_double_of_what_was_sent(stage: Stage, photo: bytes) -> None:
    url = upscale(stage, photo).json()["data"][0]["url"]
    first, second = stage.http.get(url), stage.http.get(url)
    assert first.headers["content-type"] == "image/png"
    assert first.content == second.content
    result = opened(first.content)
    assert result.size == (1024, 1024)
    assert ImageChops.difference(result, doubled(photo)).getbbox() is None


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP"])
def test_each_documented_format_is_accepted_by_its_bytes(stage: Stage, format: str) -> None:
    reply = upscale(stage, picture(format))
    assert reply.status_code == 200
    assert reply.json()["data"][0]["upscaled_resolution"] == "80x60"


@pytest.mark.parametrize("kind", [None, "text/plain", "application/json"])
def test_image_request_may_declare_any_type_or_none(stage: Stage, kind: str | None) -> None:
    key = stage.account().api_key("ideogram")
    part = (None, "{}") if kind is None else (None, "{}", kind)
    files: dict[str, Any] = {
        "image_request": part,
        "image_file": ("a", picture(), "application/octet-stream"),
    }
    reply = stage.http.post(f"{stage.url}/upscale", files=files, headers={"Api-Key": key})
    assert reply.status_code == 200


def test_parts_may_come_in_either_order_and_in_chunks(stage: Stage) -> None:
    body = (
        b'--b\r\nContent-Disposition: form-data; name="image_file"; filename="x"\r\n\r\n'
        + picture()
        + b"\r\n"
        b'--b\r\nContent-Disposition: form-data; name="image_request"\r\n\r\n{}\r\n--b--\r\n'
    )
    reply = stage.http.post(
        f"{stage.url}/ideogram/upscale",
        content=(body[at : at + 100] for at in range(0, len(body), 100)),
        headers={"Api-Key": "anything", "Content-Type": "multipart/form-data; boundary=b"},
    )
    assert reply.status_code == 200


def test_n_images_are_n_seeds_and_n_links_and_cost_n_times_six_cents(stage: Stage) -> None:
    account = stage.account(balance=0.18)
    reply = upscale(stage, request={"num_images": 3, "seed": 2**31 - 1}, key=account.api_key("ideogram"))
    items = reply.json()["data"]
    assert [item["seed"] for item in items] == [2**31 - 1, 0, 1]
    assert len({item["url"] for item in items}) == 3
    assert all(stage.http.get(item["url"]).status_code == 200 for item in items)
    broke = upscale(stage, key=account.api_key("ideogram"))
    assert broke.status_code == 402
    assert refusal(broke) == "Insufficient credits."
    assert "$0.06" in broke.headers["x-fauxscale-reason"]


@pytest.mark.parametrize(
    ("request_text", "named"),
    [
        ('{"resemblance": 0}', "image_request.resemblance must be from 1 to 100, got 0"),
        ('{"detail": 101}', "image_request.detail must be from 1 to 100, got 101"),
        ('{"detail": 50.0}', "image_request.detail must be an integer, got a number"),
        ('{"detail": true}', "image_request.detail must be an integer, got a boolean"),
        ('{"detail": "50"}', "image_request.detail must be an integer, got a string"),
        ('{"num_images": 9}', "image_request.num_images must be from 1 to 8, got 9"),
        ('{"seed": -1}', "image_request.seed must be from 0 to 2147483647, got -1"),
        ('{"seed": 2147483648}', "image_request.seed must be from 0 to 2147483647"),
        ('{"prompt": 5}', "image_request.prompt must be a string, got an integer"),
        (
            '{"magic_prompt_option": "MAYBE"}',
            "image_request.magic_prompt_option must be one of AUTO, ON, OFF",
        ),
        ("[]", "image_request must be a JSON object, got an array"),
        ("null", "image_request must be a JSON object, got null"),
    ],
)
def test_a_bad_parameter_is_a_400_that_names_it(stage: Stage, request_text: str, named: str) -> None:
    reply = upscale(stage, request=request_text)
    assert reply.status_code == 400
    assert named in refusal(reply)


@pytest.mark.parametrize("text", ["", "{", "{'a': 1}", "NaN", '{"seed": 1e999}', "[" * 5000, "9" * 5000])
def test_image_request_that_is_no_json_is_a_400_with_the_place(stage: Stage, text: str) -> None:
    reply = upscale(stage, request=text)
    assert reply.status_code == 400
    assert refusal(reply)
    assert reply.headers["x-fauxscale-reason"]


def test_of_duplicate_members_the_last_wins(stage: Stage) -> None:
    assert upscale(stage, request='{"detail": 500, "detail": 50}').status_code == 200
    assert upscale(stage, request='{"detail": 50, "detail": 500}').status_code == 400


def test_a_file_under_another_name_is_refused_with_both_names(stage: Stage) -> None:
    key = stage.account().api_key("ideogram")
    reply = stage.http.post(
        f"{stage.url}/upscale",
        files={"image_request": (None, "{}"), "image": ("a.png", picture())},
        headers={"Api-Key": key},
    )
    assert reply.status_code == 400
    assert refusal(reply) == "image_file is required"
    assert "'image'" in reply.headers["x-fauxscale-reason"]


def test_members_that_nobody_knows_are_ignored(stage: Stage) -> None:
    assert upscale(stage, request={"resemblence": 50, "magic_prompt_version": "V_0"}).status_code == 200


@pytest.mark.parametrize(("width", "height", "told"), [(5, 4, None), (5, 60, "10x120"), (4, 60, None)])
def test_a_size_of_one_digit_a_side_is_told_nowhere(
    stage: Stage, width: int, height: int, told: str | None
) -> None:
    (item,) = upscale(stage, picture(width=width, height=height)).json()["data"]
    assert (item["resolution"], item.get("upscaled_resolution")) == (f"{width}x{height}", told)
    assert opened(stage.http.get(item["url"]).content).size == (2 * width, 2 * height)


def test_a_missing_image_request_is_a_400(stage: Stage) -> None:
    reply = stage.http.post(
        f"{stage.url}/upscale", files={"image_file": ("a.png", picture())}, headers={"Api-Key": "k"}
    )
    assert (reply.status_code, refusal(reply)) == (400, "image_request is required")


def test_json_instead_of_multipart_is_a_400_that_says_so(stage: Stage) -> None:
    reply = stage.http.post(f"{stage.url}/upscale", json={"image_request": {}}, headers={"Api-Key": "k"})
    assert reply.status_code == 400
    assert "multipart/form-data" in reply.headers["x-fauxscale-reason"]


def sized(size: int) -> bytes:
    """A valid PNG of exactly `size` bytes: filled up with a chunk that readers skip."""
    import struct
    import zlib

    plain = picture()
    head, tail = plain[:-12], plain[-12:]
    filling = b"fiLl" + bytes(size - len(plain) - 12)
    return (
        head + struct.pack(">I", len(filling) - 4) + filling + struct.pack(">I", zlib.crc32(filling)) + tail
    )


def test_ten_mib_to_the_byte_is_accepted_and_one_more_is_not(stage: Stage) -> None:
    assert upscale(stage, sized(10 * MIB)).status_code == 200
    reply = upscale(stage, sized(10 * MIB + 1))
    assert reply.status_code == 400
    assert refusal(reply)
    assert "10 MB" in reply.headers["x-fauxscale-reason"]
    assert "image_file" in reply.headers["x-fauxscale-reason"]


def test_the_reason_says_how_far_over_the_limit_a_file_is(stage: Stage) -> None:
    reply = upscale(stage, sized(13_200_000))
    assert "12.6 MB, 2.6 MB over 10 MB" in reply.headers["x-fauxscale-reason"]


def test_api_version_2026_10_takes_25_mib(mode: Mode) -> None:
    for stage in open_stage(mode, Settings(options={"ideogram.api_version": "2026-10"})):
        reply = upscale(stage, sized(10 * MIB + 1), {"magic_prompt_version": "V_0"})
        assert reply.status_code == 200
        assert set(reply.json()) == {"created", "data"}, "a request_id is for calls with a webhook_url"
        assert upscale(stage, sized(25 * MIB + 1)).status_code == 400


def test_no_key_and_a_wrong_key_are_403(stage: Stage) -> None:
    assert upscale(stage, key="").status_code == 403
    reply = upscale(stage, key="an-invalid-key")
    assert reply.status_code == 403
    assert refusal(reply)
    foreign = stage.http.post(
        f"{stage.url}/upscale", files={"image_file": ("a", picture())}, headers={"Authorization": "Bearer k"}
    )
    assert foreign.status_code == 403


def test_only_named_keys_work_when_keys_are_named(mode: Mode) -> None:
    for stage in open_stage(mode, Settings(keys=("first-key", "second"))):
        assert upscale(stage, key="first-key").status_code == 200
        reply = upscale(stage, key="third-unknown-key")
        assert reply.status_code == 403
        assert "third-unknown-key" not in reply.text + str(reply.headers)


def test_safety_refuses_in_the_documented_body_or_answers_without_a_link(stage: Stage) -> None:
    refused = upscale(stage, request={"prompt": "a cat fauxscale:unsafe"})
    assert refused.status_code == 422
    assert refusal(refused) == (
        "Prompt provided failed safety check due to the inclusion of prohibited content."
    )
    quiet = upscale(stage, request={"prompt": "a cat fauxscale:unsafe-200"})
    assert quiet.status_code == 200
    (item,) = quiet.json()["data"]
    assert item["is_image_safe"] is False
    assert item["url"] is None


@pytest.mark.parametrize("status", [400, 402, 403, 422, 429, 500, 503])
def test_a_magic_word_orders_an_error_in_the_providers_envelope(stage: Stage, status: int) -> None:
    account = stage.account(balance=0.06)
    key = account.api_key("ideogram")
    reply = upscale(stage, request={"prompt": f"fauxscale:{status}"}, key=key)
    assert reply.status_code == status
    assert refusal(reply)
    assert upscale(stage, key=key).status_code == 200, "a refusal costs nothing"


def test_the_rate_limit_of_an_account_is_a_429_with_retry_after(stage: Stage) -> None:
    key = stage.account(rate_limit=2).api_key("ideogram")
    assert [upscale(stage, key=key).status_code for _ in range(3)] == [200, 200, 429]
    reply = upscale(stage, key=key)
    assert 1 <= int(reply.headers["retry-after"]) <= 60
    assert upscale(stage).status_code == 200, "another account has a window of its own"


def test_equal_calls_after_a_fresh_start_give_equal_seeds_and_links(mode: Mode) -> None:
    def run() -> list[tuple[int, str]]:
        for stage in open_stage(mode, Settings(seed=7, keys=("k",))):
            items = upscale(stage, key="k", request={"num_images": 2}).json()["data"]
            return [(item["seed"], item["url"].partition("ephemeral/")[2][:22]) for item in items]
        raise AssertionError

    assert run() == run()


def test_bytes_decide_and_the_reason_names_what_they_are(stage: Stage) -> None:
    reply = upscale(stage, picture("GIF"))
    assert reply.status_code == 400
    assert "declared image/png, bytes are GIF" in reply.headers["x-fauxscale-reason"]


def test_a_broken_picture_is_a_400(stage: Stage) -> None:
    for data in (b"", picture()[:-40], b"<svg/>", picture("JPEG")[:-30]):
        assert upscale(stage, data).status_code == 400


def test_a_picture_over_the_pixel_limit_is_refused_from_its_header(mode: Mode) -> None:
    for stage in open_stage(mode, Settings(options={"ideogram.max_pixels": 1000})):
        reply = upscale(stage, picture(width=40, height=30))
        assert reply.status_code == 400
        assert "40" in reply.headers["x-fauxscale-reason"]


def test_unknown_paths_and_methods_get_the_providers_words(stage: Stage) -> None:
    lost = stage.http.post(f"{stage.base_url('ideogram')}/nope")
    assert (lost.status_code, refusal(lost)) == (404, "Not found")
    wrong = stage.http.get(f"{stage.base_url('ideogram')}/upscale")
    assert wrong.status_code == 405
    assert wrong.headers["allow"] == "POST"


def test_what_nobody_outside_knows_can_be_chosen(mode: Mode) -> None:
    options: dict[str, str | int] = {
        "ideogram.unknown_members": "refuse",
        "ideogram.resolution": "final",
        "ideogram.repeated_seed": "same",
        "ideogram.created": "T",
        "ideogram.missing_key_status": 401,
        "ideogram.oversize_status": 413,
        "ideogram.expired_status": 410,
        "ideogram.forged_status": 404,
    }
    for stage in open_stage(mode, Settings(options=options, terms=Terms(link_ttl=0))):
        for member in ("resemblence", "magic_prompt_version"):
            refused = upscale(stage, request={member: "V_0"})
            assert f"image_request.{member} is not a member of image_request" in refusal(refused)
        reply = upscale(stage, request={"seed": 5, "num_images": 2})
        assert reply.status_code == 200
        assert reply.json()["created"][10] == "T"
        assert [one["seed"] for one in reply.json()["data"]] == [5, 5]
        assert [one["resolution"] for one in reply.json()["data"]] == ["80x60", "80x60"]
        assert upscale(stage, key="").status_code == upscale(stage, key="an-invalid-key").status_code == 401
        assert upscale(stage, sized(10 * MIB + 1)).status_code == 413
        url = reply.json()["data"][0]["url"]
        assert stage.http.get(url).status_code == 410
        assert stage.http.get(url + "0").status_code == 404


ORDERED_TEXTS = [
    (402, "Insufficient credits."),
    (404, "Not found"),
    (405, "Method not allowed"),
    (408, "Timed out waiting for the request body"),
    (409, "The request conflicts with another one."),
    (413, "File is too large"),
    (418, "I'm a Teapot"),
    (429, "Too many requests."),
    (499, "The client closed the request."),
    (500, "Internal error."),
    (504, "Gateway timeout."),
]


@pytest.mark.parametrize(("status", "text"), ORDERED_TEXTS)
def test_a_configured_status_reads_like_the_service_s_own(stage: Stage, status: int, text: str) -> None:
    assert refusal(upscale(stage, request={"prompt": f"fauxscale:{status}"})) == text


def test_refusals_that_come_about_read_like_those_configured(stage: Stage) -> None:
    assert refusal(upscale(stage, balance=0)) == "Insufficient credits."
    key = stage.account(rate_limit=0).api_key("ideogram")
    assert refusal(upscale(stage, key=key)) == "Too many requests."
    key = stage.account(in_flight=0).api_key("ideogram")
    assert refusal(upscale(stage, key=key)) == "Too many requests."
    for key in ("", "an-invalid-key"):
        assert refusal(upscale(stage, key=key)) == "Not authorized to use this API."


def test_a_wait_of_weeks_is_asked_for_to_the_second(stage: Stage) -> None:
    account = stage.account()
    for seconds, asked in ((1_234_567, "1234567"), (0.25, "0.25"), (100, "100"), (0, "0")):
        account.faults.add(Fail(429, retry_after=seconds), on="ideogram.upscale")
        assert upscale(stage, key=account.api_key("ideogram")).headers["retry-after"] == asked


def test_magic_prompt_version_is_one_of_nine_in_2026_10(mode: Mode) -> None:
    for stage in open_stage(mode, Settings(options={"ideogram.api_version": "2026-10"})):
        for version in ("V_0", "V_0_1", "V_0_8"):
            assert upscale(stage, request={"magic_prompt_version": version}).status_code == 200
        for version in ("V_1", "V_0_0", "V_0_9", "v_0", ""):
            told = upscale(stage, request={"magic_prompt_version": version}).json()["detail"]
            assert told.startswith(f"{version!r} is not one of ['V_0', 'V_0_1', 'V_0_2', ")
            assert told.endswith(" - 'image_request.magic_prompt_version'")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "it is empty"),
        ("{", "Expecting property name enclosed in double quotes at line 1, column 2"),
        ('{"seed": NaN}', "NaN is not JSON"),
    ],
)
def test_image_request_that_is_no_json_is_named(stage: Stage, text: str, told: str) -> None:
    reply = upscale(stage, request=text)
    assert refusal(reply).startswith(f"image_request is not valid JSON: {told}")
    assert "image_request" in reply.headers["x-fauxscale-reason"]


def test_a_file_just_over_the_limit_is_told_in_bytes(stage: Stage) -> None:
    reason = upscale(stage, sized(10 * MIB + 1)).headers["x-fauxscale-reason"]
    assert re.search(r"the whole body is 10,48\d,\d{3} bytes, \d{3} bytes over 10 MB", reason)
