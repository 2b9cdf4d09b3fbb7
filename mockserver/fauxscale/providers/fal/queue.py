"""fal.ai's queue: submit, poll, fetch, cancel. Paths name the app without the model's last segment.

Source: fal.ai/docs, "Queue" (read 2026-08), and what fal-client 1.0.3 and @fal-ai/client 1.10.1 send and read.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any, cast

from msgspec import to_builtins
from msgspec.structs import replace
from starlette.responses import JSONResponse, Response, StreamingResponse

from fauxscale.provider_api import (
    ApiError,
    Call,
    Job,
    Made,
    Pace,
    Problem,
    Progress,
    begin,
    check_address,
    find_job,
    iso,
    judge,
    own_url,
    pace_of,
    poll,
    prepare,
    read_number,
    result_of,
    signing_key,
    tell,
)

from .errors import wire_error
from .model import Output, inputs_of, output_of, request_id, word, work_of

_STATES = {"queued": "IN_QUEUE", "running": "IN_PROGRESS", "done": "COMPLETED", "cancelled": "COMPLETED"}
_STREAM_PAUSE = 0.05


async def submit(call: Call) -> Response:
    """Queue a request. Its errors show at the result, except for the key and the wallet."""
    hook = call.request.query_params.get("fal_webhook")
    if hook is not None:
        check_address(hook, "fal_webhook")
        signing_key(call.accounts)
        await call.faults.apply("webhook")
    job = await _job(call, hook)
    body: dict[str, object] = {"status": "IN_QUEUE", **_addresses(call, job.id), "queue_position": 0}
    body |= {"logs": None, "metrics": {}}
    if hook is not None:
        body["gateway_request_id"] = job.id
    return _answer(call, job, body)


async def status(call: Call) -> Response:
    """Answer a request's status: 202 until it is done, then 200."""
    job = await _found(call)
    progress = await poll(call, job)
    ended = progress.stage in ("done", "cancelled")
    return _answer(call, job, _status(call, job, progress), 200 if ended else 202)


async def stream(call: Call) -> Response:
    """Stream server-sent events: a status whenever it changes, the last when the request is done."""
    job = await _found(call)

    async def events() -> AsyncIterator[str]:
        before = None
        # Closing the account or forgetting the job also forgets its price.
        while not await call.forgotten() and await call.account.jobs.get(job.id) is not None:
            progress = await poll(call, job)
            if progress.stage != before:
                before = progress.stage
                yield f"data: {json.dumps(_status(call, job, progress))}\n\n"
            if before in ("done", "cancelled"):
                return
            # The client waits for the clock to move; so must this.
            await call.faults.wait(_STREAM_PAUSE)

    headers = {"cache-control": "no-cache"}
    task = tell(call) if job.notify else None
    return StreamingResponse(events(), media_type="text/event-stream", headers=headers, background=task)


async def result(call: Call) -> Response:
    """Answer the model's output, or the error in which the request ended."""
    job = await _found(call)
    progress = await poll(call, job, counted=False)
    if (error := _failure(job, progress)) is not None:
        raise error.again()
    if progress.stage != "done":
        if call.setting("early_result") == 202:
            return _answer(call, job, _status(call, job, progress), 202)
        raise ApiError(
            Problem.INVALID_PARAMETER,
            "Request is still in progress",
            reason=f"request {job.id} is {_STATES[progress.stage]}: poll its status_url until COMPLETED",
            details={"code": "bad_request", "configured": True},
        )
    done = await result_of(call, job)
    assert done is not None  # its stage was "done"
    made = cast("Mapping[str, Any]", done.output["output"])
    response = _answer(call, job, await word(call, Output(**made)))
    response.headers["x-fal-billable-units"] = "1"
    return response


async def cancel(call: Call) -> Response:
    """Cancel a request that is not done; it then costs nothing."""
    job = await find_job(call, call.params["id"])
    if job is None:
        call.entry.reason = "no request of this id was submitted with this key"
        return JSONResponse({"status": "NOT_FOUND"}, 404)
    await poll(call, job, counted=False)
    if await call.account.jobs.cancel(job, call.now):
        return _answer(call, job, {"status": "CANCELLATION_REQUESTED"}, 202)
    return _answer(call, job, {"status": "ALREADY_COMPLETED"}, 400)


