"""Lumenfall answers as its pages say: edits in every format, dry runs, models, records, and fal behind it all."""

from __future__ import annotations

import asyncio
import base64
import re
from typing import Any

import httpx
import pytest
from PIL import ImageChops

from fauxscale.client import AccountHandle
from fauxscale.faults import EmptyResponse, Fail, Fault, LoseReply, Rule, UnsafeImage
from tests.journals import entries
from tests.pictures import doubled, opened, picture
from tests.stages import Stage

MODEL = "ideogram-upscale"
BASES = ["/lumenfall/openai/v1", "/lumenfall/v1", "/openai/v1", "/v1"]


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"} if key else {}


def edit(
    stage: Stage,
    image: bytes | None = None,
    *,
    key: str | None = None,
    part: str = "image",
    query: str = "",
    base: str = BASES[0],
    **texts: str | None,
) -> httpx.Response:
    """One upload with an account of its own, unless a key is given; a text of None is left out."""
    key = stage.account().api_key("lumenfall") if key is None else key
    return stage.http.post(
        f"{stage.url}{base}/images/edits{query}",
        data={name: text for name, text in ({"model": MODEL} | texts).items() if text is not None},
        files={part: ("source.png", picture() if image is None else image)},
        headers=bearer(key),
    )


def get(stage: Stage, path: str, key: str | None = None) -> httpx.Response:
    key = stage.account().api_key("lumenfall") if key is None else key
    return stage.http.get(f"{stage.url}/lumenfall{path}", headers=bearer(key))


def result(stage: Stage, reply: httpx.Response) -> httpx.Response:
    assert reply.status_code == 200, reply.text
    got = stage.http.get(reply.json()["data"][0]["url"])
    assert got.status_code == 200
    return got


def refused(reply: httpx.Response, status: int, code: str, kind: str = "invalid_request_error") -> str:
    """The message of a refusal in the documented envelope, which has no `param`."""
    assert reply.status_code == status, reply.text
    error = reply.json()["error"]
    assert set(error) == {"message", "type", "code"}
    assert (error["type"], error["code"]) == (kind, code)
    assert re.fullmatch(r"req_\w{27}", reply.headers["x-lumenfall-request-id"])
    return str(error["message"])


def order_at(stage: Stage, account: AccountHandle, fault: Fault, on: str, after: int = 0) -> None:
    """Order a fault for one of the account's calls that `on` names, the next or `after` more."""

    async def add() -> None:
        found = await stage.mock.app.accounts.get(account.id)
        assert found is not None
        await found.faults.add(Rule("", (fault,), on=on, after=after))

    asyncio.run(add())


def test_the_documented_call_gets_the_documented_body(stage: Stage, photo: bytes) -> None:
    reply = edit(stage, photo, prompt="Add a starry night sky to this image", size="1024x1024")
    body = reply.json()
    assert body["size"] == "1024x1024"
    assert isinstance(body["created"], int)
    assert set(body) == {"created", "size", "data", "metadata"}
    assert body["metadata"] == {
        "model": MODEL,
        "executed_model": "fal/fal-ai/ideogram/upscale",
        "provider": "fal",
        "provider_name": "fal.ai",
        "cost": 0.06,
        "cost_currency": "USD",
    }
    (item,) = body["data"]
    assert set(item) == {"url", "revised_prompt"}
    assert item["revised_prompt"] == "Add a starry night sky to this image"
    assert re.fullmatch(re.escape(stage.url) + r"/lumenfall/[\w-]{22}\.png", item["url"])
    assert ImageChops.difference(opened(result(stage, reply).content), doubled(photo)).getbbox() is None


def test_every_answer_carries_the_request_id_the_provider_and_the_model(stage: Stage) -> None:
    key = stage.account().api_key("lumenfall")
    first, second = edit(stage, key=key), edit(stage, key=key)
    assert first.headers["x-lumenfall-request-id"] != second.headers["x-lumenfall-request-id"]
    assert first.headers["x-lumenfall-provider"] == "fal"
    assert first.headers["x-lumenfall-model"] == MODEL
    for path in ("/v1/models", "/v1/balance", "/v1/nothing"):
        told = get(stage, path).headers
        assert told["x-lumenfall-request-id"].startswith("req_")
        assert (told["x-lumenfall-provider"], told["x-lumenfall-model"]) == ("fal", MODEL)


