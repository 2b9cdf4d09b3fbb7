"""The stand-in of Stability AI's upscalers does what its README promises, by the fixtures of pytest-fauxscale."""

from __future__ import annotations

import base64
import io
import sys
import warnings
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from fauxscale import (
    Body,
    CorruptChunk,
    Expire,
    Fail,
    HtmlWith200,
    LoseReply,
    MissingField,
    MockServer,
    Purge,
    SameSize,
    Settings,
    SlowDrip,
    Smaller,
    Truncate,
    UnsafeImage,
    WrongContentLength,
    WrongFormat,
    assert_is_upscale_of,
)
from fauxscale_contracts import ClientConformance
from pytest_fauxscale import AccountHandle, SampleImages

sys.path.insert(0, str(Path(__file__).parent.parent / "clients"))

from careful import NoPicture, upscale

REAL = "https://api.stability.ai"


class Stability:
    """The operations as plain calls, by a key of the test's own."""

    def __init__(self, base_url: str, key: str) -> None:
        self.base_url = base_url
        self.key = key

    def fast(self, image: bytes, accept: str = "image/*", **fields: str) -> httpx.Response:
        return self._post("fast", {"image": image}, accept, fields)

    def creative(self, image: bytes, **fields: str) -> httpx.Response:
        return self._post("creative", {"image": image}, "application/json", fields)

    def result(self, job: str, accept: str = "image/*") -> httpx.Response:
        return self.ask("GET", f"/v2beta/results/{job}", accept)

    def credits(self) -> float:
        return float(self.ask("GET", "/v1/user/balance", "*/*").json()["credits"])

    def ask(self, method: str, path: str, accept: str, **more: Any) -> httpx.Response:
        headers = {"authorization": f"Bearer {self.key}", "accept": accept}
        return httpx.request(method, self.base_url + path, headers=headers, timeout=5, **more)

    def _post(
        self, kind: str, files: dict[str, bytes], accept: str, fields: dict[str, str]
    ) -> httpx.Response:
        path = f"/v2beta/stable-image/upscale/{kind}"
        return self.ask("POST", path, accept, data=fields, files=files)


def of(account: AccountHandle) -> Stability:
    return Stability(account.base_url("stability"), account.api_key("stability"))


def told(reply: httpx.Response) -> tuple[int, str, str]:
    words = reply.json()
    assert set(words) == {"id", "name", "errors"}
    return reply.status_code, words["name"], words["errors"][0]


@pytest.fixture
def picture(sample_image: SampleImages) -> bytes:
    return sample_image("PNG", 96, 72)


# Fast


@pytest.mark.parametrize("name", ["png", "jpeg", "webp"])
def test_fast_answers_the_picture_four_times_as_large(
    fauxscale: AccountHandle, picture: bytes, name: str
) -> None:
    reply = of(fauxscale).fast(picture, output_format=name)
    assert reply.headers["content-type"] == f"image/{name}"
    assert reply.headers["finish-reason"] == "SUCCESS"
    assert reply.headers["seed"].isdigit()
    assert_is_upscale_of(reply.content, picture, 4)
    fauxscale.calls.assert_called_once(operation="stability.fast", output_format=name, image_size=(96, 72))


def test_fast_answers_base64_where_json_is_asked_for(fauxscale: AccountHandle, picture: bytes) -> None:
    words = of(fauxscale).fast(picture, "application/json").json()
    assert set(words) == {"image", "finish_reason", "seed"}
    assert words["finish_reason"] == "SUCCESS"
    assert_is_upscale_of(base64.b64decode(words["image"]), picture, 4)


@pytest.mark.parametrize(("width", "height"), [(31, 64), (64, 31), (1537, 32), (1025, 1024)])
def test_fast_refuses_pictures_outside_its_limits(
    fauxscale: AccountHandle, sample_image: SampleImages, width: int, height: int
) -> None:
    status, name, error = told(of(fauxscale).fast(sample_image("PNG", width, height)))
    assert (status, name) == (400, "bad_request")
    assert error.startswith("image: ")
    assert fauxscale.spend == 0


@pytest.mark.parametrize(("width", "height"), [(32, 32), (1536, 32)])
def test_fast_takes_pictures_at_its_limits(
    fauxscale: AccountHandle, sample_image: SampleImages, width: int, height: int
) -> None:
    reply = of(fauxscale).fast(sample_image("PNG", width, height))
    with Image.open(io.BytesIO(reply.content)) as came:
        assert came.size == (4 * width, 4 * height)


