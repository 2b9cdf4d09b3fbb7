"""fal.ai's queue: a request's progress is arithmetic on the account's clock, and errors wait for the result."""

from __future__ import annotations

import json
import threading
from typing import Any

import httpx
import pytest

from fauxscale.errors import ApiError, Problem
from fauxscale.faults import Fail
from fauxscale.settings import Terms
from tests.calls.fal import MODEL, UUID, uri
from tests.house import House, open_house
from tests.pictures import opened, picture
from tests.stages import Stage

QUEUE = "/fal/queue"
SUBMIT = QUEUE + MODEL
UPSCALE = {"image_url": uri(picture())}


@pytest.fixture
def house() -> Any:
    yield from open_house()


def submit(house: House, body: object = UPSCALE, **options: Any) -> dict[str, Any]:
    reply = house.ask("POST", SUBMIT, json=body, **options)
    assert reply.status_code == 200
    job: dict[str, Any] = reply.json()
    return job


def status(house: House, job: dict[str, Any], query: str = "") -> tuple[int, str]:
    reply = house.ask("GET", job["status_url"] + query)
    return reply.status_code, reply.json()["status"]


def test_a_submission_answers_with_the_addresses_clients_follow(stage: Stage, photo: bytes) -> None:
    headers = {"authorization": f"Key {stage.account().api_key('fal')}"}
    job = stage.http.post(stage.url + SUBMIT, json={"image_url": uri(photo)}, headers=headers).json()
    base = f"{stage.url}/fal/queue/fal-ai/ideogram/requests/{job['request_id']}"
    assert job == {
        "status": "IN_QUEUE",
        "request_id": job["request_id"],
        "response_url": base,
        "status_url": f"{base}/status",
        "cancel_url": f"{base}/cancel",
        "queue_position": 0,
        "logs": None,
        "metrics": {},
    }
    looked = stage.http.get(job["status_url"], headers=headers)
    assert (looked.status_code, looked.json()["status"]) == (200, "COMPLETED")
    result = stage.http.get(job["response_url"], headers=headers)
    assert result.headers["x-fal-request-id"] == job["request_id"]
    assert result.headers["x-fal-billable-units"] == "1"
    assert opened(stage.http.get(result.json()["images"][0]["url"]).content).size == (1024, 1024)


def test_reached_by_real_host_the_addresses_are_on_the_real_host(house: House) -> None:
    reply = house.ask("POST", MODEL, json=UPSCALE, headers={"host": "queue.fal.run"})
    assert reply.json()["status_url"].startswith("http://queue.fal.run/fal-ai/ideogram/requests/")


def test_status_goes_by_seconds_of_the_accounts_clock(house: House) -> None:
    house.terms(queue_seconds=10, run_seconds=20)
    house.freeze()
    job = submit(house)
    seen = [status(house, job)]
    for seconds in (9, 1, 19, 1):
        house.advance(seconds)
        seen.append(status(house, job))
    assert seen == [
        (202, "IN_QUEUE"), (202, "IN_QUEUE"), (202, "IN_PROGRESS"), (202, "IN_PROGRESS"), (200, "COMPLETED"),
    ]  # fmt: skip


def test_a_links_life_begins_when_its_job_ends(house: House) -> None:
    house.terms(run_seconds=120)
    house.run(house.account.set_terms(Terms(link_ttl=60, options={"fal.run_seconds": 120})))
    house.freeze()
    job = submit(house)
    (made,) = house.run(house.account.links.all())
    assert made.exp is None
    house.advance(121)
    assert status(house, job)[1] == "COMPLETED"
    link = house.ask("GET", job["response_url"]).json()["images"][0]["url"]
    assert house.ask("GET", link).status_code == 200
    house.advance(58)
    assert house.ask("GET", link).status_code == 200
    house.advance(1)
    assert house.ask("GET", link).status_code == 404


