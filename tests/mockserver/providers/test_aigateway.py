"""AIgateway answers as its pages say: generations, edits, models, wallet, four error catalogues."""

from __future__ import annotations

import base64
import re
from typing import Any

import httpx
import pytest
from PIL import ImageChops

from fauxscale import Fail
from tests.calls.aigateway import MODEL
from tests.pictures import doubled, opened, picture
from tests.stages import Stage

DOCUMENTED = {"model": MODEL, "prompt": "A cyberpunk cat at sunset, cinematic lighting", "size": "64x48"}


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"} if key else {}


def generate(
    stage: Stage, *, key: str | None = None, headers: dict[str, str] | None = None, **members: object
) -> httpx.Response:
    """One JSON call with an account of its own, unless a key is given; a member of None is left out."""
    key = stage.account().api_key("aigateway") if key is None else key
    body = {name: value for name, value in {**DOCUMENTED, **members}.items() if value is not None}
    return stage.http.post(
        f"{stage.base_url('aigateway')}/images/generations", json=body, headers=bearer(key) | (headers or {})
    )


def edit(
    stage: Stage, image: bytes, *, part: str = "image", key: str | None = None, **texts: str
) -> httpx.Response:
    key = stage.account().api_key("aigateway") if key is None else key
    return stage.http.post(
        f"{stage.base_url('aigateway')}/images/edits",
        data={"model": MODEL, "prompt": "sharper"} | texts,
        files={part: ("unknown_file", image, "application/octet-stream")},
        headers=bearer(key),
    )


def get(stage: Stage, path: str, key: str | None = None) -> httpx.Response:
    key = stage.account().api_key("aigateway") if key is None else key
    return stage.http.get(stage.base_url("aigateway") + path, headers=bearer(key))


def result(stage: Stage, reply: httpx.Response) -> bytes:
    assert reply.status_code == 200, reply.text
    got = stage.http.get(reply.json()["data"][0]["url"])
    assert got.status_code == 200
    return got.content


def refused(reply: httpx.Response, status: int, kind: str, param: str | None = None) -> str:
    """The message of a refusal in the documented envelope."""
    assert reply.status_code == status, reply.text
    error = reply.json()["error"]
    assert set(error) == {"message", "type", "code", "param"}
    assert (error["type"], error["code"], error["param"]) == (kind, status, param)
    assert error["message"]
    assert reply.headers["x-fauxscale-reason"]
    return str(error["message"])


def test_the_documented_call_gets_the_documented_body(stage: Stage) -> None:
    reply = generate(stage, n=1, response_format="url", quality="hd", style="vivid")
    assert set(reply.json()) == {"created", "data"}
    assert isinstance(reply.json()["created"], int)
    (item,) = reply.json()["data"]
    path = r"/aigateway/img/[\w-]{22}\.png\?exp=\d{10}&sig=[0-9a-f]{64}"
    assert re.fullmatch(re.escape(stage.url) + path, item["url"])
    assert reply.headers["x-cost-cents"] == "6"


def test_without_a_picture_the_prompt_is_drawn_and_the_result_has_the_asked_size(stage: Stage) -> None:
    first, again = result(stage, generate(stage)), result(stage, generate(stage))
    assert opened(first).size == (64, 48)
    assert first == again
    assert result(stage, generate(stage, prompt="a dog")) != first
    assert opened(result(stage, generate(stage, size="65x49"))).size == (65, 49)
    assert opened(result(stage, generate(stage, size=None))).size == (1024, 1024)


@pytest.mark.parametrize("member", ["image", "image_url"])
@pytest.mark.parametrize("form", ["data URI", "base64", "list"])
def test_a_picture_named_in_the_json_is_doubled(stage: Stage, member: str, form: str) -> None:
    packed = base64.b64encode(picture("JPEG")).decode()
    uri = f"data:image/jpeg;base64,{packed}"
    members: dict[str, Any] = {member: {"data URI": uri, "base64": packed, "list": [uri]}[form]}
    data = result(stage, generate(stage, **members))
    assert ImageChops.difference(opened(data), doubled(picture("JPEG"))).getbbox() is None


def test_a_link_of_this_server_can_be_doubled_again(stage: Stage) -> None:
    first = edit(stage, picture()).json()["data"][0]["url"]
    assert opened(result(stage, generate(stage, image_url=first))).size == (160, 120)