@pytest.mark.parametrize("part", ["image", "image[]"])
@pytest.mark.parametrize("base", BASES)
def test_every_base_and_both_part_names_are_answered(stage: Stage, base: str, part: str) -> None:
    reply = edit(stage, base=base, part=part)
    assert opened(result(stage, reply).content).size == (80, 60)


@pytest.mark.parametrize(
    ("factor", "size"), [(None, (82, 62)), ("2", (82, 62)), ("1.5", (62, 47)), ("1.1", (45, 34))]
)
def test_the_factor_decides_the_size_and_is_two_when_left_out(
    stage: Stage, factor: str | None, size: tuple[int, int]
) -> None:
    reply = edit(stage, picture(width=41, height=31), scale_factor=factor, size="512x512")
    assert reply.json()["size"] == f"{size[0]}x{size[1]}"
    assert opened(result(stage, reply).content).size == size


def test_strict_wants_the_factor_that_the_schema_calls_required(stage: Stage) -> None:
    key = stage.mock.account(options={"lumenfall.strict": True}).api_key("lumenfall")
    message = refused(edit(stage, key=key), 400, "INVALID_REQUEST")
    assert message == "Invalid input: expected number, received undefined"
    assert edit(stage, key=key, scale_factor="2").status_code == 200


FORMATS = [("png", "PNG"), ("jpeg", "JPEG"), ("gif", "GIF"), ("webp", "WEBP"), ("avif", "AVIF")]


@pytest.mark.parametrize(("name", "format"), FORMATS)
def test_every_output_format_is_really_encoded(stage: Stage, name: str, format: str) -> None:
    reply = edit(stage, output_format=name)
    got = result(stage, reply)
    assert reply.json()["data"][0]["url"].endswith(f".{name}")
    assert got.headers["content-type"] == f"image/{name}"
    assert (opened(got.content).format, opened(got.content).size) == (format, (80, 60))


@pytest.mark.parametrize("name", ["jpeg", "webp", "avif"])
def test_less_quality_makes_a_smaller_file(stage: Stage, photo: bytes, name: str) -> None:
    sizes = [
        len(result(stage, edit(stage, photo, output_format=name, output_compression=quality)).content)
        for quality in ("0", "30", "90")
    ]
    assert sizes == sorted(set(sizes))


@pytest.mark.parametrize(("name", "width", "limit"), [("webp", 8_192, 8_191), ("avif", 801, 800)])
def test_a_format_that_cannot_hold_the_result_is_refused_before_any_work(
    stage: Stage, name: str, width: int, limit: int
) -> None:
    key = stage.account(balance=1).api_key("lumenfall")
    refused(edit(stage, picture(width=width, height=2), key=key, output_format=name), 400, "INVALID_REQUEST")
    assert get(stage, "/v1/balance", key).json()["available"]["amount"] == 1
    assert edit(stage, picture(width=limit, height=2), key=key, output_format=name).status_code == 200


def test_b64_json_holds_the_bytes_the_link_would(stage: Stage) -> None:
    packed = edit(stage, response_format="b64_json", output_format="webp").json()["data"][0]
    assert set(packed) == {"b64_json"}
    assert base64.b64decode(packed["b64_json"]) == result(stage, edit(stage, output_format="webp")).content


def test_every_parameter_of_the_page_is_read(stage: Stage) -> None:
    account = stage.account()
    reply = edit(
        stage, key=account.api_key("lumenfall"), scale_factor="2.0", n="2", detail="90", resemblance="55",
        expand_prompt="true", sync_mode="false", user="me", quality="hd", style="vivid", size="16:9",
    )  # fmt: skip
    assert len(reply.json()["data"]) == 2
    assert reply.json()["metadata"]["cost"] == 0.12
    assert entries(stage, account.id)[-1].params == {
        "model": MODEL, "scale_factor": 2.0, "n": 2, "detail": 90, "resemblance": 55, "expand_prompt": True,
        "sync_mode": False, "user": "me", "quality": "hd", "style": "vivid", "size": "16:9",
        "response_format": "url", "output_format": "png",
    }  # fmt: skip


