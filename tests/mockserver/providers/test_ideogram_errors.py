"""Ideogram's error bodies, as observed and as first guessed: of refusals that come about and configured ones."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from fauxscale import Fail, Settings
from tests.calls.ideogram import SAMPLES, upscale
from tests.pictures import picture
from tests.stages import Stage, open_stage

PROBLEM = "application/problem+json"
UNREADABLE = {"error": "Could not read a source image."}
# The operations that document 403 for a bad key in 2026-04.
FORBIDDING = {"upscale", "remix", "v3_remix"}


def stage_with(**options: str | int) -> Iterator[Stage]:
    yield from open_stage("in-process", Settings(options={f"ideogram.{k}": v for k, v in options.items()}))


@pytest.fixture(scope="module")
def late() -> Iterator[Stage]:
    yield from stage_with(api_version="2026-10")


@pytest.fixture(scope="module")
def early() -> Iterator[Stage]:
    yield from stage_with()


def send(stage: Stage, name: str, key: str | None = None, **changes: object) -> httpx.Response:
    key = stage.account().api_key("ideogram") if key is None else key
    return SAMPLES[name].send(stage.http, stage.base_url("ideogram"), key, **changes)  # type: ignore[arg-type]  # passed through by name


def problem(status: int, title: str, detail: object) -> dict[str, object]:
    return {"type": "about:blank", "title": title, "detail": detail, "status": status}


def test_the_family_goes_by_the_api_version_unless_it_is_chosen() -> None:
    bad = {"resemblance": 0}
    for options, observed in (
        ({}, False),
        ({"api_version": "2026-10"}, True),
        ({"errors": "v2"}, True),
        ({"api_version": "2026-10", "errors": "plain"}, False),
    ):
        for stage in stage_with(**options):
            reply = upscale(stage, request=bad)
            assert (reply.headers["content-type"] == PROBLEM) == observed, options
            assert (set(reply.json()) == {"error", "message"}) != observed


def test_a_breach_of_the_schema_is_a_problem_document_in_jsonschema_s_words(late: Stage) -> None:
    reply = upscale(late, request={"resemblance": 0})
    assert (reply.status_code, reply.headers["content-type"]) == (400, PROBLEM)
    said = "0 is less than the minimum of 1 - 'image_request.resemblance'"
    assert reply.json() == problem(400, "Bad Request", said)


@pytest.mark.parametrize("text", ["{", "", "none", "[1", '{"seed": NaN}', "[" * 5000])
def test_a_json_part_that_is_no_json_is_a_400_and_no_500(late: Stage, text: str) -> None:
    reply = upscale(late, request=text)
    assert (reply.status_code, reply.headers["content-type"]) == (400, PROBLEM)
    assert "is not of type 'object' - 'image_request'" in reply.json()["detail"]


def test_a_picture_that_cannot_be_read_is_told_in_one_sentence_whatever_is_wrong_with_it(late: Stage) -> None:
    for data in (b"", b"none", picture("GIF"), picture()[:-40], picture("JPEG")[:-30], b"<svg/>"):
        reply = upscale(late, data)
        assert (reply.status_code, reply.json()) == (400, UNREADABLE)
        assert reply.headers["x-fauxscale-reason"], "people are told more"


def test_a_missing_key_has_the_framework_s_words_and_a_wrong_one_the_service_s(late: Stage) -> None:
    for name in ("upscale", "v3_generate", "describe"):
        missing, wrong = send(late, name, ""), send(late, name, "an-invalid-key")
        assert missing.json() == problem(401, "Unauthorized", "No authorization token provided")
        assert (wrong.status_code, set(wrong.json())) == (401, {"message"})
        assert wrong.json()["message"].startswith("Access denied")


@pytest.mark.parametrize("name", SAMPLES)
def test_2026_04_refuses_a_bad_key_with_the_status_that_the_operation_documents(
    early: Stage, name: str
) -> None:
    wanted = 403 if name in FORBIDDING else 401
    assert send(early, name, "").status_code == wanted
    assert send(early, name, "an-invalid-key").status_code == wanted


@pytest.mark.parametrize("status", [401, 403])
def test_the_status_of_a_bad_key_can_be_chosen_for_all_operations(status: int) -> None:
    for stage in stage_with(missing_key_status=status):
        for name in ("upscale", "v3_generate"):
            assert send(stage, name, "").status_code == status
            assert send(stage, name, "an-invalid-key").status_code == status


def test_an_empty_wallet_is_told_with_its_reason(late: Stage) -> None:
    key = late.account(balance=0.01).api_key("ideogram")
    reply = send(late, "v3_generate", key)
    assert reply.status_code == 402
    assert reply.json() == {
        "error": "Add a payment method and credits to use this API key.",
        "reject_reason": "insufficient_funds",
    }


def test_too_much_in_flight_is_told_with_its_reason_and_the_limit(late: Stage) -> None:
    key = late.account(in_flight=3).api_key("ideogram")
    reply = send(late, "v3_generate", key, num_images="4")
    assert reply.status_code == 429
    assert reply.json() == {
        "error": "Too many requests in flight.",
        "reject_reason": "inflight_limit",
        "max_inflight_requests": 3,
    }


def test_an_empty_wallet_pauses_the_key_where_that_is_chosen() -> None:
    for stage in stage_with(api_version="2026-10", empty_wallet="pause-key"):
        account = stage.account(balance=0.06)
        key = account.api_key("ideogram")
        assert send(stage, "v3_generate", key).status_code == 200
        paused = send(stage, "v3_generate", key)
        assert (paused.status_code, paused.json()["message"][:13]) == (401, "Access denied")
        assert "empty" in paused.headers["x-fauxscale-reason"]
        account.settings(balance=1)
        assert send(stage, "v3_generate", key).status_code == 200
        poor = stage.account(balance=0.01).api_key("ideogram")
        assert send(stage, "v3_generate", poor).status_code == 402, (
            "what is left is too little, but not nothing"
        )


def test_the_safety_check_speaks_of_the_prompt_or_of_the_picture(late: Stage, early: Stage) -> None:
    from fauxscale import UnsafeImage

    for stage in (late, early):
        for name, what in (("v3_generate", "Prompt"), ("upscale", "Prompt"), ("describe", "Image")):
            account = stage.account(balance=1)
            account.faults.add(UnsafeImage(refuse=True))
            reply = send(stage, name, account.api_key("ideogram"))
            assert reply.status_code == 422
            said = f"{what} provided failed safety check due to the inclusion of prohibited content."
            assert reply.json()["error"] == said
            assert ("message" in reply.json()) == (stage is early)
            assert account.spend == 0


def test_unknown_paths_and_wrong_methods_have_the_framework_s_words(late: Stage) -> None:
    lost = late.http.post(f"{late.base_url('ideogram')}/nope")
    assert lost.status_code == 404
    assert lost.json()["title"] == "Not Found"
    assert lost.json()["detail"].startswith("The requested URL was not found on the server. If you entered")
    wrong = late.http.get(f"{late.base_url('ideogram')}/v1/ideogram-v3/generate")
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "POST")
    said = "The method is not allowed for the requested URL."
    assert wrong.json() == problem(405, "Method Not Allowed", said)


def test_the_one_json_operation_wants_json(late: Stage) -> None:
    url, key = f"{late.base_url('ideogram')}/generate", late.account().api_key("ideogram")

    def post(body: str, kind: str) -> httpx.Response:
        return late.http.post(url, content=body, headers={"Api-Key": key, "Content-Type": kind})

    said = "Invalid Content-type (text/plain), expected JSON data"
    assert post("{}", "text/plain").json() == problem(415, "Unsupported Media Type", said)
    broken = post("{", "application/json")
    assert broken.json() == problem(400, "Bad Request", "Request body is not valid JSON")
    assert post("[]", "application/json").status_code == 400


@pytest.mark.parametrize("name", [name for name, one in SAMPLES.items() if one.json != "body"])
def test_json_to_an_operation_that_takes_a_form_is_a_400(late: Stage, early: Stage, name: str) -> None:
    for stage in (late, early):
        url = stage.base_url("ideogram") + SAMPLES[name].path
        key = stage.account().api_key("ideogram")
        assert stage.http.post(url, json={"prompt": "a"}, headers={"Api-Key": key}).status_code == 400


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 408, 413, 415, 422, 429, 500, 502, 503, 504])
def test_a_configured_status_has_a_body_of_the_observed_family(late: Stage, status: int) -> None:
    account = late.account()
    account.faults.add(Fail(status), on="ideogram.*")
    reply = send(late, "v3_generate", account.api_key("ideogram"))
    assert reply.status_code == status
    body = reply.json()
    assert set(body) in (
        {"error"},
        {"message"},
        {"error", "reject_reason"},
        {"type", "title", "detail", "status"},
    )
    assert all(body.values())


def test_a_configured_message_is_said(late: Stage) -> None:
    account = late.account()
    account.faults.add(Fail(500, message="out of cats"), on="ideogram.v3_generate")
    assert send(late, "v3_generate", account.api_key("ideogram")).json() == {"error": "out of cats"}


def test_a_refusal_costs_nothing(late: Stage) -> None:
    account = late.account(balance=1)
    key = account.api_key("ideogram")
    for reply in (
        send(late, "v3_generate", key, num_images="9"),
        send(late, "v3_remix", key, image=b"none"),
        send(late, "v3_inpaint", key, mask=picture(width=10, height=10)),
        send(late, "v3_generate", key, prompt="fauxscale:unsafe"),
        send(
            late,
            "v3_generate",
            key,
            num_images="8",
            rendering_speed="QUALITY",
            seed="1",
            prompt="fauxscale:500",
        ),
    ):
        assert not reply.is_success
    assert (len(account.ledger), account.spend) == (0, 0)
