"""A provider of another shape than the own ones, written against the provider API alone, keeps all of a provider's
promises: Replicate's predictions."""

from __future__ import annotations

import ast
import base64
import inspect
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from PIL import Image

from fauxscale import ConnectionReset, Expire, Fail, MockServer, Ok, Truncate, UnsafeImage, intercept
from fauxscale.client import AccountHandle
from fauxscale.providers import PROVIDERS
from tests.mockserver.providers import replicate_shape
from tests.mockserver.providers.replicate_shape import LIFE, PRICE, REPLICATE, VERSION
from tests.pictures import opened, picture

PHOTO = picture(width=40, height=30)


def uri(data: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(data).decode()}"


def asked(image: str = uri(PHOTO), **inputs: object) -> dict[str, object]:
    return {"version": VERSION, "input": {"image": image, "scale": 2, **inputs}}


@dataclass(frozen=True)
class Client:
    """What a test holds: the account, and HTTP with its key."""

    account: AccountHandle
    http: httpx.Client

    def create(self, body: object = None, **headers: str) -> dict[str, Any]:
        reply = self.http.post("/v1/predictions", json=asked() if body is None else body, headers=headers)
        assert reply.status_code == 201, reply.text
        made: dict[str, Any] = reply.json()
        return made

    def get(self, made: dict[str, Any]) -> dict[str, Any]:
        reply = self.http.get(made["urls"]["get"])
        assert reply.status_code == 200, reply.text
        found: dict[str, Any] = reply.json()
        return found

    def cancel(self, made: dict[str, Any]) -> dict[str, Any]:
        reply = self.http.post(made["urls"]["cancel"])
        assert reply.status_code == 200, reply.text
        found: dict[str, Any] = reply.json()
        return found

    def paid(self) -> list[float]:
        return [bill.dollars for bill in self.account.ledger]


@pytest.fixture(scope="module")
def mock() -> Iterator[MockServer]:
    with MockServer(providers=(*PROVIDERS, REPLICATE)) as server:
        yield server


def client_of(mock: MockServer, account: AccountHandle) -> Client:
    headers = {"authorization": f"Bearer {account.api_key('replicate')}"}
    return Client(account, httpx.Client(base_url=mock.base_url("replicate"), headers=headers, timeout=30))


@pytest.fixture
def client(mock: MockServer) -> Iterator[Client]:
    """Of an account whose clock stands still."""
    made = client_of(mock, mock.account())
    made.account.clock.freeze()
    with made.http:
        yield made


def slow(client: Client, **options: float) -> None:
    client.account.settings(options={f"replicate.{name}": value for name, value in options.items()})


def test_it_imports_nothing_of_ours_but_the_provider_api() -> None:
    tree = ast.parse(inspect.getsource(replicate_shape))
    modules = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {one for one in modules if one and one.startswith("fauxscale")} == {"fauxscale.provider_api"}
    assert not any(
        alias.name.startswith("fauxscale")
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    )


# The prediction and its picture.


def test_a_prediction_begins_with_its_addresses_and_no_output(client: Client) -> None:
    made = client.create()
    assert (made["status"], made["output"], made["error"]) == ("starting", None, None)
    base = f"{client.account.base_url('replicate')}/v1/predictions/{made['id']}"
    assert made["urls"] == {"get": base, "cancel": f"{base}/cancel"}
    assert made["input"] == asked()["input"]


@pytest.mark.parametrize("scale", [2, 4, 10])
def test_the_output_is_the_picture_enlarged(client: Client, scale: int) -> None:
    done = client.get(client.create(asked(scale=scale)))
    assert done["status"] == "succeeded"
    result = opened(client.http.get(done["output"], headers={"authorization": ""}).content)
    wanted = opened(PHOTO).resize((40 * scale, 30 * scale), Image.Resampling.LANCZOS)
    assert result.tobytes() == wanted.tobytes()


def test_without_a_scale_it_is_four(client: Client) -> None:
    body = {"version": f"nightmareai/real-esrgan:{VERSION}", "input": {"image": uri(PHOTO)}}
    output = client.get(client.create(body))["output"]
    assert opened(client.http.get(output).content).size == (160, 120)