def test_no_other_address_is_ever_read(stage: Stage) -> None:
    dead = edit(stage, picture(), key=stage.account(link_ttl=0).api_key("aigateway")).json()["data"][0]["url"]
    living = edit(stage, picture()).json()["data"][0]["url"]
    moved = living.replace("/img/", "/other/")
    for address in ("https://example.com/cat.png", "http://[::1", dead, moved, living.partition("&sig")[0]):
        reply = generate(stage, image_url=address)
        refused(reply, 400, "invalid_request_error", "image_url")
        assert "image_url names no picture that can be had" in reply.headers["x-fauxscale-reason"]


@pytest.mark.parametrize("part", ["image", "image[]"])
def test_an_uploaded_picture_is_doubled_under_either_name(stage: Stage, photo: bytes, part: str) -> None:
    data = result(stage, edit(stage, photo, part=part, n="1", size="256x256"))
    assert ImageChops.difference(opened(data), doubled(photo)).getbbox() is None


def test_an_edit_may_name_its_picture_in_json(stage: Stage) -> None:
    key = stage.account().api_key("aigateway")
    uri = f"data:image/png;base64,{base64.b64encode(picture()).decode()}"
    url = f"{stage.base_url('aigateway')}/images/edits"
    reply = stage.http.post(url, json={"model": MODEL, "prompt": "x", "image_url": uri}, headers=bearer(key))
    assert opened(result(stage, reply)).size == (80, 60)
    reply = stage.http.post(url, json={"model": MODEL, "prompt": "x"}, headers=bearer(key))
    refused(reply, 400, "invalid_request_error", "image_url")


def test_b64_json_holds_the_bytes_the_link_would(stage: Stage) -> None:
    key = stage.account().api_key("aigateway")
    packed = generate(stage, key=key, response_format="b64_json").json()["data"][0]
    assert set(packed) == {"b64_json"}
    assert base64.b64decode(packed["b64_json"]) == result(stage, generate(stage, key=key))


def test_n_results_are_n_links_and_n_prices(stage: Stage) -> None:
    key = stage.account(balance=1).api_key("aigateway")
    reply = generate(stage, key=key, n=3)
    assert len({item["url"] for item in reply.json()["data"]}) == 3
    assert reply.headers["x-cost-cents"] == "18"
    assert get(stage, "/balance", key).json()["balance_usd"] == pytest.approx(0.82)
    assert get(stage, "/balance", key).json()["spent_usd"] == pytest.approx(0.18)


def test_an_empty_wallet_is_402_and_a_key_of_ones_own_needs_no_wallet(stage: Stage) -> None:
    key = stage.account(balance=0.05).api_key("aigateway")
    refused(generate(stage, key=key), 402, "insufficient_credits")
    reply = generate(stage, key=key, headers={"x-byok-ideogram": "their-own-key"})
    assert (reply.status_code, reply.headers["x-cost-cents"]) == (200, "0")
    assert get(stage, "/balance", key).json()["balance_usd"] == pytest.approx(0.05)


def test_a_refusal_costs_nothing(stage: Stage) -> None:
    key = stage.account(balance=1).api_key("aigateway")
    assert generate(stage, key=key, n=11).status_code == 400
    assert edit(stage, b"GIF89a", key=key).status_code == 400
    assert get(stage, "/balance", key).json()["spent_usd"] == 0


def test_links_live_a_day_and_the_expired_is_refused(stage: Stage) -> None:
    reply = generate(stage)
    exp = int(re.findall(r"exp=(\d+)", reply.json()["data"][0]["url"])[0])
    assert exp - reply.json()["created"] == 24 * 3600
    dead = generate(stage, key=stage.account(link_ttl=0).api_key("aigateway")).json()["data"][0]["url"]
    assert stage.http.get(dead).status_code == 403


def test_links_can_be_set_to_be_unsigned_as_on_the_models_page(stage: Stage) -> None:
    key = stage.mock.account(options={"aigateway.signed_links": False}).api_key("aigateway")
    reply = generate(stage, key=key)
    assert reply.json()["data"][0]["url"].endswith(".png")
    assert opened(result(stage, reply)).size == (64, 48)


