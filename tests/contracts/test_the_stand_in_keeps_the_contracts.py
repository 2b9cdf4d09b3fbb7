"""Every kind of answer the stand-in gives is one that the recorded contracts know.

The server never reads the contracts: two descriptions made apart from each other are compared here.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from hypothesis import HealthCheck, given, settings

from fauxscale import Settings
from fauxscale.client import AccountHandle
from fauxscale_contracts import Exchange, Request, broken_images, load, requests
from fauxscale_contracts.contract.multipart import Part, join
from tests.stages import Stage, open_stage

few = settings(
    max_examples=12,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
# Provider: the operation that does the work, what leads to its path from the base URL, how a key is sent.
WORK: dict[str, tuple[str, str, str, str]] = {
    "ideogram": ("ideogram.upscale", "/upscale", "Api-Key", ""),
    "aigateway": ("aigateway.edits", "/images/edits", "Authorization", "Bearer "),
    "lumenfall": ("lumenfall.edits", "/images/edits", "Authorization", "Bearer "),
    "fal": ("fal.run", "/fal-ai/ideogram/upscale", "Authorization", "Key "),
}


def judged(response: httpx.Response, status: int, *, operation: str = "") -> httpx.Response:
    """The response, after its status and every word of it were held against the contract."""
    exchange = Exchange.of(response, operation=operation)
    provider = operation.partition(".")[0] or urlsplit(exchange.request.url).path.split("/")[1]
    assert response.status_code == status, response.text
    assert load(provider).check_response(exchange) == []
    return response


class Client:
    """Sends one picture to a provider the way its documentation says."""

    def __init__(self, stage: Stage, provider: str, account: AccountHandle, photo: bytes) -> None:
        self.operation, path, self.header, self.prefix = WORK[provider]
        self.provider, self.photo = provider, photo
        self.http, self.url = stage.http, stage.base_url(provider) + path
        self.key = account.api_key(provider)

    def send(
        self, *, prompt: str = "a cat", picture: bytes | None = None, key: str | None = None
    ) -> httpx.Response:
        data = self.photo if picture is None else picture
        headers = {self.header: self.prefix + (self.key if key is None else key)}
        if self.provider == "fal":
            address = f"data:image/png;base64,{base64.b64encode(data).decode()}"
            return self.http.post(self.url, json={"image_url": address, "prompt": prompt}, headers=headers)
        parts = [Part("image", "a.png", "image/png", data), Part("prompt", data=prompt.encode())]
        if self.provider == "ideogram":
            parts = [Part("image_file", "a.png", "image/png", data)]
            parts.append(Part("image_request", data=f'{{"prompt": "{prompt}"}}'.encode()))
        else:
            model = "ideogram-upscale" if self.provider == "lumenfall" else "ideogram/ideogram-upscale"
            parts.append(Part("model", data=model.encode()))
        content_type, body = join(parts)
        return self.http.post(self.url, content=body, headers={**headers, "Content-Type": content_type})

    def link(self, response: httpx.Response) -> str:
        body: Any = response.json()
        return str((body["images"] if self.provider == "fal" else body["data"])[0]["url"])


@pytest.fixture(params=list(WORK))
def provider(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def client(stage: Stage, provider: str, photo: bytes) -> Client:
    return Client(stage, provider, stage.account(), photo)


def test_a_good_call_and_its_download_keep_the_contract(client: Client) -> None:
    response = judged(client.send(), 200, operation=client.operation)
    assert load(client.provider).check_request(Exchange.of(response)) == []
    link, download = client.link(response), f"{client.provider}.download"
    whole = judged(client.http.get(link), 200, operation=download)
    judged(client.http.head(link), 200, operation=download)
    judged(client.http.get(link, headers={"Range": "bytes=0-9"}), 206, operation=download)
    judged(client.http.get(link, headers={"Range": "bytes=99999999-"}), 416, operation=download)
    judged(client.http.get(link, headers={"If-None-Match": whole.headers["etag"]}), 304, operation=download)


@pytest.mark.parametrize("api_version", ["2026-04", "2026-10"])
def test_each_api_version_is_kept_by_the_stand_in_of_that_api_version(api_version: str, photo: bytes) -> None:
    for stage in open_stage("in-process", Settings(options={"ideogram.api_version": api_version})):
        exchange = Exchange.of(Client(stage, "ideogram", stage.account(), photo).send())
        other = {"2026-04": "2026-10", "2026-10": "2026-04"}[api_version]
        assert load("ideogram", api_version=api_version).check_response(exchange) == []
        assert load("ideogram", api_version=other).check_response(exchange) == [], (
            "a reply now has what both have"
        )


def test_a_missing_link_is_refused_as_recorded(client: Client) -> None:
    link = client.link(client.send())
    path, _, query = link.partition("?")
    gone = f"{path.rpartition('/')[0]}/{'A' * 22}.png?{query}"
    judged(client.http.get(gone), 404, operation=f"{client.provider}.download")


def test_an_expired_and_a_forged_link_are_refused_as_recorded(stage: Stage, photo: bytes) -> None:
    dead = Client(stage, "ideogram", stage.account(link_ttl=0), photo)
    judged(dead.http.get(dead.link(dead.send())), 403)
    live = Client(stage, "ideogram", stage.account(), photo)
    judged(live.http.get(live.link(live.send())[:-64] + "0" * 64), 403)


def test_a_missing_or_a_wrong_key_is_refused_as_recorded(client: Client) -> None:
    status = 403 if client.provider == "ideogram" else 401
    judged(client.send(key="no-invalid-key"), status, operation=client.operation)
    judged(client.http.post(client.url), status, operation=client.operation)


def test_an_empty_wallet_is_refused_as_recorded(stage: Stage, provider: str, photo: bytes) -> None:
    client = Client(stage, provider, stage.account(balance=0.01), photo)
    judged(client.send(), 403 if provider == "fal" else 402, operation=client.operation)


def test_every_status_that_can_be_configured_is_on_record(client: Client) -> None:
    for status in (400, 401, 402, 403, 404, 408, 413, 415, 422, 429, 500, 502, 503, 504):
        judged(client.send(prompt=f"fauxscale:{status}"), status, operation=client.operation)


# How each says that a picture is unsafe, when it refuses.
UNSAFE = {"ideogram": 422, "aigateway": 400, "lumenfall": 400, "fal": 422}


def test_an_unsafe_picture_is_refused_as_recorded(client: Client) -> None:
    judged(client.send(prompt="fauxscale:unsafe"), UNSAFE[client.provider], operation=client.operation)


def test_an_unsafe_picture_that_is_not_refused_has_no_link_and_says_so_as_recorded(client: Client) -> None:
    body: Any = judged(client.send(prompt="fauxscale:unsafe-200"), 200, operation=client.operation).json()
    if client.provider == "fal":
        assert body["images"] == []
        return
    (item,) = body["data"]
    assert item["url"] is None
    if client.provider == "ideogram":
        assert item["is_image_safe"] is False


def test_the_minute_and_its_end_are_told_as_recorded(stage: Stage, provider: str, photo: bytes) -> None:
    client = Client(stage, provider, stage.account(rate_limit=1), photo)
    judged(client.send(), 200, operation=client.operation)
    judged(client.send(), 429, operation=client.operation)


def test_a_broken_picture_is_refused_as_recorded(client: Client) -> None:
    refused = {"fal": 422}.get(client.provider, 400)

    @few
    @given(broken_images())
    def run(picture: bytes) -> None:
        judged(client.send(picture=picture), refused, operation=client.operation)

    run()


GOOD = Part("image_request", data=b"{}")
WRONG: dict[str, Callable[[Part], list[Part]]] = {
    "no picture": lambda _: [GOOD],
    "no request": lambda picture: [picture],
    "nothing": lambda _: [],
    "broken JSON": lambda picture: [Part("image_request", data=b"{"), picture],
    "no object": lambda picture: [Part("image_request", data=b"[]"), picture],
    "too much": lambda picture: [Part("image_request", data=b'{"resemblance": 101}'), picture],
    "too little": lambda picture: [Part("image_request", data=b'{"seed": -1}'), picture],
    "a GIF": lambda _: [GOOD, Part("image_file", "a.gif", "image/gif", b"GIF89a" + bytes(40))],
    "too large": lambda picture: [
        GOOD,
        Part("image_file", "a.png", None, picture.data + bytes(10 * 1024**2)),
    ],
}


@pytest.mark.parametrize("name", WRONG)
def test_what_the_contract_finds_wrong_the_stand_in_refuses(stage: Stage, photo: bytes, name: str) -> None:
    content_type, body = join(WRONG[name](Part("image_file", "a.png", "image/png", photo)))
    headers = {"Api-Key": stage.account().api_key("ideogram"), "Content-Type": content_type}
    response = judged(
        stage.http.post(f"{stage.base_url('ideogram')}/upscale", content=body, headers=headers), 400
    )
    assert load("ideogram").check_request(Exchange.of(response)) != []


# The others need what only an earlier call gives out; they are read in the tests around this one.
ALONE = {
    *(
        "upscale",
        "generations",
        "edits",
        "run",
        "submit",
        "models",
        "model",
        "model_schema",
        "balance",
        "openapi",
    ),
    *("llms", "requests", "token", "initiate", "initiate_multipart", "upload", "jwks", "create_multipart"),
    *("generate", "edit", "remix", "reframe", "describe", "v1_edit", "remove_background"),
    *("v3_generate", "v3_generate_transparent", "v3_inpaint", "v3_edit", "v3_remix", "v3_reframe"),
    *("v3_replace_background", "v3_layerize_text", "datasets", "create_dataset"),
    *("v2_upscale", "v2_generate", "v2_remove_background", "v2_describe", "v2_usage"),
}
OPERATIONS = [
    one
    for name in WORK
    for one in load(name).operations
    # A model of Ideogram's must be trained first.
    if one.partition(".")[2] in ALONE and one != "ideogram.model"
]


@pytest.mark.parametrize("operation", OPERATIONS)
def test_requests_that_keep_the_contract_get_recorded_answers(stage: Stage, operation: str) -> None:
    name = operation.partition(".")[0]
    account, contract = stage.account(), load(name)
    accepted: list[bool] = []

    @few
    @given(requests(operation, base_url=f"{stage.url}/{name}", api_key=account.api_key(name)))
    def run(request: Request) -> None:
        headers = [(key.encode(), value.encode()) for key, value in request.headers]
        response = stage.http.request(request.method, request.url, headers=headers, content=request.body)
        exchange = Exchange.of(response, operation=operation)
        assert response.status_code < 500, response.text
        assert contract.check_request(exchange) == []
        assert contract.check_response(exchange) == []
        accepted.append(response.is_success)

    run()
    assert any(accepted) != (operation == "lumenfall.generations")


def test_a_dataset_and_the_model_trained_of_it_keep_the_contract(stage: Stage, photo: bytes) -> None:
    account = stage.account()
    account.settings(options={"ideogram.training_images": 1})
    http, headers = stage.http, {"Api-Key": account.api_key("ideogram")}
    base = stage.base_url("ideogram")

    def ask(method: str, path: str, operation: str, status: int = 200, **more: Any) -> Any:
        response = http.request(method, base + path, headers=headers, **more)
        judged(response, status, operation=f"ideogram.{operation}")
        assert load("ideogram").check_request(Exchange.of(response)) == []
        return response.json()

    dataset = ask("POST", "/datasets", "create_dataset", json={"name": "cats"})["dataset_id"]
    files = [
        ("files", ("a.png", photo, "image/png")),
        ("files", ("a.txt", b"A cat", "text/plain")),
        ("files", ("b.png", b"junk", "image/png")),
    ]
    ask("POST", f"/datasets/{dataset}/upload_assets", "upload_assets", files=files)
    ask("GET", f"/datasets/{dataset}", "dataset")
    ask("GET", "/datasets", "datasets")
    wanted = {"dataset_id": dataset, "model_name": "My model"}
    model = ask("POST", "/v1/ideogram-v3/train-model", "train_model", json=wanted)["model_id"]
    for seconds in (0, 10, 60):
        account.clock.advance(seconds=seconds)
        ask("GET", f"/models/{model}", "model")
        ask("GET", "/models?scope=owned&status=COMPLETED&status=TRAINING", "models")
    nowhere = "A" * 22
    ask("GET", f"/datasets/{nowhere}", "dataset", 404)
    ask("POST", f"/datasets/{nowhere}/upload_assets", "upload_assets", 404, files=files[:1])
    wanted["dataset_id"] = nowhere
    ask("POST", "/v1/ideogram-v3/train-model", "train_model", 404, json=wanted)
    ask("GET", f"/models/{nowhere}", "model", 404)


@pytest.mark.parametrize("path", ["upscale/auto", "remove-background/ideogram-1", "generate/ideogram-3"])
def test_a_generation_that_is_polled_keeps_the_contract(stage: Stage, photo: bytes, path: str) -> None:
    account = stage.account()
    account.settings(options={"ideogram.run_seconds": 10})
    headers = {"Api-Key": account.api_key("ideogram")}
    base = f"{stage.base_url('ideogram')}/v2"
    wanted: Any = {"files": {"image": ("a.png", photo, "image/png")}, "data": {"async": "true"}}
    if path.startswith("generate"):
        wanted = {"json": {"prompt": "a cat", "async": True}}
    operation = f"ideogram.v2_{path.partition('/')[0].replace('-', '_')}"
    begun = stage.http.post(f"{base}/image/{path}", headers=headers, **wanted)
    judged(begun, 200, operation=operation)
    quote = stage.http.post(f"{base}/image/{path}?dry_run=true", headers=headers, **wanted)
    judged(quote, 200, operation=operation)
    assert load("ideogram").check_request(Exchange.of(quote)) == []
    address = f"{base}/generations/{begun.json()['generation_id']}"
    for status in ("pending", "completed"):
        polled = judged(stage.http.get(address, headers=headers), 200, operation="ideogram.v2_poll")
        assert polled.json()["status"] == status
        account.clock.advance(seconds=10)
    judged(stage.http.get(f"{base}/generations/{'A' * 22}", headers=headers), 404)
    judged(stage.http.get(f"{base}/generations/none", headers=headers), 400)


def test_a_job_in_the_queue_keeps_the_contract(stage: Stage, photo: bytes) -> None:
    client = Client(stage, "fal", stage.account(), photo)
    address = f"data:image/png;base64,{base64.b64encode(photo).decode()}"
    headers = {"Authorization": f"Key {client.key}"}
    submit = f"{stage.url}/fal/queue/fal-ai/ideogram/upscale"
    job: Any = judged(client.http.post(submit, json={"image_url": address}, headers=headers), 200).json()
    judged(client.http.get(job["status_url"], params={"logs": "true"}, headers=headers), 200)
    judged(client.http.get(f"{job['status_url']}/stream", headers=headers), 200)
    judged(client.http.get(job["response_url"], headers=headers), 200)
    judged(client.http.put(job["cancel_url"], headers=headers), 400)
    nowhere = job["response_url"].replace(job["request_id"], "0" * 36)
    judged(client.http.get(nowhere, headers=headers), 404)
    judged(client.http.get(f"{nowhere}/status", headers=headers), 404)
    judged(client.http.put(f"{nowhere}/cancel", headers=headers), 404)


def test_a_file_put_into_storage_keeps_the_contract(stage: Stage, photo: bytes) -> None:
    client = Client(stage, "fal", stage.account(), photo)
    headers = {"Authorization": f"Key {client.key}"}
    ask = {"file_name": "a.png", "content_type": "image/png"}
    place: Any = judged(
        client.http.post(f"{stage.url}/fal/rest/storage/upload/initiate", json=ask, headers=headers), 200
    ).json()
    judged(client.http.put(place["upload_url"], content=photo, headers={"Content-Type": "image/png"}), 200)
    judged(client.http.get(place["file_url"]), 200)
    judged(client.http.get(place["file_url"][:-5] + "x.png"), 404)