def test_an_uploaded_file_is_an_input_until_it_expires(client: Client) -> None:
    files = {"content": ("a.png", PHOTO, "image/png")}
    reply = client.http.post("/v1/files", files=files)
    kept = reply.json()
    assert (reply.status_code, kept["name"], kept["size"]) == (201, "a.png", len(PHOTO))
    done = client.get(client.create(asked(kept["urls"]["get"])))
    assert opened(client.http.get(done["output"]).content).size == (80, 60)
    client.account.clock.advance(hours=24)
    assert client.get(client.create(asked(kept["urls"]["get"])))["status"] == "failed"


def test_an_output_is_an_input(client: Client) -> None:
    first = client.get(client.create())
    done = client.get(client.create(asked(first["output"])))
    assert done["error"] is None
    assert opened(client.http.get(done["output"]).content).size == (160, 120)


# Its course.


def test_it_goes_by_the_accounts_clock(client: Client) -> None:
    slow(client, queue_seconds=10, run_seconds=20)
    made = client.create()
    seen = [client.get(made)["status"]]
    for seconds in (9, 1, 19, 1):
        client.account.clock.advance(seconds=seconds)
        seen.append(client.get(made)["status"])
    assert seen == ["starting", "starting", "processing", "processing", "succeeded"]


def test_it_goes_by_polls(client: Client) -> None:
    slow(client, polls=2)
    made = client.create()
    assert [client.get(made)["status"] for _ in range(4)] == [
        "starting", "processing", "succeeded", "succeeded",
    ]  # fmt: skip


def test_who_waits_is_answered_with_the_finished_one(client: Client) -> None:
    made = client.create(prefer="wait")
    assert made["status"] == "succeeded"
    assert opened(client.http.get(made["output"]).content).size == (80, 60)


@pytest.mark.parametrize(
    ("seconds", "status", "cost"), [(20, "succeeded", PRICE), (60, "succeeded", PRICE), (61, "processing", 0)]
)
def test_who_waits_waits_for_the_clock_a_minute_long(
    client: Client, seconds: float, status: str, cost: float
) -> None:
    slow(client, run_seconds=seconds)
    replies: list[dict[str, Any]] = []
    thread = threading.Thread(target=lambda: replies.append(client.create(prefer="wait")))
    thread.start()
    while thread.is_alive() and not client.account.jobs.list():
        pass
    assert thread.is_alive()
    client.account.clock.advance(seconds=min(seconds, 60))
    thread.join(30)
    assert [(one["status"], bool(one["output"])) for one in replies] == [(status, cost > 0)]
    assert client.account.calls[0].cost == cost * 1_000_000


def test_who_waits_by_polls_has_each_look_counted(client: Client) -> None:
    slow(client, polls=3)
    assert client.create(prefer="wait")["status"] == "succeeded"


# Money.


def test_it_is_charged_when_it_is_finished_and_once(client: Client) -> None:
    slow(client, run_seconds=20)
    made = client.create()
    client.account.clock.advance(seconds=19)
    client.get(made)
    assert client.paid() == []
    due = client.account.clock.advance(seconds=1)
    client.account.clock.advance(seconds=60)
    for _ in range(2):
        client.get(made)
    assert client.paid() == [PRICE]
    assert client.account.ledger[0].at == due


def test_a_cancelled_one_costs_nothing(client: Client) -> None:
    slow(client, queue_seconds=5, run_seconds=20)
    made = client.create()
    client.account.clock.advance(seconds=10)
    assert client.cancel(made)["status"] == "canceled"
    client.account.clock.advance(seconds=60)
    found = client.get(made)
    assert (found["status"], found["output"]) == ("canceled", None)
    assert client.paid() == []


def test_a_finished_one_cannot_be_cancelled(client: Client) -> None:
    slow(client, run_seconds=20)
    made = client.create()
    client.account.clock.advance(seconds=20)
    stopped = client.cancel(made)
    assert (stopped["status"], bool(stopped["output"])) == ("succeeded", True)
    assert client.paid() == [PRICE]