BAD_MEMBERS: list[tuple[dict[str, Any], str]] = [
    ({"prompt": None}, "Missing required parameter: 'prompt'."),
    ({"model": None}, "Missing required parameter: 'model'."),
    ({"model": 7}, "Invalid type for 'model': expected a string, but got an integer instead."),
    ({"prompt": ["x"]}, "Invalid type for 'prompt': expected a string, but got an array instead."),
    ({"n": "2"}, "Invalid type for 'n': expected an integer, but got a string instead."),
    ({"n": True}, "Invalid type for 'n': expected an integer, but got a boolean instead."),
    ({"n": 1.5}, "Invalid type for 'n': expected an integer, but got a number instead."),
    ({"n": 0}, "Invalid 'n': value below minimum. Expected a value >= 1, but got 0 instead."),
    ({"n": 11}, "Invalid 'n': value above maximum. Expected a value <= 10, but got 11 instead."),
    ({"response_format": "png"}, "Invalid value: 'png'. Supported values are: 'url' and 'b64_json'."),
    ({"size": "huge"}, "Invalid value: 'huge'. Expected a size such as '1024x1024'."),
    ({"size": "8x8"}, "Invalid value: '8x8'. Expected a size such as '1024x1024'."),
    ({"size": "1024x9999"}, "Invalid value: '1024x9999'. Expected a size such as '1024x1024'."),
    ({"image": 5}, "Invalid type for 'image': expected a string."),
    ({"image": "?"}, "Image data could not be decoded"),
    ({"image_url": "data:,x"}, "Unsupported image format. Supported formats are PNG, JPEG and WebP."),
]  # fmt: skip


@pytest.mark.parametrize(("members", "message"), BAD_MEMBERS, ids=lambda value: str(value)[:30])
def test_a_wrong_member_is_named_in_openais_manner(
    stage: Stage, members: dict[str, Any], message: str
) -> None:
    assert refused(generate(stage, **members), 400, "invalid_request_error", next(iter(members))) == message


def test_unknown_members_are_ignored_unless_set_otherwise(stage: Stage) -> None:
    assert generate(stage, colour="blue").status_code == 200
    key = stage.mock.account(options={"aigateway.unknown_members": "refuse"}).api_key("aigateway")
    message = refused(generate(stage, key=key, colour="blue"), 400, "invalid_request_error", "colour")
    assert message == "Unknown parameter: 'colour'."
    assert generate(stage, key=key, user="me").status_code == 200
    refused(edit(stage, picture(), key=key, colour="blue"), 400, "invalid_request_error", "colour")


def test_edits_refuse_what_generations_refuse(stage: Stage) -> None:
    refused(edit(stage, picture(), n="eleven"), 400, "invalid_request_error", "n")
    refused(edit(stage, picture(), model="nope"), 404, "not_found", "model")
    refused(edit(stage, picture(), part="photo"), 400, "invalid_request_error", "image")
    refused(edit(stage, b"GIF89a, or so it says"), 400, "invalid_request_error", "image")
    refused(edit(stage, picture()[:60]), 400, "invalid_request_error", "image")


def test_one_picture_a_call(stage: Stage) -> None:
    reply = stage.http.post(
        f"{stage.base_url('aigateway')}/images/edits",
        data={"model": MODEL, "prompt": "x"},
        files=[("image[]", ("a", picture())), ("image[]", ("b", picture()))],
        headers=bearer(stage.account().api_key("aigateway")),
    )
    assert refused(reply, 400, "invalid_request_error", "image") == "This model takes one image."


def test_a_file_of_25_mib_is_read_and_one_byte_more_is_413(stage: Stage) -> None:
    size = 25 * 1024 * 1024
    fits = picture("JPEG")  # bytes after the end of a JPEG are ignored
    assert edit(stage, fits + bytes(size - len(fits))).status_code == 200
    refused(edit(stage, fits + bytes(size + 1 - len(fits))), 413, "payload_too_large", "image")