def notice(job: Job, error: ApiError | None) -> str:
    """Write a webhook's body as fal does: keys sorted, a space after each colon and comma."""
    body: dict[str, object] = {
        "request_id": job.id,
        "gateway_request_id": job.id,
        "error": None,
        "status": "OK",
    }
    if error is None:
        body["payload"] = job.output["payload"]
    else:
        said = wire_error(error)
        body |= {"status": "ERROR", "error": f"Invalid status code: {said.status}", "payload": said.body}
    return json.dumps(body, sort_keys=True)


async def _job(call: Call, hook: str | None) -> Job:
    """Begin the job of a request: its outcome, its price and its pace are decided now."""

    async def work() -> Made:
        inputs = await inputs_of(call)
        wanted = await work_of(call, inputs)
        if hook is not None:
            wanted = replace(wanted, given=True)  # a notice has a link instead of a large picture
        outcome = await prepare(call, wanted, await judge(call, wanted), finished=False)
        made = output_of(inputs, outcome)
        output: dict[str, object] = {"output": to_builtins(made)}
        if hook is not None:
            output["payload"] = await word(call, made, outcome.results[0].link)
        return Made(outcome, output)

    pace, too_late = _pace(call)
    return await begin(
        call, work, job_id=request_id(call), pace=pace, notify=hook, ends_in=too_late, at_once=_at_once
    )


def _at_once(refusal: ApiError) -> bool:
    """Whether an error refuses the submission: no money or no time; all others show at the result."""
    return refusal.problem in (Problem.NO_FUNDS, Problem.TIMEOUT) and not refusal.details.get("configured")


def _pace(call: Call) -> tuple[Pace, ApiError | None]:
    """How long the request waits and runs, and the error it ends in when that is longer than the client waits."""
    pace = pace_of(call)
    patience = read_number(call.request.headers.get("x-fal-request-timeout"))
    if patience is None or patience < 0 or patience >= pace.queued:
        return pace, None
    refusal = ApiError(
        Problem.TIMEOUT,
        "Request timed out",
        reason=f"X-Fal-Request-Timeout is {patience:g} s and the queue takes {pace.queued:g} s (fal.queue_seconds)",
        details={"start": True},
    )
    return Pace(queued=patience), refusal


async def _found(call: Call) -> Job:
    job = await find_job(call, call.params["id"])
    if job is None:
        raise ApiError(
            Problem.NOT_FOUND,
            "Request not found",
            reason="no request of this id was submitted with this key, or the account was reset since",
            details={"configured": True},
        )
    return job


def _failure(job: Job, progress: Progress) -> ApiError | None:
    if progress.stage == "cancelled":
        return ApiError(
            Problem.INVALID_PARAMETER,
            "Request was cancelled",
            reason=f"request {job.id} was cancelled before it was done",
            details={"code": "client_cancelled"},
        )
    return progress.error or job.error if progress.stage == "done" else None


def _addresses(call: Call, job_id: str) -> dict[str, object]:
    base = own_url(call, f"/fal-ai/ideogram/requests/{job_id}")
    return {
        "request_id": job_id,
        "response_url": base,
        "status_url": f"{base}/status",
        "cancel_url": f"{base}/cancel",
    }


def _status(call: Call, job: Job, progress: Progress) -> dict[str, object]:
    body: dict[str, object] = {"status": _STATES[progress.stage], **_addresses(call, job.id), "logs": None}
    if call.request.query_params.get("logs", "").lower() in ("1", "true"):
        body["logs"] = _logs(job, progress)
    if progress.stage == "queued":
        body["queue_position"] = 0
    done = progress.stage in ("done", "cancelled")
    body["metrics"] = {"inference_time": job.pace.running} if done else {}
    if (error := _failure(job, progress)) is not None:
        said = wire_error(error)
        detail = said.body["detail"]
        body["error"] = detail if isinstance(detail, str) else f"Invalid status code: {said.status}"
        body["error_type"] = said.headers.get("x-fal-error-type", "validation_error")
    return body


def _logs(job: Job, progress: Progress) -> list[dict[str, object]]:
    said = {"running": ["Upscaling"], "done": ["Upscaling", "Done"]}.get(progress.stage, [])
    ends = (job.made + job.pace.queued, progress.since)
    return [
        {"message": text, "level": "INFO", "source": "USER", "timestamp": iso(at).replace(" ", "T")}
        for text, at in zip(said, ends, strict=False)
    ]


def _answer(call: Call, job: Job, body: Mapping[str, object], code: int = 200) -> Response:
    return JSONResponse(body, code, background=tell(call) if job.notify else None)