BAD_TEXTS: list[tuple[str, str | None, str]] = [
    ("model", None, "Invalid input: expected string, received undefined"),
    ("prompt", "x" * 1001, "Too big: expected string to have <=1000 characters"),
    ("scale_factor", "big", "Invalid input: expected number, received NaN"),
    ("scale_factor", "nan", "Invalid input: expected number, received NaN"),
    ("scale_factor", "1", "Too small: expected number to be >1"),
    ("scale_factor", "2.01", "Too big: expected number to be <=2"),
    ("n", "0", "Too small: expected number to be >=1"),
    ("n", "11", "Too big: expected number to be <=10"),
    ("n", "1.5", "Invalid input: expected int, received number"),
    ("n", "some", "Invalid input: expected number, received NaN"),
    ("detail", "101", "Too big: expected number to be <=100"),
    ("resemblance", "0", "Too small: expected number to be >=1"),
    ("output_compression", "101", "Too big: expected number to be <=100"),
    ("expand_prompt", "maybe", "Invalid input: expected boolean, received string"),
    ("response_format", "png", 'Invalid option: expected one of "url"|"b64_json"'),
    ("output_format", "tiff", 'Invalid option: expected one of "png"|"jpeg"|"gif"|"webp"|"avif"'),
    ("size", "huge", "Invalid size format 'huge': use WIDTHxHEIGHT or W:H"),
]


@pytest.mark.parametrize(("name", "text", "message"), BAD_TEXTS, ids=lambda value: str(value)[:20])
def test_a_wrong_parameter_is_refused_in_the_validators_words(
    stage: Stage, name: str, text: str | None, message: str
) -> None:
    texts: dict[str, Any] = {name: text}
    reply = edit(stage, **texts)
    assert refused(reply, 400, "INVALID_REQUEST") == message
    assert name in reply.headers["x-fauxscale-reason"] or name == "size"


def test_a_prompt_of_a_thousand_characters_is_accepted(stage: Stage) -> None:
    assert edit(stage, prompt="x" * 1000).status_code == 200


@pytest.mark.parametrize("image", [b"", b"GIF89a and so on", b"\x89PNG\r\n\x1a\n", picture()[:60]], ids=repr)
def test_what_is_no_picture_is_an_invalid_image_file(stage: Stage, image: bytes) -> None:
    assert refused(edit(stage, image), 400, "INVALID_REQUEST") == "Invalid image file provided"


def test_one_picture_a_call_and_not_none(stage: Stage) -> None:
    key = bearer(stage.account().api_key("lumenfall"))
    url, texts = f"{stage.base_url('lumenfall')}/images/edits", {"model": MODEL}
    two = [("image[]", ("a", picture())), ("image[]", ("b", picture()))]
    message = refused(stage.http.post(url, data=texts, files=two, headers=key), 400, "INVALID_REQUEST")
    assert "does not support multiple input images" in message
    other = {"photo": ("a", picture())}
    reply = stage.http.post(url, data=texts, files=other, headers=key)
    assert refused(reply, 400, "INVALID_REQUEST") == "Invalid input: expected file, received undefined"
    assert "'photo'" in reply.headers["x-fauxscale-reason"]


def test_json_is_refused_where_a_form_is_wanted_and_the_reverse(stage: Stage) -> None:
    key = bearer(stage.account().api_key("lumenfall"))
    base = f"{stage.base_url('lumenfall')}/images"
    refused(stage.http.post(f"{base}/edits", json={"model": MODEL}, headers=key), 400, "INVALID_REQUEST")
    reply = stage.http.post(f"{base}/generations", data={"model": MODEL}, headers=key)
    refused(reply, 400, "INVALID_REQUEST")


def test_generations_say_that_the_model_only_upscales(stage: Stage) -> None:
    key = bearer(stage.account().api_key("lumenfall"))
    url = f"{stage.base_url('lumenfall')}/images/generations"
    reply = stage.http.post(url, json={"model": MODEL, "prompt": "a cat"}, headers=key)
    words = f"Model '{MODEL}' does not support text-to-image. Supported modes: upscale"
    assert refused(reply, 400, "INVALID_REQUEST") == words
    refused(stage.http.post(url, json={"model": "wan"}, headers=key), 404, "MODEL_NOT_FOUND")