def test_the_wrong_kind_of_body_is_refused_with_the_right_one(stage: Stage) -> None:
    key = bearer(stage.account().api_key("aigateway"))
    url = f"{stage.base_url('aigateway')}/images"
    reply = stage.http.post(f"{url}/generations", data={"model": MODEL}, files={"image": b"x"}, headers=key)
    assert refused(reply, 400, "invalid_request_error") == "Content-Type must be application/json"
    reply = stage.http.post(f"{url}/generations", content="{", headers=key)
    assert refused(reply, 400, "invalid_request_error") == "Request body is not valid JSON"
    reply = stage.http.post(f"{url}/generations", json=[1], headers=key)
    assert refused(reply, 400, "invalid_request_error") == "Request body must be a JSON object"
    refused(stage.http.post(f"{url}/edits", data={"model": MODEL}, headers=key), 400, "invalid_request_error")


def test_an_unknown_model_path_or_method_is_said_to_be(stage: Stage) -> None:
    assert refused(generate(stage, model="ideogram-upscale"), 404, "not_found", "model")
    assert refused(get(stage, "/models/none"), 404, "not_found", "model")
    assert refused(get(stage, "/models/none/schema"), 404, "not_found", "model")
    assert refused(get(stage, "/images/nothing"), 404, "not_found")
    reply = get(stage, "/images/generations")
    assert reply.headers["allow"] == "POST"
    refused(reply, 405, "invalid_request_error")


def test_no_key_and_a_wrong_key_are_401(stage: Stage) -> None:
    refused(generate(stage, key=""), 401, "authentication_error")
    refused(generate(stage, key="an-invalid-key"), 401, "authentication_error")
    account = stage.account()
    refused(generate(stage, key=account.api_key("lumenfall")), 401, "authentication_error")
    assert re.fullmatch(r"sk-aig-[\w-]{43}", account.api_key("aigateway"))


ORDERED = [
    (400, "invalid_request_error"),
    (401, "authentication_error"),
    (402, "insufficient_credits"),
    (403, "scope_exceeded"),
    (404, "not_found"),
    (422, "unsupported_parameter"),
    (429, "rate_limit_error"),
    (500, "server_error"),
    (502, "provider_error"),
    (503, "service_unavailable"),
    (504, "timeout_error"),
]


@pytest.mark.parametrize(("status", "kind"), ORDERED)
def test_every_documented_status_can_be_configured_in_the_prompt(
    stage: Stage, status: int, kind: str
) -> None:
    reply = generate(stage, prompt=f"a cat fauxscale:{status}")
    assert (reply.status_code, reply.json()["error"]["code"]) == (status, status)
    assert reply.json()["error"]["type"] == kind
    assert ("retry-after" in reply.headers) == (status == 429)


CATALOGUES = [
    ("docs", 401, "invalid_key", "invalid_key"),
    ("docs", 404, "unknown_model", "unknown_model"),
    ("docs", 503, "capacity_exceeded", "capacity_exceeded"),
    ("reference", 402, "budget_exceeded", 402),
    ("reference", 404, "model_not_found", 404),
    ("reference", 500, "server_error", 500),
    ("sdk", 404, "model_not_found", 404),
    ("sdk", 402, "insufficient_credits", 402),
]


@pytest.mark.parametrize(("catalogue", "status", "kind", "code"), CATALOGUES)
def test_the_other_published_catalogues_are_a_setting(
    stage: Stage, catalogue: str, status: int, kind: str, code: object
) -> None:
    key = stage.mock.account(options={"aigateway.errors": catalogue}).api_key("aigateway")
    error = generate(stage, key=key, prompt=f"fauxscale:{status}").json()["error"]
    assert (error["type"], error["code"]) == (kind, code)


def test_a_safety_refusal_is_a_400_and_a_withheld_result_is_null(stage: Stage) -> None:
    refused(generate(stage, prompt="fauxscale:unsafe"), 400, "invalid_request_error", "prompt")
    assert generate(stage, prompt="fauxscale:unsafe-200").json()["data"] == [{"url": None}]
    reply = generate(stage, prompt="fauxscale:unsafe-200", response_format="b64_json")
    assert reply.json()["data"] == [{"b64_json": None}]


def test_the_limit_counts_the_last_sixty_seconds(stage: Stage) -> None:
    account = stage.account(rate_limit=10)
    key = account.api_key("aigateway")
    account.clock.freeze()

    def taken(calls: int) -> int:
        return [get(stage, "/models", key).status_code for _ in range(calls)].count(200)

    assert taken(1) == 1
    account.clock.advance(seconds=55)
    assert taken(9) == 9
    account.clock.advance(seconds=6)
    assert taken(10) == 1


