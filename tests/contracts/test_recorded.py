"""What is on record agrees with what was published, and with every form the stand-in says a thing in."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import httpx
import pytest

from fauxscale import Fail, MockServer
from fauxscale.client import AccountHandle
from fauxscale_contracts import (
    Contract,
    Exchange,
    Reply,
    Request,
    Violation,
    api_versions,
    boundary_responses,
    load,
)
from fauxscale_contracts.contract.operations import Operation
from fauxscale_contracts.generate.boundaries import reply_schema
from fauxscale_contracts.profiles.loading import load_operation
from tests.recordings import key_header

ALL = [(provider, api_version) for provider, dates in api_versions().items() for api_version in dates]
WORK = {"ideogram": "/upscale", "aigateway": "/images/generations", "lumenfall": "/images/edits", "fal": ""}
DATE = "Fri, 20 Nov 2026 13:00:00 GMT"


def waits(contract: Contract) -> Iterator[tuple[Operation, int]]:
    """Every answer of a contract that may ask for a wait."""
    for operation in contract.operations.values():
        for status in (429, 503):
            if str(status) in operation.answers:
                yield operation, status


def told(contract: Contract, operation: Operation, status: int, *headers: tuple[str, str]) -> list[str]:
    """Which headers of an answer depart from the contract."""
    request = Request(operation.method, "http://any/where", ())
    exchange = Exchange(request, Reply(status, headers, b""), operation=operation.name)
    return [one.pointer for one in contract.check_response(exchange) if one.pointer == "/headers/retry-after"]


@pytest.mark.parametrize(("provider", "api_version"), ALL)
def test_a_wait_is_told_in_seconds_or_as_a_date_wherever_one_may_be_asked_for(
    provider: str, api_version: str
) -> None:
    contract = load(provider, api_version=api_version)
    found = list(waits(contract))
    assert {operation.name for operation, _ in found} >= {
        name for name, one in contract.operations.items() if one.method == "POST"
    }
    for operation, status in found:
        for good in ("0", "1", "2.5", "31536000", DATE):
            assert told(contract, operation, status, ("retry-after", good)) == [], (operation.name, good)
        for bad in ("soon", "-1", "nan", "1e3", "", f"{DATE} ", DATE.replace("GMT", "CET"), "2026-11-20"):
            assert told(contract, operation, status, ("retry-after", bad)), (operation.name, status, bad)


@pytest.fixture(scope="module")
def mock() -> Iterator[MockServer]:
    with MockServer(listen=False) as mock:
        yield mock


def refused(
    mock: MockServer, account: AccountHandle, provider: str
) -> tuple[httpx.Response, list[Violation]]:
    """The answer to a call, and how it departs from the contract."""
    path = WORK[provider] or "/fal-ai/ideogram/upscale"
    with httpx.Client(transport=mock.transport()) as http:
        response = http.post(
            mock.base_url(provider) + path, headers=key_header(provider, account.api_key(provider)), json={}
        )
    return response, load(provider).check_response(Exchange.of(response))


@pytest.mark.parametrize("provider", WORK)
@pytest.mark.parametrize("time", ["real", "virtual"])
def test_the_wait_that_the_stand_in_asks_for_is_on_record(mock: MockServer, provider: str, time: Any) -> None:
    faults = [
        fault
        for status in (429, 503)
        for fault in (
            Fail(status, retry_after=2),
            Fail(status, retry_after=0.5),
            Fail(status, retry_after=2.5, form="date"),
        )
    ]
    account = mock.account(time=time)
    for fault in faults:
        account.faults.add(fault, on=f"{provider}.*")
        response, found = refused(mock, account, provider)
        assert response.status_code == fault.status
        assert response.headers["retry-after"].endswith("GMT") == (fault.form == "date")
        assert found == [], fault
    account.delete()


def test_the_end_of_a_minute_is_told_in_seconds(mock: MockServer) -> None:
    account = mock.account(rate_limit=1)
    refused(mock, account, "aigateway")
    response, found = refused(mock, account, "aigateway")
    assert (response.status_code, found) == (429, [])
    assert response.headers["retry-after"].isdecimal()
    assert response.headers["x-ratelimit-reset-requests"].isdecimal()
    account.delete()


# What was published


def schema(operation: str, status: int = 200) -> Any:
    answer = load_operation(operation).answer(status)
    assert answer is not None
    content = answer.contents["application/json"].schema
    assert content is not None
    return content


def status_words(**members: object) -> list[tuple[str, str]]:
    found: Sequence[Violation] = schema("fal.status").violations({"request_id": "1", **members}, ())
    return [(one.pointer, one.rule) for one in found]


def test_a_job_in_fals_queue_says_its_place_and_one_beyond_it_has_a_log() -> None:
    assert status_words(status="IN_QUEUE", queue_position=0) == []
    assert status_words(status="IN_QUEUE") == [("/queue_position", "required")]
    for state in ("IN_PROGRESS", "COMPLETED"):
        assert status_words(status=state, logs=None) == []
        assert status_words(status=state) == [("/logs", "required")]
    assert status_words(status="FAILED", logs=None) == [("/status", "enum IN_QUEUE, IN_PROGRESS, COMPLETED")]


def test_no_valid_answer_about_a_job_trips_fals_own_client() -> None:
    for name, body in boundary_responses("fal.status", 202):
        assert "queue_position" in body if body["status"] == "IN_QUEUE" else "logs" in body, name


def test_an_upload_to_fal_in_pieces_begins_with_its_name() -> None:
    begun = schema("fal.create_multipart")
    assert begun.is_valid({"access_url": "https://v3.fal.media/files/b/lion/xyz.png", "uploadId": "py"})
    assert not begun.is_valid({"access_url": "https://v3.fal.media/files/b/lion/xyz.png"})


def test_a_file_of_fal_has_no_size_in_pixels() -> None:
    good: dict[str, Any] = load_operation("fal.run").example(200)
    sized = {**good, "images": [{**good["images"][0], "width": 2}]}
    found = schema("fal.run").violations(sized, ())
    assert [(one.pointer, one.severity) for one in found] == [("/images/0/width", "undocumented")]


@pytest.mark.parametrize(("seconds", "departs"), [("0.2", False), ("120", False), ("0.1", True), ("0", True)])
def test_fal_wants_more_than_a_tenth_of_a_second_to_begin_in(seconds: str, departs: bool) -> None:
    headers = (("Authorization", "Key a:b"), ("X-Fal-Request-Timeout", seconds))
    call = Exchange(Request("POST", "https://fal.run/fal-ai/ideogram/upscale", headers, b""))
    found = [one.pointer for one in load("fal").check_request(call)]
    assert ("/headers/X-Fal-Request-Timeout" in found) == departs


def test_aigateways_catalogue_of_statuses_is_on_record() -> None:
    catalogue = {
        "400",
        "401",
        "402",
        "403",
        "404",
        "409",
        "413",
        "422",
        "429",
        "499",
        "500",
        "502",
        "503",
        "504",
    }
    for name in ("aigateway.generations", "aigateway.edits", "aigateway.models"):
        assert catalogue <= set(load_operation(name).answers)


@pytest.mark.parametrize("missing", ["x-lumenfall-request-id", "x-lumenfall-provider", "x-lumenfall-model"])
def test_lumenfall_names_call_provider_and_model_in_every_answer(missing: str) -> None:
    for operation in load("lumenfall").operations.values():
        if operation.name != "lumenfall.download":
            for answer in operation.answers.values():
                assert answer.headers[missing].required, (operation.name, answer.status)


@pytest.mark.parametrize("status", ["500", "503", "504"])
def test_what_lumenfalls_pages_do_not_list_is_called_a_guess(status: str) -> None:
    operation = load_operation("lumenfall.edits")
    node = operation.resolve(operation.spec["responses"][status])
    assert node["x-confidence"] == "guess"
    assert operation.answers[status].confidence == "guess"


def safe_results() -> list[tuple[str, str]]:
    """Every reply of Ideogram that says of a result whether it is safe."""
    return [
        (api_version, operation.name)
        for api_version in api_versions()["ideogram"]
        for operation in load("ideogram", api_version=api_version).operations.values()
        if "200" in operation.answers
        and "application/json" in operation.answers["200"].contents
        and "is_image_safe" in json.dumps(operation.example(200))
    ]


@pytest.mark.parametrize(("api_version", "operation"), safe_results())
def test_a_result_that_is_safe_has_a_link(api_version: str, operation: str) -> None:
    recorded = load("ideogram", api_version=api_version).operation(operation)
    schema, body = reply_schema(recorded, 200), recorded.example(200)
    (result,) = body["data"]
    del result["url"]
    for safe, link, departs in (
        (True, {"url": "https://any.invalid/1.png"}, False),
        (True, {"url": None}, True),
        (True, {"url": ""}, True),
        (True, {}, True),
        (False, {"url": None}, False),
        (False, {"url": ""}, False),
        (False, {}, False),
    ):
        body["data"] = [{**result, "is_image_safe": safe, **link}]
        assert all(one.pointer.startswith("/data/0") for one in schema.violations(body, ()))
        assert bool(schema.violations(body, ())) == departs