@pytest.mark.parametrize(
    ("image", "error"),
    [
        (uri(PHOTO[:-30]), "corrupt"),
        (uri(b"no picture"), "format"),
        ("https://example.com/a.png", "download"),
    ],
)
def test_a_picture_that_cannot_be_read_fails_and_costs_nothing(
    client: Client, image: str, error: str
) -> None:
    failed = client.get(client.create(asked(image)))
    assert (failed["status"], failed["output"]) == ("failed", None)
    assert error in failed["error"]
    assert client.paid() == []


def test_one_that_is_told_to_fail_costs_nothing(client: Client) -> None:
    slow(client, run_seconds=20)
    made = client.create()
    client.account.jobs.fail(message="CUDA out of memory")
    failed = client.get(made)
    assert (failed["status"], failed["error"], failed["output"]) == ("failed", "CUDA out of memory", None)
    assert client.paid() == []


def test_money_spent_meanwhile_is_what_the_second_fails_for(client: Client) -> None:
    client.account.settings(balance=1.5 * PRICE)
    slow(client, run_seconds=5)
    made = [client.create(), client.create()]
    client.account.clock.advance(seconds=5)
    assert [client.get(one)["status"] for one in made] == ["succeeded", "failed"]
    assert client.paid() == [PRICE]


# Links.


def test_the_life_of_its_link_begins_when_it_ends(client: Client) -> None:
    slow(client, run_seconds=2 * LIFE)
    made = client.create()
    client.account.clock.advance(seconds=2 * LIFE)
    output = client.get(made)["output"]
    client.account.clock.advance(seconds=LIFE - 1)
    assert client.http.get(output).status_code == 200
    client.account.clock.advance(seconds=1)
    assert client.http.get(output).status_code == 404


def test_a_purged_output_is_said_to_be_removed(client: Client) -> None:
    made = client.create()
    client.account.links.purge()
    found = client.get(made)
    assert (found["status"], found["output"], found["data_removed"]) == ("succeeded", None, True)


# Faults.


def test_a_script_strikes_the_polls_in_order(client: Client) -> None:
    client.account.faults.script([Ok(), Fail(503), Fail(429)], on="replicate.get")
    made = client.create()
    replies = [client.http.get(made["urls"]["get"]) for _ in range(4)]
    assert [one.status_code for one in replies] == [200, 503, 429, 200]
    assert [sorted(one.json()) for one in replies[1:3]] == [["detail", "status", "title"]] * 2
    assert client.paid() == [PRICE]


def test_a_script_strikes_the_downloads_in_order(client: Client) -> None:
    client.account.faults.script([Truncate(100), Ok(download=True), Expire()], on="replicate.download")
    output = client.get(client.create())["output"]
    with pytest.raises(httpx.RemoteProtocolError):
        client.http.get(output)
    assert [client.http.get(output).status_code for _ in range(3)] == [200, 404, 404]


def test_an_unsafe_picture_fails_and_costs_nothing(client: Client) -> None:
    client.account.faults.script([UnsafeImage(), UnsafeImage(refuse=True)], on="replicate.create")
    failed = [client.get(client.create()) for _ in range(3)]
    assert [one["status"] for one in failed] == ["failed", "failed", "succeeded"]
    assert all(one["error"].startswith("NSFW content detected") for one in failed[:2])
    assert client.paid() == [PRICE]


def test_a_lost_connection_at_the_creation_makes_no_prediction(client: Client) -> None:
    client.account.faults.add(ConnectionReset(), on="replicate.create")
    with pytest.raises(httpx.TransportError):
        client.create()
    assert client.account.jobs.list() == []


# Its own words.


def envelope(reply: httpx.Response) -> tuple[int, str, str]:
    words = reply.json()
    assert words["status"] == reply.status_code
    return reply.status_code, words["title"], words["detail"]


@pytest.mark.parametrize(
    ("key", "detail"),
    [
        ("", "You did not pass an authentication token"),
        ("Key r8_other", "You did not pass an authentication token"),
        ("Bearer r8_invalid", "You did not pass a valid authentication token"),
        ("Token r8_invalid", "You did not pass a valid authentication token"),
    ],
)
def test_a_key_that_is_missing_or_wrong(client: Client, key: str, detail: str) -> None:
    reply = client.http.post("/v1/predictions", json=asked(), headers={"authorization": key})
    assert envelope(reply) == (401, "Unauthenticated", detail)


