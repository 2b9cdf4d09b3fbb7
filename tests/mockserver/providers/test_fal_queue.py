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
from tests.local_app import LocalApp, open_local_app
from tests.pictures import opened, picture
from tests.stages import Stage

QUEUE = "/fal/queue"
SUBMIT = QUEUE + MODEL
UPSCALE = {"image_url": uri(picture())}


@pytest.fixture
def local() -> Any:
    yield from open_local_app()


def submit(local: LocalApp, body: object = UPSCALE, **options: Any) -> dict[str, Any]:
    reply = local.ask("POST", SUBMIT, json=body, **options)
    assert reply.status_code == 200
    job: dict[str, Any] = reply.json()
    return job


def status(local: LocalApp, job: dict[str, Any], query: str = "") -> tuple[int, str]:
    reply = local.ask("GET", job["status_url"] + query)
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


def test_reached_by_real_host_the_addresses_are_on_the_real_host(local: LocalApp) -> None:
    reply = local.ask("POST", MODEL, json=UPSCALE, headers={"host": "queue.fal.run"})
    assert reply.json()["status_url"].startswith("http://queue.fal.run/fal-ai/ideogram/requests/")


def test_status_goes_by_seconds_of_the_accounts_clock(local: LocalApp) -> None:
    local.terms(queue_seconds=10, run_seconds=20)
    local.freeze()
    job = submit(local)
    seen = [status(local, job)]
    for seconds in (9, 1, 19, 1):
        local.advance(seconds)
        seen.append(status(local, job))
    assert seen == [
        (202, "IN_QUEUE"), (202, "IN_QUEUE"), (202, "IN_PROGRESS"), (202, "IN_PROGRESS"), (200, "COMPLETED"),
    ]  # fmt: skip


def test_a_links_life_begins_when_its_job_ends(local: LocalApp) -> None:
    local.terms(run_seconds=120)
    local.run(local.account.set_terms(Terms(link_ttl=60, options={"fal.run_seconds": 120})))
    local.freeze()
    job = submit(local)
    (made,) = local.run(local.account.links.all())
    assert made.exp is None
    local.advance(121)
    assert status(local, job)[1] == "COMPLETED"
    link = local.ask("GET", job["response_url"]).json()["images"][0]["url"]
    assert local.ask("GET", link).status_code == 200
    local.advance(58)
    assert local.ask("GET", link).status_code == 200
    local.advance(1)
    assert local.ask("GET", link).status_code == 404


def test_status_goes_by_polls(local: LocalApp) -> None:
    local.terms(polls=3)
    job = submit(local)
    # Asking for the result is no look.
    assert local.ask("GET", job["response_url"]).status_code == 400
    assert [status(local, job)[1] for _ in range(5)] == [
        "IN_QUEUE", "IN_PROGRESS", "IN_PROGRESS", "COMPLETED", "COMPLETED",
    ]  # fmt: skip


def test_status_carries_what_clients_read(local: LocalApp) -> None:
    local.terms(queue_seconds=10, run_seconds=20)
    local.freeze()
    job = submit(local)
    queued = local.ask("GET", job["status_url"]).json()
    assert (queued["queue_position"], queued["logs"], queued["metrics"]) == (0, None, {})
    local.advance(10)
    running = local.ask("GET", job["status_url"] + "?logs=true").json()
    assert [set(one) for one in running["logs"]] == [{"message", "level", "source", "timestamp"}]
    assert "queue_position" not in running
    local.advance(20)
    done = local.ask("GET", job["status_url"] + "?logs=1").json()
    assert done["metrics"] == {"inference_time": 20}
    assert len(done["logs"]) == 2
    assert "error" not in done
    assert local.ask("GET", job["status_url"] + "?logs=0").json()["logs"] is None


def test_work_is_charged_when_it_is_done_and_once(local: LocalApp) -> None:
    local.terms(run_seconds=20)
    now = local.freeze()
    job = submit(local)
    local.catch_up()
    assert local.charges() == []
    local.advance(60)
    for _ in range(3):
        status(local, job)
        local.ask("GET", job["response_url"])
        local.catch_up()
    (charge,) = local.charges()
    assert (charge.micros, charge.operation) == (60_000, "fal.submit")
    # Not when somebody looked, but when it was done.
    assert charge.at == now + 20


def test_the_ledger_is_right_without_a_poll(local: LocalApp) -> None:
    local.terms(run_seconds=20)
    local.freeze()
    submit(local)
    local.advance(20)
    local.catch_up()
    assert len(local.charges()) == 1