def test_status_goes_by_looks(house: House) -> None:
    house.terms(polls=3)
    job = submit(house)
    # Asking for the result is no look.
    assert house.ask("GET", job["response_url"]).status_code == 400
    assert [status(house, job)[1] for _ in range(5)] == [
        "IN_QUEUE", "IN_PROGRESS", "IN_PROGRESS", "COMPLETED", "COMPLETED",
    ]  # fmt: skip


def test_status_carries_what_clients_read(house: House) -> None:
    house.terms(queue_seconds=10, run_seconds=20)
    house.freeze()
    job = submit(house)
    queued = house.ask("GET", job["status_url"]).json()
    assert (queued["queue_position"], queued["logs"], queued["metrics"]) == (0, None, {})
    house.advance(10)
    running = house.ask("GET", job["status_url"] + "?logs=true").json()
    assert [set(one) for one in running["logs"]] == [{"message", "level", "source", "timestamp"}]
    assert "queue_position" not in running
    house.advance(20)
    done = house.ask("GET", job["status_url"] + "?logs=1").json()
    assert done["metrics"] == {"inference_time": 20}
    assert len(done["logs"]) == 2
    assert "error" not in done
    assert house.ask("GET", job["status_url"] + "?logs=0").json()["logs"] is None


def test_work_is_charged_when_it_is_done_and_once(house: House) -> None:
    house.terms(run_seconds=20)
    now = house.freeze()
    job = submit(house)
    house.catch_up()
    assert house.charges() == []
    house.advance(60)
    for _ in range(3):
        status(house, job)
        house.ask("GET", job["response_url"])
        house.catch_up()
    (charge,) = house.charges()
    assert (charge.micros, charge.operation) == (60_000, "fal.submit")
    # Not when somebody looked, but when it was done.
    assert charge.at == now + 20


def test_nobody_needs_to_look_for_the_ledger_to_be_right(house: House) -> None:
    house.terms(run_seconds=20)
    house.freeze()
    submit(house)
    house.advance(20)
    house.catch_up()
    assert len(house.charges()) == 1


def test_immediate_work_is_charged_by_the_submission(house: House) -> None:
    submit(house)
    assert len(house.charges()) == 1
    (entry,) = house.run(house.account.journal.entries())
    assert (entry.operation, entry.cost) == ("fal.submit", 60_000)
    assert house.charges()[0].call == entry.id


@pytest.mark.parametrize("elapsed", [0, 10])
def test_a_cancelled_request_costs_nothing_and_has_no_result(house: House, elapsed: float) -> None:
    house.terms(queue_seconds=5, run_seconds=20)
    house.freeze()
    job = submit(house)
    house.advance(elapsed)
    reply = house.ask("PUT", job["cancel_url"])
    assert (reply.status_code, reply.json()) == (202, {"status": "CANCELLATION_REQUESTED"})
    house.advance(100)
    house.catch_up()
    assert house.charges() == []
    looked = house.ask("GET", job["status_url"])
    assert (looked.status_code, looked.json()["error_type"]) == (200, "client_cancelled")
    assert house.ask("GET", job["response_url"]).status_code == 499


def test_a_finished_and_an_unknown_request_cannot_be_cancelled(house: House) -> None:
    job = submit(house)
    done = house.ask("PUT", job["cancel_url"])
    assert (done.status_code, done.json()) == (400, {"status": "ALREADY_COMPLETED"})
    unknown = house.ask("PUT", f"{QUEUE}/fal-ai/ideogram/requests/none/cancel")
    assert (unknown.status_code, unknown.json()) == (404, {"status": "NOT_FOUND"})