def test_ten_seconds_let_in_twice_the_rate_of_a_minute(stage: Stage) -> None:
    account = stage.account()
    key = account.api_key("aigateway")
    account.clock.freeze()
    replies = [get(stage, "/models", key) for _ in range(201)]
    assert {reply.status_code for reply in replies[:-1]} == {200}
    refused(replies[-1], 429, "rate_limit_error")
    assert replies[-1].headers["retry-after"] == "10"
    account.clock.advance(seconds=10)
    assert get(stage, "/models", key).status_code == 200


def test_the_minute_is_told_in_every_answer_and_its_end_in_a_429(stage: Stage) -> None:
    key = stage.account(rate_limit=2).api_key("aigateway")
    first, second, third = (get(stage, "/models", key) for _ in range(3))
    told = [reply.headers["x-ratelimit-remaining-requests"] for reply in (first, second, third)]
    assert told == ["1", "0", "0"]
    assert {reply.headers["x-ratelimit-limit-requests"] for reply in (first, second, third)} == {"2"}
    refused(third, 429, "rate_limit_error")
    assert 1 <= int(third.headers["retry-after"]) <= 60
    assert third.headers["x-ratelimit-reset-requests"] == third.headers["retry-after"]
    assert get(stage, "/models").headers["x-ratelimit-limit-requests"] == "600"


def test_a_request_id_is_echoed_and_otherwise_made_up_once_a_call(stage: Stage) -> None:
    key = stage.account().api_key("aigateway")
    own = [generate(stage, key=key).headers["x-request-id"] for _ in range(2)]
    assert len(set(own)) == 2
    assert generate(stage, key=key, headers={"X-Request-Id": "mine-1"}).headers["x-request-id"] == "mine-1"
    made = generate(stage, key=key, headers={"X-Request-Id": "x" * 500}).headers["x-request-id"]
    assert made.startswith("req_")
    lost = [generate(stage, key="").headers["x-request-id"] for _ in range(2)]
    assert len(set(lost)) == 2


def test_models_are_found_with_the_slash_plain_and_escaped(stage: Stage) -> None:
    listed = get(stage, "/models").json()
    assert listed["object"] == "list"
    (card,) = listed["data"]
    assert (card["id"], card["object"]) == (MODEL, "model")
    plain, escaped = (
        get(stage, f"/models/{MODEL}").json(),
        get(stage, f"/models/{MODEL.replace('/', '%2F')}").json(),
    )
    assert plain == escaped
    assert plain.items() >= card.items()
    schema = get(stage, f"/models/{MODEL.replace('/', '%2F')}/schema").json()
    assert schema == get(stage, f"/models/{MODEL}/schema").json() == plain["schema"]
    assert schema["parameters"]["required"] == ["model", "prompt"]


def test_the_model_list_can_be_filtered(stage: Stage) -> None:
    assert len(get(stage, "/models?modality=image&provider=ideogram").json()["data"]) == 1
    assert get(stage, "/models?modality=video").json()["data"] == []


@pytest.mark.parametrize(
    "path", ["/aigateway/openapi.json", "/aigateway/v1/openapi.json", "/v1/openapi.json"]
)
def test_the_openapi_description_needs_no_key_and_names_what_is_answered(stage: Stage, path: str) -> None:
    words = stage.http.get(stage.url + path).json()
    assert words["openapi"] == "3.1.0"
    assert words["servers"] == [{"url": stage.base_url("aigateway")}]
    assert set(words["paths"]) >= {"/images/generations", "/images/edits", "/models/{id}", "/balance"}
    body = words["paths"]["/images/edits"]["post"]["requestBody"]["content"]
    assert body["multipart/form-data"]["schema"]["required"] == ["image", "model", "prompt"]


def test_the_text_for_language_models_names_base_url_model_and_price(stage: Stage) -> None:
    reply = stage.http.get(f"{stage.url}/aigateway/v1/llms.txt")
    assert reply.headers["content-type"].startswith("text/plain")
    for fact in (stage.base_url("aigateway"), MODEL, "$0.06"):
        assert fact in reply.text