def test_an_unknown_model_is_not_found_and_a_near_miss_is_told_the_name(stage: Stage) -> None:
    assert refused(edit(stage, model="wan-2.7"), 404, "MODEL_NOT_FOUND") == "Model 'wan-2.7' not found"
    message = refused(edit(stage, model="ideogram/ideogram-upscale"), 404, "MODEL_NOT_FOUND")
    assert message.endswith(f"Did you mean '{MODEL}'?")
    refused(get(stage, "/v1/models/none"), 404, "MODEL_NOT_FOUND")
    assert edit(stage, model=f"fal/{MODEL}").status_code == 200


def test_an_unknown_path_or_method_is_said_to_be(stage: Stage) -> None:
    refused(get(stage, "/openai/v1/nothing"), 404, "NOT_FOUND")
    reply = get(stage, "/openai/v1/images/edits")
    assert reply.headers["allow"] == "POST"
    refused(reply, 405, "INVALID_REQUEST")


def test_no_key_and_a_wrong_key_are_401(stage: Stage) -> None:
    for key in ("", "lmnfl_invalid.key", stage.account().api_key("aigateway")):
        message = refused(edit(stage, key=key), 401, "AUTHENTICATION_FAILED", "authentication_error")
        assert message == "Invalid API key"
    assert re.fullmatch(r"lmnfl_[0-9a-z]{16}\.[0-9a-z]{39}", stage.account().api_key("lumenfall"))


def test_an_empty_wallet_is_402(stage: Stage) -> None:
    key = stage.account(balance=0.1).api_key("lumenfall")
    message = refused(edit(stage, key=key, n="2"), 402, "INSUFFICIENT_BALANCE", "billing_error")
    assert message == "Insufficient balance"
    assert edit(stage, key=key).status_code == 200
    left = get(stage, "/v1/balance", key).json()
    assert left == {
        "object": "balance",
        "billing_type": "prepaid",
        "available": {"amount": pytest.approx(0.04), "currency": "usd"},
    }


def test_a_wallet_without_a_limit_is_shown_as_postpaid(stage: Stage) -> None:
    left = get(stage, "/v1/balance").json()
    assert (left["billing_type"], left["available"]["amount"]) == ("postpaid", None)


def test_a_dry_run_prices_and_does_nothing_else(stage: Stage) -> None:
    account = stage.account(balance=0)
    key = account.api_key("lumenfall")
    body = edit(stage, key=key, n="2", query="?dryRun=true").json()
    assert body == {
        "estimated": True,
        "model": MODEL,
        "provider": "fal",
        "total_cost_micros": 120_000,
        "currency": "USD",
        "components": [
            {
                "type": "output",
                "metric": "image",
                "quantity": 2,
                "billable_quantity": 2,
                "unit_price": 0.06,
                "total_cost": 120_000,
            }
        ],
    }
    assert refused(edit(stage, key=key, n="0", query="?dryRun=true"), 400, "INVALID_REQUEST")
    assert entries(stage, account.id)[0].results == []


ORDERED = [(400, "INVALID_REQUEST"), (401, "AUTHENTICATION_FAILED"), (402, "INSUFFICIENT_BALANCE"),
           (403, "FORBIDDEN"), (404, "MODEL_NOT_FOUND"), (422, "INVALID_REQUEST"), (429, "RATE_LIMITED"),
           (500, "INTERNAL_ERROR"), (502, "ALL_PROVIDERS_EXHAUSTED"), (503, "UPSTREAM_ERROR")]  # fmt: skip


@pytest.mark.parametrize(("status", "code"), ORDERED)
def test_every_status_can_be_configured_in_the_prompt(stage: Stage, status: int, code: str) -> None:
    reply = edit(stage, prompt=f"a cat fauxscale:{status}")
    assert (reply.status_code, reply.json()["error"]["code"]) == (status, code)
    assert reply.json()["error"]["message"]


def test_a_configured_code_is_passed_on(stage: Stage) -> None:
    account = stage.account()
    order_at(stage, account, Fail(404, code="MODEL_DISABLED"), "lumenfall.edits")
    refused(edit(stage, key=account.api_key("lumenfall")), 404, "MODEL_DISABLED")


def test_a_safety_refusal_is_a_content_policy_violation(stage: Stage) -> None:
    refused(edit(stage, prompt="fauxscale:unsafe"), 400, "CONTENT_POLICY_VIOLATION")


