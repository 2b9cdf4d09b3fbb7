"""fal-ai/ideogram/upscale, asked directly, answers as fal.ai words it, in every mode."""

from __future__ import annotations

import base64
import re
from typing import Any

import httpx
import pytest
from PIL import ImageChops

from fauxscale import Settings
from fauxscale.faults import Fail, UnsafeImage
from tests.calls.fal import MODEL, UUID, run, uri
from tests.local_app import LocalApp, open_local_app
from tests.pictures import doubled, opened, picture
from tests.stages import Stage


@pytest.fixture
def local() -> Any:
    yield from open_local_app()


def detail(reply: httpx.Response) -> Any:
    assert reply.headers["content-type"] == "application/json"
    return reply.json()["detail"]


def test_a_data_uri_comes_back_as_a_link_to_its_double(stage: Stage, photo: bytes) -> None:
    reply = run(stage, {"image_url": uri(photo)})
    assert reply.status_code == 200
    body = reply.json()
    assert set(body) == {"images", "seed"}
    (image,) = body["images"]
    assert set(image) == {"url", "content_type", "file_name", "file_size"}
    assert image["content_type"] == "image/png"
    assert re.fullmatch(re.escape(stage.url) + r"/fal/media/files/\d+/[\w-]{22}\.png", image["url"])
    result = opened(stage.http.get(image["url"]).content)
    assert ImageChops.difference(result, doubled(photo)).getbbox() is None


def test_every_answer_names_its_request_and_what_it_costs(stage: Stage) -> None:
    key = stage.account().api_key("fal")
    done = run(stage, {"image_url": uri(picture())}, key=key)
    refused = run(stage, {}, key=key)
    assert done.headers["x-fal-billable-units"] == "1"
    assert refused.headers["x-fal-billable-units"] == "0"
    ids = [done.headers["x-fal-request-id"], refused.headers["x-fal-request-id"]]
    assert all(re.fullmatch(UUID, one) for one in ids)
    assert ids[0] != ids[1]


def test_a_link_of_this_server_can_be_upscaled_again(stage: Stage) -> None:
    key = stage.account().api_key("fal")
    once = run(stage, {"image_url": uri(picture(width=40, height=30))}, key=key).json()["images"][0]["url"]
    twice = run(stage, {"image_url": once}, key=key).json()["images"][0]["url"]
    assert opened(stage.http.get(twice).content).size == (160, 120)


def test_members_fal_does_not_know_are_ignored(stage: Stage) -> None:
    assert run(stage, {"image_url": uri(picture()), "num_images": 4, "x": None}).status_code == 200


def test_an_asked_seed_is_answered(stage: Stage) -> None:
    assert run(stage, {"image_url": uri(picture()), "seed": 7}).json()["seed"] == 7


def test_sync_mode_sends_the_picture_itself(stage: Stage) -> None:
    (image,) = run(stage, {"image_url": uri(picture()), "sync_mode": True}).json()["images"]
    head, _, data = image["url"].partition(",")
    assert head == "data:image/png;base64"
    assert opened(base64.b64decode(data)).size == (80, 60)
    assert image["file_size"] == len(base64.b64decode(data))


def test_the_real_path_at_the_root_is_the_direct_call(stage: Stage) -> None:
    key = stage.account().api_key("fal")
    reply = stage.http.post(
        stage.url + MODEL, json={"image_url": uri(picture())}, headers={"authorization": f"Bearer {key}"}
    )
    assert reply.json()["images"][0]["url"].startswith(stage.url + "/fal/media/files/")


def test_reached_by_real_host_links_are_on_the_real_media_host(local: LocalApp) -> None:
    reply = local.ask("POST", MODEL, json={"image_url": uri(picture())}, headers={"host": "fal.run"})
    url = httpx.URL(reply.json()["images"][0]["url"])
    assert (url.scheme, url.host) == ("https", "v3.fal.media")
    for media in ("v3.fal.media", "fal.media", "v3b.fal.media"):
        assert opened(local.ask("GET", url.path, headers={"host": media}).content).size == (80, 60)