def test_a_request_is_known_to_its_own_key_only(house: House) -> None:
    job = submit(house)
    for address in (job["status_url"], job["response_url"]):
        reply = house.ask("GET", address, headers={"authorization": "Key another"})
        assert (reply.status_code, reply.json()["detail"]) == (404, "Request not found")


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({}, "missing"),
        ({"image_url": "https://example.com/x.png"}, "file_download_error"),
        ({"image_url": uri(picture()[:-30])}, "image_load_error"),
        (UPSCALE | {"prompt": "fauxscale:unsafe"}, "content_policy_violation"),
    ],
)
def test_errors_of_the_model_surface_at_the_result(house: House, body: object, kind: str) -> None:
    job = submit(house, body)
    looked = house.ask("GET", job["status_url"])
    assert (looked.status_code, looked.json()["status"]) == (200, "COMPLETED")
    assert looked.json()["error"] == "Invalid status code: 422"
    result = house.ask("GET", job["response_url"])
    assert (result.status_code, result.json()["detail"][0]["type"]) == (422, kind)
    assert result.headers["x-fal-request-id"] == job["request_id"]
    assert result.headers["x-fauxscale-reason"]
    assert house.charges() == []


def test_a_body_that_is_no_json_surfaces_at_the_result(house: House) -> None:
    reply = house.ask("POST", SUBMIT, content=b"{", headers={"content-type": "application/json"})
    result = house.ask("GET", reply.json()["response_url"])
    assert result.json()["detail"][0]["type"] == "json_invalid"


def test_an_ordered_error_strikes_the_call_it_names(house: House) -> None:
    house.order(Fail(503), "fal.submit")
    house.order(Fail(500), "fal.status")
    house.order(Fail(504), "fal.result")
    assert house.ask("POST", SUBMIT, json=UPSCALE).status_code == 503
    job = submit(house)
    assert house.ask("GET", job["status_url"]).status_code == 500
    assert status(house, job) == (200, "COMPLETED")
    assert house.ask("GET", job["response_url"]).status_code == 504
    assert house.ask("GET", job["response_url"]).status_code == 200
    assert len(house.charges()) == 1


def test_an_empty_wallet_refuses_the_submission(house: House) -> None:
    house.terms(balance=0.05)
    reply = house.ask("POST", SUBMIT, json=UPSCALE)
    assert reply.status_code == 403
    assert reply.json()["detail"].startswith("User is locked.")


def test_money_spent_meanwhile_is_missed_at_the_result(house: House) -> None:
    house.terms(balance=0.10, run_seconds=5)
    house.freeze()
    jobs = [submit(house), submit(house)]
    house.advance(5)
    results = [house.ask("GET", job["response_url"]).status_code for job in jobs]
    assert results == [200, 403]
    assert len(house.charges()) == 1


def test_a_result_asked_for_too_early_is_refused(house: House) -> None:
    house.terms(run_seconds=5)
    house.freeze()
    job = submit(house)
    reply = house.ask("GET", job["response_url"])
    assert (reply.status_code, reply.json()["detail"]) == (400, "Request is still in progress")
    house.terms(run_seconds=5, early_result=202)
    reply = house.ask("GET", job["response_url"])
    assert (reply.status_code, reply.json()["status"]) == (202, "IN_PROGRESS")


def test_a_request_that_waits_longer_than_its_client_will_times_out(house: House) -> None:
    house.terms(queue_seconds=30)
    house.freeze()
    job = submit(house, headers={"x-fal-request-timeout": "5.0"})
    house.advance(5)
    assert status(house, job) == (200, "COMPLETED")
    result = house.ask("GET", job["response_url"])
    assert (result.status_code, result.json()["error_type"]) == (504, "request_timeout")
    assert result.headers["x-fal-request-timeout-type"] == "user"
    assert house.charges() == []


def test_a_patient_client_is_served(house: House) -> None:
    for said in ("5", "soon"):
        job = submit(house, headers={"x-fal-request-timeout": said})
        assert house.ask("GET", job["response_url"]).status_code == 200