def test_immediate_work_is_charged_by_the_submission(local: LocalApp) -> None:
    submit(local)
    assert len(local.charges()) == 1
    (entry,) = local.run(local.account.journal.entries())
    assert (entry.operation, entry.cost) == ("fal.submit", 60_000)
    assert local.charges()[0].call == entry.id


@pytest.mark.parametrize("elapsed", [0, 10])
def test_a_cancelled_request_costs_nothing_and_has_no_result(local: LocalApp, elapsed: float) -> None:
    local.terms(queue_seconds=5, run_seconds=20)
    local.freeze()
    job = submit(local)
    local.advance(elapsed)
    reply = local.ask("PUT", job["cancel_url"])
    assert (reply.status_code, reply.json()) == (202, {"status": "CANCELLATION_REQUESTED"})
    local.advance(100)
    local.catch_up()
    assert local.charges() == []
    looked = local.ask("GET", job["status_url"])
    assert (looked.status_code, looked.json()["error_type"]) == (200, "client_cancelled")
    assert local.ask("GET", job["response_url"]).status_code == 499


def test_a_finished_and_an_unknown_request_cannot_be_cancelled(local: LocalApp) -> None:
    job = submit(local)
    done = local.ask("PUT", job["cancel_url"])
    assert (done.status_code, done.json()) == (400, {"status": "ALREADY_COMPLETED"})
    unknown = local.ask("PUT", f"{QUEUE}/fal-ai/ideogram/requests/none/cancel")
    assert (unknown.status_code, unknown.json()) == (404, {"status": "NOT_FOUND"})


def test_a_request_is_known_to_its_own_key_only(local: LocalApp) -> None:
    job = submit(local)
    for address in (job["status_url"], job["response_url"]):
        reply = local.ask("GET", address, headers={"authorization": "Key another"})
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
def test_errors_of_the_model_surface_at_the_result(local: LocalApp, body: object, kind: str) -> None:
    job = submit(local, body)
    looked = local.ask("GET", job["status_url"])
    assert (looked.status_code, looked.json()["status"]) == (200, "COMPLETED")
    assert looked.json()["error"] == "Invalid status code: 422"
    result = local.ask("GET", job["response_url"])
    assert (result.status_code, result.json()["detail"][0]["type"]) == (422, kind)
    assert result.headers["x-fal-request-id"] == job["request_id"]
    assert result.headers["x-fauxscale-reason"]
    assert local.charges() == []


def test_a_body_that_is_no_json_surfaces_at_the_result(local: LocalApp) -> None:
    reply = local.ask("POST", SUBMIT, content=b"{", headers={"content-type": "application/json"})
    result = local.ask("GET", reply.json()["response_url"])
    assert result.json()["detail"][0]["type"] == "json_invalid"


def test_a_configured_error_applies_to_the_call_it_names(local: LocalApp) -> None:
    local.add_fault(Fail(503), "fal.submit")
    local.add_fault(Fail(500), "fal.status")
    local.add_fault(Fail(504), "fal.result")
    assert local.ask("POST", SUBMIT, json=UPSCALE).status_code == 503
    job = submit(local)
    assert local.ask("GET", job["status_url"]).status_code == 500
    assert status(local, job) == (200, "COMPLETED")
    assert local.ask("GET", job["response_url"]).status_code == 504
    assert local.ask("GET", job["response_url"]).status_code == 200
    assert len(local.charges()) == 1


def test_an_empty_wallet_refuses_the_submission(local: LocalApp) -> None:
    local.terms(balance=0.05)
    reply = local.ask("POST", SUBMIT, json=UPSCALE)
    assert reply.status_code == 403
    assert reply.json()["detail"].startswith("User is locked.")


def test_money_spent_meanwhile_is_missed_at_the_result(local: LocalApp) -> None:
    local.terms(balance=0.10, run_seconds=5)
    local.freeze()
    jobs = [submit(local), submit(local)]
    local.advance(5)
    results = [local.ask("GET", job["response_url"]).status_code for job in jobs]
    assert results == [200, 403]
    assert len(local.charges()) == 1


def test_a_result_asked_for_too_early_is_refused(local: LocalApp) -> None:
    local.terms(run_seconds=5)
    local.freeze()
    job = submit(local)
    reply = local.ask("GET", job["response_url"])
    assert (reply.status_code, reply.json()["detail"]) == (400, "Request is still in progress")
    local.terms(run_seconds=5, early_result=202)
    reply = local.ask("GET", job["response_url"])
    assert (reply.status_code, reply.json()["status"]) == (202, "IN_PROGRESS")