def test_both_schemes_name_the_same_account(client: Client) -> None:
    key = client.account.api_key("replicate")
    assert (key[:3], len(key)) == ("r8_", 40)
    made = client.create(authorization=f"Token {key}")
    assert client.get(made)["id"] == made["id"]


def test_too_many_calls(client: Client) -> None:
    client.account.settings(rate_limit=1)
    client.create()
    reply = client.http.post("/v1/predictions", json=asked())
    assert envelope(reply) == (429, "Too many requests", "Request was throttled.")


def test_an_empty_wallet(client: Client) -> None:
    client.account.settings(balance=PRICE / 2)
    reply = client.http.post("/v1/predictions", json=asked())
    assert envelope(reply) == (402, "Insufficient credit", "You have insufficient credit to run this model.")
    assert client.account.jobs.list() == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"version": VERSION}, "image"),
        ({"version": VERSION, "input": {"image": 5}}, "image"),
        (asked(scale=3), "scale"),
        (asked(scale="2"), "scale"),
    ],
)
def test_an_input_that_is_not_valid(client: Client, body: object, field: str) -> None:
    reply = client.http.post("/v1/predictions", json=body)
    status, title, detail = envelope(reply)
    assert (status, title) == (422, "Input validation failed")
    assert detail.startswith(f"- input: {field} ")
    assert [one["field"] for one in reply.json()["invalid_fields"]] == [field]


def test_a_version_that_does_not_exist(client: Client) -> None:
    reply = client.http.post("/v1/predictions", json=asked() | {"version": "none"})
    assert envelope(reply)[:2] == (422, "Invalid version or not permitted")


def test_a_method_that_is_not_allowed(client: Client) -> None:
    reply = client.http.delete("/v1/predictions")
    assert (reply.status_code, reply.headers["allow"], reply.json()["status"]) == (405, "POST", 405)


def test_a_prediction_is_known_to_its_own_account_only(client: Client, mock: MockServer) -> None:
    slow(client, run_seconds=20)
    made = client.create()
    with client_of(mock, mock.account()).http as other:
        replies = [other.get(made["urls"]["get"]), other.post(made["urls"]["cancel"])]
    assert [envelope(one)[:2] for one in replies] == [(404, "Not found")] * 2
    assert client.account.jobs.list()[0].stage == "running"


def test_a_job_of_another_provider_is_no_prediction(client: Client) -> None:
    reply = client.http.post(
        client.account.url + "/fal/queue/fal-ai/ideogram/upscale",
        json={"image_url": uri(PHOTO)},
        headers={"authorization": f"Key {client.account.api_key('fal')}"},
    )
    assert client.http.get(f"/v1/predictions/{reply.json()['request_id']}").status_code == 404


# Where it is.


def test_its_real_hosts_lead_here(mock: MockServer) -> None:
    headers = {"authorization": f"Bearer {mock.account().api_key('replicate')}"}
    with intercept(mock):
        files = {"content": ("a.png", PHOTO, "image/png")}
        kept = httpx.post("https://api.replicate.com/v1/files", files=files, headers=headers).json()
        body = asked(kept["urls"]["get"])
        made = httpx.post("https://api.replicate.com/v1/predictions", json=body, headers=headers).json()
        assert made["urls"]["get"] == f"https://api.replicate.com/v1/predictions/{made['id']}"
        output = httpx.get(made["urls"]["get"], headers=headers).json()["output"]
        assert output.startswith("https://replicate.delivery/pbxt/")
        assert opened(httpx.get(output).content).size == (80, 60)


def test_clients_find_it_by_their_own_variables(client: Client) -> None:
    env = client.account.env("replicate")
    reply = httpx.post(
        env["REPLICATE_API_BASE_URL"] + "/v1/predictions",
        json=asked(),
        headers={"authorization": f"Bearer {env['REPLICATE_API_TOKEN']}"},
    )
    assert reply.status_code == 201


def test_its_calls_are_found_by_what_they_asked_for(client: Client) -> None:
    client.create(asked(scale=4))
    client.create(asked(scale=2))
    assert [one.params.scale for one in client.account.calls] == [4, 2]
    assert len(client.account.calls.where(scale=4)) == 1