def test_refusals_are_worded_as_the_service_words_them(
    fauxscale: AccountHandle, picture: bytes, sample_image: SampleImages
) -> None:
    stability = of(fauxscale)
    nothing = stability.ask("POST", "/v2beta/stable-image/upscale/fast", "*/*", files={"other": b""})
    assert told(nothing) == (400, "bad_request", "image: is required")
    assert told(stability.fast(picture, output_format="gif"))[2] == (
        "output_format: must be one of png, jpeg, webp"
    )
    assert told(stability.fast(sample_image.oversized(11_000_000))) == (
        413,
        "payload_too_large",
        "body: payloads cannot be larger than 10MiB in size",
    )
    assert told(Stability(fauxscale.base_url("stability"), "sk-invalid").fast(picture))[:2] == (
        401,
        "unauthorized",
    )
    fauxscale.settings(balance=0)
    assert told(stability.fast(picture))[:2] == (402, "payment_required")


def test_moderation_is_a_403_and_free(fauxscale: AccountHandle, picture: bytes) -> None:
    fauxscale.faults.add(UnsafeImage(refuse=True), on="stability.fast")
    assert told(of(fauxscale).fast(picture))[:2] == (403, "content_moderation")
    assert fauxscale.spend == 0


def test_an_error_may_be_ordered_by_its_name(fauxscale: AccountHandle, picture: bytes) -> None:
    fauxscale.faults.add(Fail(422, code="public_figure", message="no kings"), on="stability.fast")
    assert told(of(fauxscale).fast(picture)) == (422, "public_figure", "no kings")


# Creative and its results


def test_creative_is_read_later_and_paid_when_it_is_done(fauxscale: AccountHandle, picture: bytes) -> None:
    fauxscale.settings(balance=1, options={"stability.polls": 2})
    stability = of(fauxscale)
    assert stability.credits() == 100
    job = stability.creative(picture, prompt="a photo", seed="7", creativity="0.2").json()["id"]
    for _ in range(2):
        early = stability.result(job)
        assert (early.status_code, early.json()) == (202, {"id": job, "status": "in-progress"})
    assert stability.credits() == 100
    reply = stability.result(job)
    assert (reply.headers["seed"], reply.headers["finish-reason"]) == ("7", "SUCCESS")
    assert_is_upscale_of(reply.content, picture, 4)
    assert stability.credits() == 40
    words = stability.result(job, "application/json").json()
    assert base64.b64decode(words["result"]) == reply.content
    fauxscale.calls.assert_called_once(operation="stability.creative", creativity=0.2, seed=7)


def test_a_result_is_gone_after_a_day(fauxscale: AccountHandle, picture: bytes) -> None:
    fauxscale.clock.freeze()
    stability = of(fauxscale)
    job = stability.creative(picture, prompt="a photo").json()["id"]
    assert stability.result(job).status_code == 200
    fauxscale.clock.advance(hours=23, minutes=59)
    assert stability.result(job).status_code == 200
    fauxscale.clock.advance(minutes=2)
    assert told(stability.result(job))[:2] == told(stability.result("0" * 64))[:2] == (404, "not_found")


def test_creative_wants_a_prompt_and_a_larger_picture(
    fauxscale: AccountHandle, picture: bytes, sample_image: SampleImages
) -> None:
    stability = of(fauxscale)
    assert told(stability.creative(picture))[2] == "prompt: is required"
    assert told(stability.creative(picture, prompt="x", creativity="0.9"))[2] == (
        "creativity: must be at most 0.5"
    )
    assert told(stability.creative(sample_image("PNG", 63, 96), prompt="x"))[0] == 400
    assert fauxscale.spend == 0


def test_creative_may_grow_to_4k(fauxscale: AccountHandle, picture: bytes) -> None:
    fauxscale.settings(options={"stability.creative_output": "4k"})
    stability = of(fauxscale)
    reply = stability.result(stability.creative(picture, prompt="a photo").json()["id"])
    with Image.open(io.BytesIO(reply.content)) as came:
        assert came.size == (4096, 3072)


def test_jobs_obey_the_control_api(fauxscale: AccountHandle, picture: bytes) -> None:
    fauxscale.settings(options={"stability.run_seconds": 60})
    stability = of(fauxscale)
    stuck = stability.creative(picture, prompt="a photo").json()["id"]
    fauxscale.jobs.stall()
    fauxscale.clock.advance(hours=1)
    assert stability.result(stuck).status_code == 202
    fauxscale.jobs.finish()
    assert stability.result(stuck).status_code == 200

    failed = stability.creative(picture, prompt="a photo").json()["id"]
    fauxscale.jobs.fail(status=500)
    assert told(stability.result(failed))[:2] == (500, "internal_error")
    assert fauxscale.spend == 0.6


def test_a_result_that_dies_stays_dead(fauxscale: AccountHandle, picture: bytes) -> None:
    stability = of(fauxscale)
    first, second = (stability.creative(picture, prompt=text).json()["id"] for text in "ab")
    assert fauxscale.links.list() == []  # results are read by the id of their job: nothing is linked to
    fauxscale.faults.add(Expire(), on="stability.results")
    assert [stability.result(first).status_code for _ in range(2)] == [404, 404]
    fauxscale.faults.add(Purge(), on="stability.results")
    assert [stability.result(second).status_code for _ in range(2)] == [404, 404]