@pytest.mark.parametrize("how", ["configured", "in the prompt"])
@pytest.mark.parametrize("answer", ["url", "b64_json"])
def test_an_unsafe_result_is_a_paid_200_without_a_picture(stage: Stage, how: str, answer: str) -> None:
    account = stage.account(balance=1)
    key = account.api_key("lumenfall")
    if how == "configured":
        order_at(stage, account, UnsafeImage(), "lumenfall.edits")
    prompt = "a cat" if how == "configured" else "a cat fauxscale:unsafe-200"
    reply = edit(stage, key=key, prompt=prompt, response_format=answer)
    assert reply.status_code == 200, reply.text
    assert [one[answer] for one in reply.json()["data"]] == [None]
    assert get(stage, "/v1/balance", key).json()["available"]["amount"] == 0.94


def test_fal_refuses_what_it_judges_unsafe_whatever_lumenfall_said_before(stage: Stage) -> None:
    account = stage.account()
    order_at(stage, account, UnsafeImage(), "fal.run")
    reply = edit(stage, key=account.api_key("lumenfall"), prompt="fauxscale:unsafe-200")
    assert refused(reply, 400, "CONTENT_POLICY_VIOLATION").startswith("fal: ")


AT_FAL = [
    (Fail(503, message="no runner"), 502, "ALL_PROVIDERS_EXHAUSTED", "server_error"),
    (Fail(429), 502, "ALL_PROVIDERS_EXHAUSTED", "server_error"),
    (EmptyResponse(), 502, "ALL_PROVIDERS_EXHAUSTED", "server_error"),
    (LoseReply(), 502, "ALL_PROVIDERS_EXHAUSTED", "server_error"),
    (Fail(422, message="bad input"), 422, "UPSTREAM_ERROR", "invalid_request_error"),
    (UnsafeImage(refuse=True), 400, "CONTENT_POLICY_VIOLATION", "invalid_request_error"),
    (UnsafeImage(), 400, "CONTENT_POLICY_VIOLATION", "invalid_request_error"),
]


@pytest.mark.parametrize(("fault", "status", "code", "kind"), AT_FAL, ids=lambda value: str(value)[:28])
@pytest.mark.parametrize("on", ["fal.run", "fal.*"])
def test_a_fault_configured_at_fal_arrives_in_lumenfalls_words_and_costs_nothing(
    stage: Stage, fault: Fault, status: int, code: str, kind: str, on: str
) -> None:
    account = stage.account(balance=1)
    key = account.api_key("lumenfall")
    order_at(stage, account, fault, on)
    message = refused(edit(stage, key=key), status, code, kind)
    assert "fal: " in message
    if isinstance(fault, Fail) and fault.message:
        assert fault.message in message
    assert get(stage, "/v1/balance", key).json()["available"]["amount"] == 1
    assert edit(stage, key=key).status_code == 200


def test_a_rule_for_every_operation_counts_a_call_once_and_not_again_at_fal(stage: Stage) -> None:
    account = stage.account()
    key = account.api_key("lumenfall")
    order_at(stage, account, Fail(500), "*", after=1)
    replies = [edit(stage, key=key) for _ in range(3)]
    assert [reply.status_code for reply in replies] == [200, 500, 200]
    refused(replies[1], 500, "INTERNAL_ERROR", "server_error")


def test_links_live_an_hour_and_then_the_picture_is_gone(stage: Stage) -> None:
    account = stage.account()
    url = edit(stage, key=account.api_key("lumenfall")).json()["data"][0]["url"]
    link = asyncio.run(stage.mock.app.accounts.link(url.rpartition("/")[2].partition(".")[0]))
    assert link is not None
    assert link.exp is not None
    assert link.exp - entries(stage, account.id)[0].at == pytest.approx(3600, abs=1)
    dead = edit(stage, key=stage.account(link_ttl=0).api_key("lumenfall")).json()["data"][0]["url"]
    refused(stage.http.get(dead), 404, "NOT_FOUND")
    refused(stage.http.get(url.replace(".png", ".webp")), 404, "NOT_FOUND")


def test_links_can_be_set_to_be_signed(stage: Stage) -> None:
    key = stage.mock.account(options={"lumenfall.signed_links": True}).api_key("lumenfall")
    url = edit(stage, key=key).json()["data"][0]["url"]
    assert stage.http.get(url).status_code == 200
    refused(stage.http.get(url.partition("?")[0]), 403, "FORBIDDEN")


