"""A provider of another shape than the own ones, as a package would bring it: Replicate's predictions.

Sources: replicate.com/docs, "Create a prediction", "HTTP API" and the changelog (read 2026-11); replicate-python #47
for the words of refusals. A guess where they are silent: the words of 402, 404 and 429, and what is refused at once.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from fauxscale.provider_api import (
    JOB_OPTIONS,
    ApiError,
    Breach,
    Call,
    Endpoint,
    File,
    Job,
    Made,
    Parameter,
    Problem,
    Progress,
    Provider,
    Quota,
    Sent,
    Site,
    Work,
    begin,
    enlarged,
    find_job,
    flat,
    is_object,
    iso,
    judge,
    link,
    links_at,
    named_picture,
    own_url,
    pace_of,
    poll,
    prepare,
    result_of,
    text_of,
    values_in_force,
)

MIB = 1024 * 1024
VERSION = "f121d640bd286e1fdc67f9799164c1d5be36ff74576ee11c803ae5b665dd46aa"
PRICE = 0.002
LIFE = 3600
"""Seconds an output is kept."""
_FILE_LIFE = 24 * 3600
_SCALES = (2, 4, 10)
_INPUTS = (
    Parameter(name="image", kind="string", about="the picture", required=True),
    Parameter(name="scale", kind="integer", about="how much larger", default=4),
    Parameter(name="face_enhance", kind="boolean", about="faces too", default=False),
)
_STATES = {"queued": "starting", "running": "processing", "done": "succeeded", "cancelled": "canceled"}
_PATIENCE = 60.0
"""Seconds for which `Prefer: wait` holds a request open, at most."""
_PAUSE = 0.05
_STATUS = {
    Problem.MISSING_KEY: 401,
    Problem.INVALID_KEY: 401,
    Problem.NO_FUNDS: 402,
    Problem.LINK_FORGED: 403,
    Problem.NOT_FOUND: 404,
    Problem.LINK_UNKNOWN: 404,
    Problem.LINK_EXPIRED: 404,
    Problem.WRONG_METHOD: 405,
    Problem.FILE_TOO_LARGE: 413,
    Problem.WRONG_CONTENT_TYPE: 415,
    Problem.RATE_LIMITED: 429,
    Problem.TOO_MANY_IN_FLIGHT: 429,
    Problem.MALFORMED_BODY: 400,
    Problem.SERVER_ERROR: 500,
}
_TITLES = {
    401: "Unauthenticated",
    402: "Insufficient credit",
    404: "Not found",
    422: "Input validation failed",
    429: "Too many requests",
}
_TEXTS = {
    401: "You did not pass a valid authentication token",
    402: "You have insufficient credit to run this model.",
    404: "The requested resource could not be found.",
    429: "Request was throttled.",
}
_OWN = {
    Problem.MISSING_KEY: "You did not pass an authentication token",
    Problem.UNKNOWN_MODEL: "The specified version does not exist (or perhaps you don't have permission to use it?)",
    Problem.UNSAFE: "NSFW content detected. Try running it again, or try a different input.",
}


async def create(call: Call) -> Response:
    """Take a prediction in: 201, starting; with `Prefer: wait` as it stands when it has ended or time is up."""
    sent = await call.json(20 * MIB)
    version = str(sent.get("version", ""))
    if version.rpartition(":")[2] != VERSION:
        raise ApiError(
            Problem.UNKNOWN_MODEL,
            "Invalid version",
            reason=f"the only version here is {VERSION}",
            param="version",
        )
    given = sent.get("input")
    inputs: Mapping[str, object] = given if is_object(given) else {}
    values = values_in_force(_INPUTS, inputs, _word_breach)
    scale = int(str(values["scale"]))
    if scale not in _SCALES:
        raise ApiError(
            Problem.INVALID_PARAMETER,
            f"scale must be one of {', '.join(map(str, _SCALES))}",
            param="scale",
        )

    async def work() -> Made:
        source = await named_picture(call, str(values["image"]), 100 * MIB, param="image")
        params = {name: values[name] for name in ("scale", "face_enhance")}
        wanted = Work(
            sources=(Sent(source, "image"),),
            steps=(enlarged(scale),),
            path=lambda link_id: f"/pbxt/{link_id}/output.png",
            params=params,
        )
        outcome = await prepare(call, wanted, await judge(call, wanted), finished=False)
        if not outcome.results[0].safe:
            raise ApiError(Problem.UNSAFE, "NSFW content detected", param="image")
        return Made(outcome, {"version": VERSION, "input": dict(inputs)})

    drawn = await call.account.draw("prediction")
    job_id = base64.b32encode(drawn[:16]).decode().rstrip("=").lower()
    job = await begin(call, work, job_id=job_id, pace=pace_of(call), at_once=_at_once)
    patience = _patience(call.request)
    progress = Progress("queued", job.made) if patience is None else await _wait(call, job, patience)
    return JSONResponse(await _prediction(call, job, progress), 201)


async def get(call: Call) -> Response:
    """Where a prediction stands."""
    job = await _found(call)
    return JSONResponse(await _prediction(call, job, await poll(call, job)))


async def cancel(call: Call) -> Response:
    """Stop a prediction; one that has ended stays as it is."""
    job = await _found(call)
    await poll(call, job, counted=False)
    await call.account.jobs.cancel(job, call.now)
    return JSONResponse(await _prediction(call, job, await poll(call, job, counted=False)))


async def upload(call: Call) -> Response:
    """Keep a file, to be named as an input."""
    part = (await call.form(file=100 * MIB)).last("content")
    if part is None:
        raise ApiError(Problem.MISSING_PARAMETER, "content is required", param="content")
    await call.check_open()
    file_id = await call.account.draw_id("file")
    file = File(
        id=file_id,
        account=call.account.id,
        provider=call.provider.name,
        path=f"/v1/files/{file_id}",
        content_type=part.content_type or "application/octet-stream",
        blob=await call.account.keep_upload(part.data),
        exp=call.now + _FILE_LIFE,
    )
    await call.account.links.keep_file(file)
    return JSONResponse(
        {
            "id": file.id,
            "name": part.filename or "file",
            "content_type": file.content_type,
            "size": len(part.data),
            "checksums": {"sha256": hashlib.sha256(part.data).hexdigest()},
            "metadata": {},
            "created_at": iso(call.now),
            "expires_at": iso(call.now + _FILE_LIFE),
            "urls": {"get": own_url(call, file.path)},
        },
        201,
    )


def word_error(call: Call, error: ApiError) -> Response:
    status = error.status or _STATUS.get(error.problem, 422)
    title = _TITLES.get(status, "Error")
    if error.problem is Problem.UNKNOWN_MODEL:
        title = "Invalid version or not permitted"
    body: dict[str, object] = {
        "title": title,
        "detail": text_of(error, status, _TEXTS, _OWN),
        "status": status,
    }
    if error.problem in (Problem.MISSING_PARAMETER, Problem.INVALID_PARAMETER) and error.param:
        body["detail"] = f"- input: {error.message}\n"
        body["invalid_fields"] = [{"type": "invalid", "field": error.param, "description": error.message}]
    headers = {"allow": str(error.details["allow"])} if "allow" in error.details else {}
    return JSONResponse(body, status, headers)


def find_key(request: Request) -> str | None:
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    return key.strip() or None if scheme.lower() in ("bearer", "token") else None


def _word_breach(breach: Breach) -> str:
    if breach.rule == "missing":
        return f"{breach.parameter.name} is required"
    return f"{breach.parameter.name} must be of type {breach.parameter.kind}"


def _at_once(refusal: ApiError) -> bool:
    """Whether the creation is refused: for want of money. All else is what a prediction fails with."""
    return refusal.problem is Problem.NO_FUNDS


def _patience(request: Request) -> float | None:
    """Seconds for which the client wants to wait; None: it does not."""
    wish = re.search(r"\bwait(?:=(\d{1,3}))?", request.headers.get("prefer", ""))
    if wish is None:
        return None
    return min(float(wish[1] or _PATIENCE), _PATIENCE)


async def _wait(call: Call, job: Job, seconds: float) -> Progress:
    """Where a prediction stands once it has ended, or `seconds` have passed by the account's clock or by the real
    one. Each look is a poll, as if the client had asked."""
    until = call.now + seconds
    for _ in range(int(seconds / _PAUSE)):
        late = (await call.account.clock()).now() >= until
        progress = await poll(call, job)
        if late or progress.stage in ("done", "cancelled") or await call.forgotten():
            break
        await call.faults.wait(_PAUSE)
    else:
        progress = await poll(call, job, counted=False)
    if progress.stage == "done" and (progress.error or job.error) is None and job.charge is not None:
        call.entry.cost = job.charge.micros
    return progress


async def _found(call: Call) -> Job:
    job = await find_job(call, call.params["id"])
    if job is None or job.provider != call.provider.name:
        raise ApiError(Problem.NOT_FOUND, "", reason="no prediction of this id was made with this key")
    return job


async def _prediction(call: Call, job: Job, progress: Progress) -> dict[str, object]:
    ended = progress.stage in ("done", "cancelled")
    error = progress.error or job.error if progress.stage == "done" else None
    output: str | None = None
    if progress.stage == "done" and error is None:
        done = await result_of(call, job)
        # A picture that was purged has no link any more.
        output = link(call, done.links[0]) if done is not None and done.links else None
    base = own_url(call, f"/v1/predictions/{job.id}")
    return {
        "id": job.id,
        "model": "nightmareai/real-esrgan",
        "version": job.output.get("version"),
        "input": job.output.get("input"),
        "logs": "",
        "output": output,
        "data_removed": progress.stage == "done" and error is None and output is None,
        "error": None if error is None else text_of(error, error.status or 500, _TEXTS, _OWN),
        "status": "failed" if error is not None else _STATES[progress.stage],
        "created_at": iso(job.made),
        "completed_at": iso(progress.since) if ended else None,
        "metrics": {"predict_time": job.pace.running} if ended else {},
        "urls": {"get": base, "cancel": f"{base}/cancel"},
    }


# Not "/replicate", which "/replicate/delivery" would be under.
API = Site(
    prefix="/replicate/api",
    hosts=("api.replicate.com",),
    endpoints=(
        Endpoint(
            operation="replicate.create",
            method="POST",
            path="/v1/predictions",
            handler=create,
            price=flat(PRICE),
        ),
        Endpoint(operation="replicate.get", method="GET", path="/v1/predictions/{id}", handler=get),
        Endpoint(
            operation="replicate.cancel", method="POST", path="/v1/predictions/{id}/cancel", handler=cancel
        ),
        Endpoint(operation="replicate.upload", method="POST", path="/v1/files", handler=upload),
    ),
)
DELIVERY = Site(
    prefix="/replicate/delivery",
    hosts=("replicate.delivery",),
    endpoints=(links_at("replicate", "/pbxt/{id}/output.png"),),
)
REPLICATE = Provider(
    name="replicate",
    sites=(API, DELIVERY),
    base="/replicate/api",
    media=DELIVERY,
    find_key=find_key,
    mint_key=lambda drawn: f"r8_{drawn.hex()[:37]}",
    word_error=word_error,
    env={"REPLICATE_API_BASE_URL": "{base_url}", "REPLICATE_API_TOKEN": "{key}"},
    key_prefix="r8_",
    link_life=LIFE,
    quotas=(
        Quota(most=600, window=60, on=("replicate.create",)),
        Quota(most=3000, window=60, on=("replicate.get", "replicate.cancel", "replicate.upload")),
    ),
    parameters=("scale", "face_enhance"),
    options=JOB_OPTIONS,
)
