"""Training at Ideogram: a job that makes a model from a dataset, by the account's clock."""

from __future__ import annotations

import re

from starlette.responses import JSONResponse, Response

from fauxscale.provider_api import ApiError, Call, Made, Pace, Problem, begin

from .dataset_files import images_of
from .datasets import find
from .schema import Judge, Member

MIB = 1024 * 1024
_MEMBERS = (Member(name="dataset_id", required=True), Member(name="model_name", required=True))
_NAME = re.compile(r"[A-Za-z0-9 -]{5,30}")


async def train_model(call: Call) -> Response:
    """Begin to train a model on a dataset's pictures."""
    sent = await call.json(MIB)
    if (breach := Judge(str(call.setting("api_version"))).object_breach(_MEMBERS, sent)) is not None:
        raise breach.error
    name = str(sent["model_name"])
    if not _NAME.fullmatch(name):
        raise ApiError(
            Problem.INVALID_PARAMETER,
            "model_name must have 5 to 30 characters: letters, digits, spaces and hyphens",
            param="model_name",
        )
    dataset = await find(call, str(sent["dataset_id"]))
    least, has = int(call.setting("training_images")), len(await images_of(call, dataset.id))
    if has < least:
        raise ApiError(
            Problem.INVALID_PARAMETER,
            f"At least {least} images are required to train a model",
            reason=f"the dataset has {has} images, and training wants {least} (ideogram.training_images)",
            param="dataset_id",
        )
    # A name of spaces alone is valid, too.
    slug = "-".join(name.lower().split()) or "model"
    version = await call.account.dice.number(f"model {slug}")
    output: dict[str, object] = {
        "name": name,
        "dataset_id": dataset.id,
        "uri": f"model/{slug}/version/{version}",
        "run_id": await call.account.draw_id("training run"),
    }

    async def work() -> Made:
        return Made(None, output)

    job = await begin(
        call,
        work,
        job_id=await call.account.draw_id("model"),
        pace=Pace(
            queued=float(call.setting("creating_seconds")), running=float(call.setting("training_seconds"))
        ),
        ends_in=_ends_in(call),
    )
    return JSONResponse(
        {
            "model_id": job.id,
            "dataset_id": dataset.id,
            "training_status": "CREATING",
            "model_name": name,
        }
    )


def _ends_in(call: Call) -> ApiError | None:
    """The configured error that training ends in, if any."""
    if call.setting("training_ends") == "COMPLETED":
        return None
    return ApiError(
        Problem.SERVER_ERROR, "Training failed", reason="configured: training fails (ideogram.training_ends)"
    )