@pytest.mark.parametrize("base", BASES)
def test_models_and_their_parameters_are_on_every_base(stage: Stage, base: str) -> None:
    key = bearer(stage.account().api_key("lumenfall"))
    listed = stage.http.get(f"{stage.url}{base}/models", headers=key).json()
    assert [card["id"] for card in listed["data"]] == [MODEL]
    card = stage.http.get(f"{stage.url}{base}/models/{MODEL}", headers=key).json()
    assert card == listed["data"][0]
    full = stage.http.get(f"{stage.url}{base}/models/{MODEL}?schema=true", headers=key).json()
    schema = full.pop("schema")
    assert full == card
    assert schema["required"] == ["model", "image", "scale_factor"]
    assert set(schema["properties"]) >= {
        "image", "scale_factor", "response_format", "output_format", "output_compression", "n",
        "detail", "expand_prompt", "resemblance", "sync_mode",
    }  # fmt: skip
    assert schema["properties"]["response_format"]["default"] == "url"
    assert schema["properties"]["n"]["default"] == 1
    assert schema["properties"]["detail"] | {"description": ""} == {
        "type": "integer", "minimum": 1, "maximum": 100, "description": "",
    }  # fmt: skip


def test_the_records_tell_what_became_of_each_request(stage: Stage) -> None:
    account = stage.account()
    key = account.api_key("lumenfall")
    good = edit(stage, key=key)
    edit(stage, key=key, n="0")
    order_at(stage, account, Fail(500), "fal.run")
    edit(stage, key=key)
    rows = get(stage, "/v1/requests?summary=true", key).json()
    assert [row["status"] for row in rows["data"]] == ["upstream_failure", "rejected", "completed"]
    assert [row["error_code"] for row in rows["data"]] == ["ALL_PROVIDERS_EXHAUSTED", "INVALID_REQUEST", None]
    assert rows["summary"] == {"count": 3, "cost": 0.06, "currency": "USD"}
    one = get(stage, f"/v1/requests/{good.headers['x-lumenfall-request-id']}", key).json()
    assert one == rows["data"][2]
    assert (one["model"], one["cost"], one["modality"]) == (MODEL, 0.06, "image")
    assert get(stage, "/v1/requests?status=rejected", key).json()["data"] == [rows["data"][1]]
    refused(get(stage, "/v1/requests/req_none", key), 404, "NOT_FOUND")


def test_the_records_come_in_pages(stage: Stage) -> None:
    key = stage.account().api_key("lumenfall")
    ids = [edit(stage, key=key).headers["x-lumenfall-request-id"] for _ in range(3)]
    first = get(stage, "/v1/requests?limit=2", key).json()
    assert first["next_page_url"].startswith(f"{stage.url}/lumenfall/v1/requests?")
    second = stage.http.get(first["next_page_url"], headers=bearer(key)).json()
    assert [row["id"] for row in first["data"] + second["data"]] == ids[::-1]
    assert second["next_page_url"] is None
    for limit in ("0", "101", "some"):
        refused(get(stage, f"/v1/requests?limit={limit}", key), 400, "INVALID_REQUEST")


def test_the_pictures_of_a_request_can_be_deleted_and_the_request_is_still_told(stage: Stage) -> None:
    key = stage.account().api_key("lumenfall")
    kept, gone = edit(stage, key=key), edit(stage, key=key, n="2")
    request = gone.headers["x-lumenfall-request-id"]
    reply = stage.http.delete(f"{stage.url}/lumenfall/v1/requests/{request}/payloads", headers=bearer(key))
    assert (reply.status_code, reply.content) == (204, b"")
    for item in gone.json()["data"]:
        refused(stage.http.get(item["url"]), 404, "NOT_FOUND")
    assert result(stage, kept).status_code == 200
    assert get(stage, f"/v1/requests/{request}", key).json()["status"] == "completed"
    other = stage.account().api_key("lumenfall")
    for unknown, whose in (("req_none", key), (kept.headers["x-lumenfall-request-id"], other)):
        address = f"{stage.url}/lumenfall/v1/requests/{unknown}/payloads"
        refused(stage.http.delete(address, headers=bearer(whose)), 404, "NOT_FOUND")
    assert result(stage, kept).status_code == 200


