"""Faults for queued work: a failure has the status its name has, and an unknown name is refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from fauxscale.client import AccountHandle, InvalidRequest
from fauxscale.providers.fal.errors import CODES
from tests.calls.fal import MODEL, uri
from tests.pictures import picture
from tests.stages import Stage


@pytest.fixture
def account(stage: Stage) -> Iterator[AccountHandle]:
    with stage.mock.account(options={"fal.queue_seconds": 60}) as account:
        yield account


def submit(stage: Stage, account: AccountHandle) -> dict[str, Any]:
    url = f"{stage.url}/fal/queue{MODEL}"
    headers = {"authorization": f"Key {account.api_key('fal')}"}
    job: dict[str, Any] = stage.http.post(url, json={"image_url": uri(picture())}, headers=headers).json()
    return job


def result(stage: Stage, account: AccountHandle, job: dict[str, Any]) -> Any:
    headers = {"authorization": f"Key {account.api_key('fal')}"}
    return stage.http.get(job["response_url"], headers=headers)


@pytest.mark.parametrize("code", sorted(CODES))
def test_a_failure_configured_by_its_name_has_the_status_of_that_name(
    stage: Stage, account: AccountHandle, code: str
) -> None:
    job = submit(stage, account)
    account.jobs.fail(code=code)
    reply = result(stage, account, job)
    assert reply.status_code == CODES[code]
    assert reply.headers["x-fal-error-type"] == code


def test_a_failure_has_the_status_it_is_configured_with_and_500_without(
    stage: Stage, account: AccountHandle
) -> None:
    jobs = [submit(stage, account) for _ in range(3)]
    account.jobs.fail(jobs[0]["request_id"])
    account.jobs.fail(jobs[1]["request_id"], status=503)
    account.jobs.fail(jobs[2]["request_id"], status=502, code="generation_timeout")
    assert [result(stage, account, job).status_code for job in jobs] == [500, 503, 502]


def test_a_name_nobody_knows_is_refused_with_those_that_are_known(
    stage: Stage, account: AccountHandle
) -> None:
    submit(stage, account)
    with pytest.raises(
        InvalidRequest, match=r"fal has no error 'generation_timeuot', did you mean 'generation_timeout'\?"
    ):
        account.jobs.fail(code="generation_timeuot")
    assert account.jobs.list()[0].stage == "queued"


@pytest.mark.parametrize("status", [200, 600, 500.5, 1e308, 10**400], ids=str)
def test_a_status_that_is_no_failure_is_refused(stage: Stage, account: AccountHandle, status: Any) -> None:
    submit(stage, account)
    with pytest.raises(InvalidRequest, match="status"):
        account.jobs.fail(status=status)
    assert account.jobs.list()[0].stage == "queued"