def test_all_faults_of_the_input_are_told_at_once_as_pydantic_tells_them(stage: Stage) -> None:
    reply = run(stage, {"prompt": 3, "resemblance": 0, "detail": 101, "seed": "x", "sync_mode": "maybe"})
    assert reply.status_code == 422
    errors = detail(reply)
    assert [(one["loc"], one["type"]) for one in errors] == [
        (["body", "image_url"], "missing"),
        (["body", "prompt"], "string_type"),
        (["body", "resemblance"], "greater_than_equal"),
        (["body", "detail"], "less_than_equal"),
        (["body", "seed"], "int_parsing"),
        (["body", "sync_mode"], "bool_parsing"),
    ]
    assert errors[0]["msg"] == "Field required"
    assert errors[2] == {
        "type": "greater_than_equal",
        "loc": ["body", "resemblance"],
        "msg": "Input should be greater than or equal to 1",
        "input": 0,
        "ctx": {"ge": 1},
    }


@pytest.mark.parametrize(
    ("member", "value", "kind"),
    [
        ("detail", 1.5, "int_from_float"),
        ("detail", [], "int_type"),
        ("detail", None, "int_type"),
        ("expand_prompt", 2, "bool_parsing"),
        ("expand_prompt", {}, "bool_type"),
        ("image_url", None, "string_type"),
    ],
)
def test_a_value_of_the_wrong_type_is_named_as_pydantic_names_it(
    stage: Stage, member: str, value: object, kind: str
) -> None:
    (error,) = detail(run(stage, {"image_url": uri(picture()), member: value}))
    assert (error["loc"], error["type"]) == (["body", member], kind)


@pytest.mark.parametrize(
    ("member", "value"),
    [("detail", "50"), ("detail", 50.0), ("resemblance", 1), ("resemblance", 100), ("seed", None),
     ("expand_prompt", "yes"), ("sync_mode", 0), ("prompt", "")],
)  # fmt: skip
def test_a_value_pydantic_would_accept_is_accepted(stage: Stage, member: str, value: object) -> None:
    assert run(stage, {"image_url": uri(picture()), member: value}).status_code == 200


@pytest.mark.parametrize(
    ("image", "kind"),
    [
        (uri(b"GIF89a" + bytes(40), "image/gif"), "unsupported_image_format"),
        (uri(picture()[:-30]), "image_load_error"),
        ("data:image/png;base64,@@@", "image_load_error"),
        ("https://example.com/cat.png", "file_download_error"),
        ("no-address", "file_download_error"),
        (uri(bytes(10 * 1024 * 1024 + 1)), "file_too_large"),
    ],
)
def test_a_bad_picture_is_refused_in_fals_catalogue(stage: Stage, image: str, kind: str) -> None:
    reply = run(stage, {"image_url": image})
    assert reply.status_code == 422
    (error,) = detail(reply)
    assert (error["loc"], error["type"]) == (["body", "image_url"], kind)
    assert error["url"] == f"https://docs.fal.ai/errors/#{kind}"
    assert error["msg"]
    assert reply.headers["x-fauxscale-reason"]


def test_facts_of_a_model_error_are_in_its_ctx(stage: Stage) -> None:
    (large,) = detail(run(stage, {"image_url": uri(bytes(10 * 1024 * 1024 + 1))}))
    (format_,) = detail(run(stage, {"image_url": uri(b"GIF89a" + bytes(40))}))
    assert large["ctx"] == {"max_size": 10 * 1024 * 1024}
    assert format_["ctx"] == {"supported_formats": [".jpg", ".jpeg", ".png", ".webp"]}


def test_a_missing_and_a_wrong_key_are_told_apart(stage: Stage) -> None:
    missing, wrong = run(stage, {}, key=""), run(stage, {}, key="invalid:key")
    assert (missing.status_code, wrong.status_code) == (401, 401)
    assert detail(missing) == "Authentication is required to access this application."
    assert detail(wrong) == "No user found for Key ID and Secret"