def test_orders_move_stall_and_fail_a_request(house: House) -> None:
    house.terms(queue_seconds=10, run_seconds=10)
    now = house.freeze()
    first, second = submit(house), submit(house)
    jobs = house.run(house.account.jobs.all())
    assert [job.id for job in jobs] == [first["request_id"], second["request_id"]]
    house.run(house.account.jobs.advance(jobs[0], now))
    assert status(house, first)[1] == "IN_PROGRESS"
    house.run(house.account.jobs.stall(jobs[0], now))
    house.advance(1000)
    assert status(house, first)[1] == "IN_PROGRESS"
    house.run(house.account.jobs.finish(jobs[0], now + 1000))
    assert status(house, first)[1] == "COMPLETED"
    error = ApiError(Problem.SERVER_ERROR, "", details={"code": "generation_timeout"})
    assert house.run(house.account.jobs.fail(jobs[1], error, now + 1000))
    assert house.ask("GET", second["response_url"]).json()["detail"][0]["type"] == "generation_timeout"
    assert len(house.charges()) == 1


def test_the_stream_tells_each_change_and_ends_with_the_request(stage: Stage) -> None:
    account = stage.mock.account(options={"fal.polls": 2})
    headers = {"authorization": f"Key {account.api_key('fal')}"}
    job = stage.http.post(stage.url + SUBMIT, json=UPSCALE, headers=headers).json()
    with stage.http.stream("GET", job["status_url"] + "/stream", headers=headers) as reply:
        assert reply.headers["content-type"].partition(";")[0] == "text/event-stream"
        events = [json.loads(line[6:]) for line in reply.iter_lines() if line.startswith("data: ")]
    assert [event["status"] for event in events] == ["IN_QUEUE", "IN_PROGRESS", "COMPLETED"]
    assert events[-1]["request_id"] == job["request_id"]


def test_sync_mode_through_the_queue_sends_the_picture_itself(house: House) -> None:
    job = submit(house, UPSCALE | {"sync_mode": True})
    url = house.ask("GET", job["response_url"]).json()["images"][0]["url"]
    assert url.startswith("data:image/png;base64,")


def test_same_seed_and_calls_give_same_requests() -> None:
    seen: list[tuple[str, Any]] = []
    for _ in range(2):
        for house in open_house():
            job = submit(house)
            seen.append((job["request_id"], house.ask("GET", job["response_url"]).json()["seed"]))
    assert seen[0] == seen[1]
    import re

    assert re.fullmatch(UUID, seen[0][0])


def test_the_queue_takes_any_number_at_once_and_direct_calls_are_limited(stage: Stage) -> None:
    account = stage.account(in_flight=0)
    headers = {"authorization": f"Key {account.api_key('fal')}"}
    direct = stage.http.post(stage.base_url("fal") + MODEL, json=UPSCALE, headers=headers)
    queued = stage.http.post(stage.url + SUBMIT, json=UPSCALE, headers=headers)
    assert (direct.status_code, queued.status_code) == (429, 200)


def test_many_looks_at_once_charge_once(stage: Stage) -> None:
    account = stage.mock.account(options={"fal.polls": 1}, balance=1)
    headers = {"authorization": f"Key {account.api_key('fal')}"}
    job = stage.http.post(stage.url + SUBMIT, json=UPSCALE, headers=headers).json()
    codes: list[int] = []

    def look() -> None:
        codes.append(stage.http.get(job["status_url"], headers=headers).status_code)

    threads = [threading.Thread(target=look) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(codes) == [200] * 7 + [202]
    # $1 less one upscale leaves 15: had it been charged twice, the sixteenth would not pass.
    left = [
        stage.http.post(stage.base_url("fal") + MODEL, json=UPSCALE, headers=headers).status_code
        for _ in range(16)
    ]
    assert left == [200] * 15 + [403]


def test_the_real_status_url_is_the_only_one(house: House) -> None:
    """Keeping the model's last segment is a mistake the real service answers with 405 or 404."""
    job = submit(house)
    reply: httpx.Response = house.ask("GET", f"{SUBMIT}/requests/{job['request_id']}/status")
    assert reply.status_code == 404