def test_a_request_that_waits_longer_than_its_client_will_times_out(local: LocalApp) -> None:
    local.terms(queue_seconds=30)
    local.freeze()
    job = submit(local, headers={"x-fal-request-timeout": "5.0"})
    local.advance(5)
    assert status(local, job) == (200, "COMPLETED")
    result = local.ask("GET", job["response_url"])
    assert (result.status_code, result.json()["error_type"]) == (504, "request_timeout")
    assert result.headers["x-fal-request-timeout-type"] == "user"
    assert local.charges() == []


def test_a_patient_client_is_served(local: LocalApp) -> None:
    for said in ("5", "soon"):
        job = submit(local, headers={"x-fal-request-timeout": said})
        assert local.ask("GET", job["response_url"]).status_code == 200


def test_orders_move_stall_and_fail_a_request(local: LocalApp) -> None:
    local.terms(queue_seconds=10, run_seconds=10)
    now = local.freeze()
    first, second = submit(local), submit(local)
    jobs = local.run(local.account.jobs.all())
    assert [job.id for job in jobs] == [first["request_id"], second["request_id"]]
    local.run(local.account.jobs.advance(jobs[0], now))
    assert status(local, first)[1] == "IN_PROGRESS"
    local.run(local.account.jobs.stall(jobs[0], now))
    local.advance(1000)
    assert status(local, first)[1] == "IN_PROGRESS"
    local.run(local.account.jobs.finish(jobs[0], now + 1000))
    assert status(local, first)[1] == "COMPLETED"
    error = ApiError(Problem.SERVER_ERROR, "", details={"code": "generation_timeout"})
    assert local.run(local.account.jobs.fail(jobs[1], error, now + 1000))
    assert local.ask("GET", second["response_url"]).json()["detail"][0]["type"] == "generation_timeout"
    assert len(local.charges()) == 1


def test_the_stream_tells_each_change_and_ends_with_the_request(stage: Stage) -> None:
    account = stage.mock.account(options={"fal.polls": 2})
    headers = {"authorization": f"Key {account.api_key('fal')}"}
    job = stage.http.post(stage.url + SUBMIT, json=UPSCALE, headers=headers).json()
    with stage.http.stream("GET", job["status_url"] + "/stream", headers=headers) as reply:
        assert reply.headers["content-type"].partition(";")[0] == "text/event-stream"
        events = [json.loads(line[6:]) for line in reply.iter_lines() if line.startswith("data: ")]
    assert [event["status"] for event in events] == ["IN_QUEUE", "IN_PROGRESS", "COMPLETED"]
    assert events[-1]["request_id"] == job["request_id"]


def test_sync_mode_through_the_queue_sends_the_picture_itself(local: LocalApp) -> None:
    job = submit(local, UPSCALE | {"sync_mode": True})
    url = local.ask("GET", job["response_url"]).json()["images"][0]["url"]
    assert url.startswith("data:image/png;base64,")


def test_same_seed_and_calls_give_same_requests() -> None:
    seen: list[tuple[str, Any]] = []
    for _ in range(2):
        for local in open_local_app():
            job = submit(local)
            seen.append((job["request_id"], local.ask("GET", job["response_url"]).json()["seed"]))
    assert seen[0] == seen[1]
    import re

    assert re.fullmatch(UUID, seen[0][0])


def test_the_queue_takes_any_number_at_once_and_direct_calls_are_limited(stage: Stage) -> None:
    account = stage.account(in_flight=0)
    headers = {"authorization": f"Key {account.api_key('fal')}"}
    direct = stage.http.post(stage.base_url("fal") + MODEL, json=UPSCALE, headers=headers)
    queued = stage.http.post(stage.url + SUBMIT, json=UPSCALE, headers=headers)
    assert (direct.status_code, queued.status_code) == (429, 200)


def test_many_polls_at_once_charge_once(stage: Stage) -> None:
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


def test_the_real_status_url_is_the_only_one(local: LocalApp) -> None:
    """Keeping the model's last segment is a mistake the real service answers with 405 or 404."""
    job = submit(local)
    reply: httpx.Response = local.ask("GET", f"{SUBMIT}/requests/{job['request_id']}/status")
    assert reply.status_code == 404