def test_an_empty_wallet_is_a_locked_user(stage: Stage) -> None:
    reply = run(stage, {"image_url": uri(picture())}, balance=0.05)
    assert reply.status_code == 403
    assert detail(reply) == (
        "User is locked. Reason: Exhausted balance. Top up your balance at fal.ai/dashboard/billing."
    )


@pytest.mark.parametrize(
    ("method", "path", "status", "text"),
    [
        ("POST", "/fal-ai/ideogram/remix", 404, "Path /remix not found"),
        ("POST", "/fal-ai/flux/dev", 404, "Application 'flux' not found"),
        ("GET", MODEL, 405, "Method Not Allowed"),
    ],
)
def test_unknown_paths_apps_and_methods(stage: Stage, method: str, path: str, status: int, text: str) -> None:
    reply = stage.http.request(method, stage.base_url("fal") + path)
    assert (reply.status_code, detail(reply)) == (status, text)
    # The framework of an app says of what it refuses that it is not billed.
    assert reply.headers.get("x-fal-billable-units") == ("0" if status == 404 else None)


@pytest.mark.parametrize(
    ("content", "content_type", "kind"),
    [
        (b'{"image_url"', "application/json", "json_invalid"),
        (b"", "application/json", "missing"),
        (b"--x--", "multipart/form-data; boundary=x", "model_attributes_type"),
        (b"[]", "application/json", "model_attributes_type"),
    ],
)
def test_a_body_that_is_no_json_object_is_refused_as_fastapi_does(
    stage: Stage, content: bytes, content_type: str, kind: str
) -> None:
    headers = {"authorization": f"Key {stage.account().api_key('fal')}", "content-type": content_type}
    reply = stage.http.post(stage.base_url("fal") + MODEL, content=content, headers=headers)
    assert reply.status_code == 422
    assert detail(reply)[0]["type"] == kind


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, "bad_request"), (500, "internal_error"), (502, "runner_incomplete_response"),
     (503, "runner_scheduling_failure"), (504, "request_timeout")],
)  # fmt: skip
def test_a_configured_error_of_the_machinery_is_flat_and_typed(
    local: LocalApp, status: int, kind: str
) -> None:
    local.add_fault(Fail(status), "fal.run")
    reply = local.ask("POST", MODEL, json={"image_url": uri(picture())})
    assert reply.status_code == status
    assert reply.json()["error_type"] == reply.headers["x-fal-error-type"] == kind
    assert isinstance(detail(reply), str)
    assert local.charges() == []


@pytest.mark.parametrize(
    ("status", "code"),
    [(504, "generation_timeout"), (400, "downstream_service_error"), (422, "no_media_generated"),
     (500, "downstream_service_unavailable"), (422, "content_policy_violation")],
)  # fmt: skip
def test_a_model_error_can_be_configured_by_its_name(local: LocalApp, status: int, code: str) -> None:
    local.add_fault(Fail(status, code=code), "fal.run")
    reply = local.ask("POST", MODEL, json={"image_url": uri(picture())})
    assert (reply.status_code, detail(reply)[0]["type"]) == (status, code)


def test_configured_limits_and_locks(local: LocalApp) -> None:
    local.add_fault(Fail(429, retry_after=3), "fal.run")
    local.add_fault(Fail(401), "fal.run")
    local.add_fault(Fail(403), "fal.run")
    limited, unknown, locked = (local.ask("POST", MODEL, json={}) for _ in range(3))
    assert (limited.status_code, limited.headers["retry-after"]) == (429, "3")
    assert (unknown.status_code, detail(unknown)) == (401, "No user found for Key ID and Secret")
    assert locked.status_code == 403
    assert detail(locked).startswith("User is locked.")