# Faults reach pictures inside replies


def decoded(reply: httpx.Response, member: str) -> bytes:
    if reply.headers["content-type"].startswith("application/json"):
        return base64.b64decode(reply.json()[member])
    return reply.content


FAULTS: tuple[tuple[Any, str], ...] = (
    (Truncate(at=100), "no whole picture"),
    (CorruptChunk(), "no whole picture"),
    (HtmlWith200(), "no picture"),
    (WrongFormat(), "JPEG"),
    (WrongContentLength(by=-200), "no whole picture"),
    (SameSize(), "(96, 72)"),
    (Smaller(), "(48, 36)"),
)


def seen(data: bytes) -> str:
    try:
        image = Image.open(io.BytesIO(data))
    except OSError:
        return "no picture"
    try:
        image.load()
    except (OSError, SyntaxError):
        return "no whole picture"
    return f"{image.format} {image.size}"


@pytest.mark.parametrize("accept", ["image/*", "application/json"])
@pytest.mark.parametrize("kind", ["fast", "creative"])
@pytest.mark.parametrize(("fault", "verdict"), FAULTS, ids=lambda one: type(one).__name__)
def test_a_fault_reaches_the_picture_in_the_reply(
    fauxscale: AccountHandle, picture: bytes, kind: str, accept: str, fault: Any, verdict: str
) -> None:
    stability = of(fauxscale)
    made_of_work = isinstance(fault, (SameSize, Smaller))
    on = "stability.fast" if kind == "fast" else f"stability.{'creative' if made_of_work else 'results'}"
    fauxscale.faults.add(fault, on=on)
    try:
        if kind == "fast":
            reply = stability.fast(picture, accept)
        else:
            reply = stability.result(stability.creative(picture, prompt="a photo").json()["id"], accept)
        what = seen(decoded(reply, "image" if kind == "fast" else "result"))
    except (httpx.RemoteProtocolError, ValueError):
        what = "no whole picture"  # cut off, or cut in the middle of its JSON
    assert verdict in what
    assert fauxscale.faults.list()[0].applied == 1
    assert fauxscale.spend == (0.02 if kind == "fast" else 0.6)


def test_faults_of_the_reply_arrive(fauxscale: AccountHandle, picture: bytes) -> None:
    stability = of(fauxscale)
    fauxscale.faults.add(LoseReply(), on="stability.fast")
    with pytest.raises(httpx.TransportError):
        stability.fast(picture)
    fauxscale.faults.add(Body(text="<h1>", media_type="text/html"), on="stability.fast")
    assert stability.fast(picture).text == "<h1>"
    fauxscale.faults.add(MissingField("/finish_reason"), on="stability.fast")
    assert set(stability.fast(picture, "application/json").json()) == {"image", "seed"}
    fauxscale.faults.add(SlowDrip(0.05, 3), on="stability.fast")
    assert seen(stability.fast(picture).content) == "PNG (384, 288)"
    fauxscale.faults.add(Fail(429, retry_after=3), on="stability.fast")
    late = stability.fast(picture)
    assert late.headers["retry-after"] == "3"
    assert told(late)[:2] == (429, "rate_limit_exceeded")
    fauxscale.faults.add(Expire(), on="stability.results")
    job = stability.creative(picture, prompt="a photo").json()["id"]
    assert told(stability.result(job))[:2] == (404, "not_found")


# Ways in


def test_the_real_host_is_intercepted(fauxscale_intercept: AccountHandle, picture: bytes) -> None:
    key = fauxscale_intercept.api_key("stability")
    assert key.startswith("sk-")
    assert_is_upscale_of(upscale(REAL, key, "fast", picture), picture, 4)
    assert_is_upscale_of(upscale(REAL, key, "creative", picture, between=0), picture, 4)
    assert [call.operation for call in fauxscale_intercept.calls] == [
        "stability.fast",
        "stability.creative",
        "stability.results",
    ]


def test_a_server_of_ones_own_serves_it_and_its_inspector_lists_the_calls(picture: bytes) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a package that is left out is a warning
        server = MockServer(Settings(), installed=True)
    with server as mock:
        Stability(mock.base_url("stability"), "sk-mine").fast(picture)
        inspector = mock.base_url("stability").removesuffix("stability") + "__fauxscale/"
        assert "inspector/app.js" in httpx.get(inspector).text
        # What the page's script shows comes from here.
        assert "stability.fast" in httpx.get(inspector + "api/inspector/calls").text


class TestCareful(ClientConformance):
    """The client that fits this service is right in every scenario, by way of the job."""

    provider = "stability"
    failures = (NoPicture, httpx.HTTPError, OSError, SyntaxError, ValueError)
    fuzz = 0

    def upscale(self, endpoint: Any, image: bytes, **options: Any) -> bytes:
        return upscale(endpoint.base_url, endpoint.api_key, "creative", image, between=0.05)