def test_no_page_leads_out_of_this_server(stage: Stage) -> None:
    key = stage.account().api_key("aigateway")
    pages = (
        "/models",
        f"/models/{MODEL}",
        f"/models/{MODEL}/schema",
        "/openapi.json",
        "/llms.txt",
        "/balance",
    )
    for page in pages:
        for address in re.findall(r"https?://[^/\s\"]+", get(stage, page, key).text):
            assert address == stage.url


def test_reached_by_its_real_host_it_names_its_real_hosts(stage: Stage) -> None:
    key = stage.account().api_key("aigateway")
    at = {"Host": "api.aigateway.sh"}
    reply = stage.http.post(f"{stage.url}/v1/images/generations", json=DOCUMENTED, headers=bearer(key) | at)
    url = httpx.URL(reply.json()["data"][0]["url"])
    assert (url.scheme, url.host) == ("https", "media.aigateway.sh")
    got = stage.http.get(stage.url + url.raw_path.decode(), headers={"Host": "media.aigateway.sh"})
    assert opened(got.content).size == (64, 48)
    words = stage.http.get(f"{stage.url}/openapi.json", headers=at).json()
    assert words["servers"] == [{"url": "https://api.aigateway.sh/v1"}]


def test_a_client_that_swaps_the_origin_alone_is_answered(stage: Stage) -> None:
    key = stage.account().api_key("aigateway")
    reply = stage.http.post(f"{stage.url}/v1/images/generations", json=DOCUMENTED, headers=bearer(key))
    assert reply.json()["data"][0]["url"].startswith(f"{stage.url}/aigateway/img/")
    assert opened(result(stage, reply)).size == (64, 48)


ORDERED_TEXTS = [
    (402, "Insufficient credits"),
    (403, "The API key's scope does not cover this request"),
    (404, "Not found"),
    (409, "The idempotency key was used with another request"),
    (413, "File is too large"),
    (418, "I'm a Teapot"),
    (429, "Rate limit exceeded"),
    (500, "Internal server error"),
    (502, "The upstream provider failed"),
    (504, "The upstream provider timed out"),
]


@pytest.mark.parametrize(("status", "text"), ORDERED_TEXTS)
def test_a_configured_status_reads_like_the_service_s_own(stage: Stage, status: int, text: str) -> None:
    assert generate(stage, prompt=f"fauxscale:{status}").json()["error"]["message"] == text


def test_refusals_that_come_about_read_like_those_configured(stage: Stage) -> None:
    key = stage.account(balance=0).api_key("aigateway")
    assert refused(generate(stage, key=key), 402, "insufficient_credits") == "Insufficient credits"
    key = stage.account(rate_limit=0).api_key("aigateway")
    assert refused(generate(stage, key=key), 429, "rate_limit_error") == "Rate limit exceeded"
    for key in ("", "an-invalid-key"):
        said = refused(generate(stage, key=key), 401, "authentication_error")
        assert said == "Invalid or missing API key"


def test_a_429_tells_the_limit_of_the_account_s_minute_and_of_nothing_else(stage: Stage) -> None:
    account = stage.account(rate_limit=50)
    account.faults.add(Fail(429, retry_after=1_234_567), on="aigateway.generations")
    reply = generate(stage, key=account.api_key("aigateway"))
    assert reply.headers["x-ratelimit-limit-requests"] == "50"
    assert reply.headers["retry-after"] == reply.headers["x-ratelimit-reset-requests"] == "1234567"
    account.faults.add(Fail(429), on="aigateway.generations")
    assert generate(stage, key=account.api_key("aigateway")).headers["retry-after"] == "1"
    full = generate(stage, key=stage.account(in_flight=0).api_key("aigateway"))
    assert full.status_code == 429
    assert full.headers["retry-after"] == "1"
    assert "x-ratelimit-limit-requests" not in full.headers


def test_a_date_that_has_passed_asks_for_no_negative_wait(stage: Stage) -> None:
    account = stage.account()
    account.faults.add(Fail(429, retry_after=-5, form="date"))
    refused = edit(stage, picture(), key=account.api_key("aigateway"), model=MODEL, prompt="x")
    assert (refused.status_code, refused.headers["x-ratelimit-reset-requests"]) == (429, "0")