def test_the_secret_of_webhooks_is_the_account_s_own_and_stays(stage: Stage) -> None:
    key, other = (stage.account().api_key("lumenfall") for _ in range(2))
    secrets = [get(stage, "/v1/webhooks/secret", one).json()["secret"] for one in (key, key, other)]
    assert secrets[0] == secrets[1] != secrets[2]
    assert len(base64.b64decode(secrets[0].removeprefix("whsec_"), validate=True)) == 32


def test_at_a_path_two_gateways_share_the_key_tells_whose_call_it_is(stage: Stage) -> None:
    account = stage.account()
    for provider, model in (("lumenfall", MODEL), ("aigateway", "ideogram/ideogram-upscale")):
        reply = stage.http.get(f"{stage.url}/v1/models", headers=bearer(account.api_key(provider)))
        assert [card["id"] for card in reply.json()["data"]] == [model]


def test_reached_by_its_real_host_it_names_its_real_hosts(stage: Stage) -> None:
    key = bearer(stage.account().api_key("lumenfall"))
    at = {"Host": "api.lumenfall.ai"}
    texts, url = {"model": MODEL}, f"{stage.url}/openai/v1/images/edits"
    first, _ = (
        stage.http.post(url, data=texts, files={"image": picture()}, headers=key | at) for _ in range(2)
    )
    link = httpx.URL(first.json()["data"][0]["url"])
    assert (link.scheme, link.host) == ("https", "media.lumenfall.ai")
    got = stage.http.get(stage.url + link.raw_path.decode(), headers={"Host": "media.lumenfall.ai"})
    assert opened(got.content).size == (80, 60)
    page = stage.http.get(f"{stage.url}/v1/requests?limit=1", headers=key | at).json()
    assert page["next_page_url"].startswith(
        f"{stage.url.partition('://')[0]}://api.lumenfall.ai/v1/requests?"
    )


ORDERED_TEXTS = [
    (402, "Insufficient balance"),
    (403, "Forbidden"),
    (404, "Model not found"),
    (413, "File is too large"),
    (418, "I'm a Teapot"),
    (429, "Rate limit exceeded"),
    (503, "The provider is unavailable"),
    (504, "The provider timed out"),
]


@pytest.mark.parametrize(("status", "text"), ORDERED_TEXTS)
def test_a_configured_status_reads_like_the_service_s_own(stage: Stage, status: int, text: str) -> None:
    assert edit(stage, prompt=f"fauxscale:{status}").json()["error"]["message"] == text


def test_refusals_that_come_about_read_like_those_configured(stage: Stage) -> None:
    key = stage.account(rate_limit=0).api_key("lumenfall")
    assert refused(edit(stage, key=key), 429, "RATE_LIMITED", "rate_limit_error") == "Rate limit exceeded"


def test_a_configured_refusal_says_what_it_was_configured_to_and_when_to_come_back(stage: Stage) -> None:
    account = stage.account()
    order_at(stage, account, Fail(402, message="no more", retry_after=1_234_567), "lumenfall.edits")
    reply = edit(stage, key=account.api_key("lumenfall"))
    assert refused(reply, 402, "INSUFFICIENT_BALANCE", "billing_error") == "no more"
    assert reply.headers["retry-after"] == "1234567"


@pytest.mark.parametrize("word", ["=1", "=True", "=TRUE", "=yes", "=", "", "=please"])
def test_a_dry_run_asked_for_in_any_words_costs_nothing(stage: Stage, word: str) -> None:
    account = stage.account()
    reply = edit(stage, key=account.api_key("lumenfall"), query=f"?dryRun{word}")
    assert reply.json()["estimated"] is True
    assert account.spend == 0


@pytest.mark.parametrize("word", ["=false", "=False", "=0", "=no"])
def test_a_dry_run_declined_is_a_run(stage: Stage, word: str) -> None:
    account = stage.account()
    assert "data" in edit(stage, key=account.api_key("lumenfall"), query=f"?dryRun{word}").json()
    assert account.spend == 0.06


def test_a_count_with_a_decimal_point_is_a_count(stage: Stage) -> None:
    assert len(edit(stage, n="2.0").json()["data"]) == 2
