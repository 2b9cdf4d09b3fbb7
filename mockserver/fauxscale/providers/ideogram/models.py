"""Ideogram's custom models: each is its training job, whose progress follows the account's clock.

Source: the public OpenAPI descriptions of 2026-04-27 and 2026-10-07.
"""

from __future__ import annotations

from starlette.responses import JSONResponse, Response

from fauxscale.provider_api import ApiError, Call, Job, Problem, Progress, find_job, iso, poll

TRAINING = "ideogram.train_model"
_STATES = {"queued": "CREATING", "running": "TRAINING", "done": "COMPLETED", "cancelled": "ARCHIVED"}
_RUNS = {"queued": "PREPARING_DATA", "running": "TRAINING", "done": "COMPLETED", "cancelled": "FAILED"}
_KNOWN = ("CREATING", "DRAFT", "TRAINING", "COMPLETED", "ERRORED", "ARCHIVED")
_SCOPES = ("owned", "shared")


async def list_all(call: Call) -> Response:
    """List the models of the account, oldest first; no others are shared with it."""
    query = call.request.query_params
    scope, states = query.get("scope"), query.getlist("status")
    if scope is not None:
        _check(scope, _SCOPES, "scope")
    for state in states:
        _check(state, _KNOWN, "status")
    found = [] if scope == "shared" else [await _worded(call, one) for one in await models_of(call)]
    return JSONResponse({"models": [one for one in found if not states or one["status"] in states]})


async def get(call: Call) -> Response:
    """Answer a model, and the run that trains it."""
    job = await find_job(call, call.params["model_id"])
    if job is None or job.operation != TRAINING:
        raise ApiError(
            Problem.NOT_FOUND,
            "Model not found",
            reason="no model of this id was trained with this key, or the account was reset since",
        )
    progress = await poll(call, job, counted=False)
    run: dict[str, object] = {
        "training_run_id": job.output["run_id"],
        "status": "FAILED" if _failed(job, progress) else _RUNS[progress.stage],
        "creation_time": _time(call, job.made),
        "last_update_time": _time(call, progress.since),
    }
    return JSONResponse({"model": await _worded(call, job) | {"training_runs": [run]}})


async def model_exists(call: Call, uri: str) -> bool:
    """Whether a trained model has this URI, so that it can make pictures."""
    for job in await models_of(call):
        if job.output["uri"] == uri:
            return status_of(job, await poll(call, job, counted=False)) == "COMPLETED"
    return False


async def models_of(call: Call) -> list[Job]:
    """List the jobs that train, or trained, the account's models, oldest first."""
    return [one for one in await call.account.jobs.all() if one.operation == TRAINING]


def status_of(job: Job, progress: Progress) -> str:
    """The status of a model."""
    return "ERRORED" if _failed(job, progress) else _STATES[progress.stage]


def _failed(job: Job, progress: Progress) -> bool:
    return progress.stage == "done" and (progress.error or job.error) is not None


async def _worded(call: Call, job: Job) -> dict[str, object]:
    progress = await poll(call, job, counted=False)
    status = status_of(job, progress)
    ready = status == "COMPLETED"
    return {
        "model_id": job.id,
        "custom_model_uri": job.output["uri"] if ready else None,
        "name": job.output["name"],
        "status": status,
        "dataset_id": job.output["dataset_id"],
        "creation_time": _time(call, job.made),
        "last_update_time": _time(call, progress.since),
        "is_available_for_generation": ready,
        "is_owned": True,
    }


def _time(call: Call, at: float) -> str:
    return iso(at, str(call.setting("created")))


def _check(value: str, choices: tuple[str, ...], name: str) -> None:
    """Refuse a value of the query that is none of the choices."""
    if value not in choices:
        shown = repr(value[:1_000])
        raise ApiError(
            Problem.INVALID_PARAMETER,
            f"Invalid input: {name} must be one of {', '.join(choices)}, got {shown[:42]}",
            param=name,
            details={"schema": f"{shown} is not one of {list(choices)!r}"},
        )