def test_an_unsafe_picture_is_a_policy_violation_or_withheld(local: LocalApp) -> None:
    local.add_fault(UnsafeImage(refuse=True), "fal.run")
    local.add_fault(UnsafeImage(), "fal.run")
    refused, withheld = (local.ask("POST", MODEL, json={"image_url": uri(picture())}) for _ in range(2))
    assert detail(refused)[0]["type"] == "content_policy_violation"
    assert withheld.json()["images"] == []


def test_a_magic_word_in_the_prompt_orders_its_own_fault(stage: Stage) -> None:
    assert run(stage, {"image_url": uri(picture()), "prompt": "cat fauxscale:503"}).status_code == 503


def test_a_result_lives_as_long_as_the_client_asked(local: LocalApp) -> None:
    local.freeze()
    headers = {"x-fal-object-lifecycle-preference": '{"expiration_duration_seconds": 60}'}
    url = local.ask("POST", MODEL, json={"image_url": uri(picture())}, headers=headers).json()["images"][0][
        "url"
    ]
    local.advance(59)
    assert local.ask("GET", url).status_code == 200
    local.advance(1)
    assert local.ask("GET", url).status_code == 404


def test_a_lifetime_that_cannot_be_read_is_no_error(local: LocalApp) -> None:
    for said in ("x", "[]", '{"expiration_duration_seconds": null}', '{"expiration_duration_seconds": -1}'):
        headers = {"x-fal-object-lifecycle-preference": said}
        assert (
            local.ask("POST", MODEL, json={"image_url": uri(picture())}, headers=headers).status_code == 200
        )


def test_a_file_limit_can_be_set() -> None:
    for local in open_local_app(Settings(options={"fal.max_file": 100})):
        reply = local.ask("POST", MODEL, json={"image_url": uri(picture())})
        assert detail(reply)[0]["ctx"] == {"max_size": 100}


@pytest.mark.parametrize(
    ("status", "kind", "text"),
    [(499, "client_disconnected", "Client disconnected"), (409, None, "Conflict"), (418, None, "I'm a Teapot"),
     (408, "request_timeout", "Request timed out")],
)  # fmt: skip
def test_a_configured_status_below_500_is_not_called_a_bad_request(
    local: LocalApp, status: int, kind: str | None, text: str
) -> None:
    local.add_fault(Fail(status, retry_after=1_234_567), "fal.run")
    reply = local.ask("POST", MODEL, json={"image_url": uri(picture())})
    assert (reply.status_code, reply.json().get("error_type"), detail(reply)) == (status, kind, text)
    assert reply.headers.get("x-fal-error-type") == kind
    assert reply.headers["retry-after"] == "1234567"


@pytest.mark.parametrize("seed", [-1, 2**31, 10**30])
def test_any_integer_is_a_seed_and_told_back(stage: Stage, seed: int) -> None:
    assert run(stage, {"image_url": uri(picture()), "seed": seed}).json()["seed"] == seed


@pytest.mark.parametrize(
    ("content", "content_type", "told"),
    [
        (
            b'{"image_url": "x" "prompt": 1}',
            "application/json",
            {
                "type": "json_invalid",
                "loc": ["body", 18],
                "msg": "JSON decode error",
                "input": {},
                "ctx": {"error": "Expecting ',' delimiter"},
            },
        ),
        (
            b"",
            "application/json",
            {"type": "missing", "loc": ["body"], "msg": "Field required", "input": None},
        ),
        (b"[1]", "application/json", [1]),
        (b"image_url=x", "application/x-www-form-urlencoded", "image_url=x"),
    ],
)
def test_the_place_and_the_input_of_a_bad_body_are_told_as_fastapi_tells_them(
    stage: Stage, content: bytes, content_type: str, told: object
) -> None:
    headers = {"authorization": f"Key {stage.account().api_key('fal')}", "content-type": content_type}
    (error,) = detail(stage.http.post(stage.base_url("fal") + MODEL, content=content, headers=headers))
    assert told in (error, error["input"])
