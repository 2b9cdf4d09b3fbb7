"""Ideogram's endpoints besides the picture operations of v1: datasets, models, v2. Their modules load on first use."""

from __future__ import annotations

from functools import partial

from starlette.responses import Response

from fauxscale.provider_api import JOB_OPTIONS, ApiError, Call, Endpoint, Job, Option, Quota, Signature

MIB = 1024 * 1024
_POLL = "ideogram.v2_poll"
_HEADER = "X-Ideogram-Webhook"


async def _dataset(call: Call) -> Response:
    """Answer a call of datasets."""
    from . import datasets

    handlers = {
        "ideogram.datasets": datasets.list_all,
        "ideogram.create_dataset": datasets.create,
        "ideogram.dataset": datasets.get,
        "ideogram.upload_assets": datasets.upload_assets,
    }
    return await handlers[call.endpoint.operation](call)


async def _model(call: Call) -> Response:
    """Answer a call of models and their training."""
    from . import models, training

    handlers = {
        "ideogram.models": models.list_all,
        "ideogram.model": models.get,
        models.TRAINING: training.train_model,
    }
    return await handlers[call.endpoint.operation](call)


async def _v2(call: Call) -> Response:
    """Answer a call of v2, or for the key set of its webhooks."""
    from . import v2_describe, v2_generations, v2_images, v2_upscale, v2_usage

    handlers = {
        "ideogram.v2_upscale": v2_upscale.upscale,
        "ideogram.v2_generate": v2_images.generate,
        "ideogram.v2_remove_background": v2_images.remove_background,
        "ideogram.v2_describe": v2_describe.describe,
        "ideogram.v2_usage": v2_usage.get_usage,
        _POLL: v2_generations.get_generation,
        "ideogram.jwks": v2_generations.jwks,
    }
    return await handlers[call.endpoint.operation](call)


def notice(job: Job, error: ApiError | None) -> str:
    """Write a webhook's body."""
    from . import v2_generations

    return v2_generations.notice(job, error)


SIGNATURE = Signature(
    {
        f"{_HEADER}-Generation-Id": "{id}",
        f"{_HEADER}-User-Id": "{user}",
        f"{_HEADER}-Timestamp": "{timestamp}",
        f"{_HEADER}-Key-Id": "v1",
        f"{_HEADER}-Signature": "{signature}",
    }
)
# Ten images in flight, account-wide over all operations; polls have a limit of their own, and hold no place.
QUOTAS = (
    Quota(most=10, units="images", not_on=(_POLL,)),
    Quota(most=1_000, on=(_POLL,), window=10.0),
)
_free = partial(Endpoint, limited=False)
ENDPOINTS = (
    _free(operation="ideogram.datasets", method="GET", path="/datasets", handler=_dataset),
    _free(operation="ideogram.create_dataset", method="POST", path="/datasets", handler=_dataset),
    _free(operation="ideogram.dataset", method="GET", path="/datasets/{dataset_id}", handler=_dataset),
    _free(
        operation="ideogram.upload_assets",
        method="POST",
        path="/datasets/{dataset_id}/upload_assets",
        handler=_dataset,
    ),
    _free(operation="ideogram.models", method="GET", path="/models", handler=_model),
    _free(operation="ideogram.model", method="GET", path="/models/{model_id}", handler=_model),
    _free(
        operation="ideogram.train_model", method="POST", path="/v1/ideogram-v3/train-model", handler=_model
    ),
    Endpoint(operation="ideogram.v2_upscale", method="POST", path="/v2/image/upscale/{model}", handler=_v2),
    Endpoint(operation="ideogram.v2_generate", method="POST", path="/v2/image/generate/{model}", handler=_v2),
    Endpoint(
        operation="ideogram.v2_remove_background",
        method="POST",
        path="/v2/image/remove-background/{model}",
        handler=_v2,
    ),
    Endpoint(operation="ideogram.v2_describe", method="POST", path="/v2/image/describe/{model}", handler=_v2),
    Endpoint(operation=_POLL, method="GET", path="/v2/generations/{generation_id}", handler=_v2),
    _free(operation="ideogram.v2_usage", method="GET", path="/v2/account/usage", handler=_v2),
    _free(
        operation="ideogram.jwks",
        method="GET",
        path="/v1/.well-known/jwks.json",
        handler=_v2,
        needs_key=False,
    ),
)
OPTIONS = (
    Option(
        name="max_upload",
        default=64 * MIB,
        why="how large one upload to a dataset may be is not documented; the stand-in holds it in memory",
    ),
    Option(
        name="training_images",
        default=15,
        why="how many images training takes at least: 15 in the API reference, 10 in the tutorial, 5 until 2026-04-07",
    ),
    Option(name="creating_seconds", default=10.0, why="how long a model is CREATING: fauxscale's choice"),
    Option(name="training_seconds", default=60.0, why="how long it is then TRAINING: fauxscale's choice"),
    Option(
        name="training_ends",
        default="COMPLETED",
        choices=("COMPLETED", "ERRORED"),
        why="how training ends; why it would end ERRORED is not documented",
    ),
    *JOB_OPTIONS,
)
# Parameters of v2 besides those of v1, by the names that are journalled.
PARAMETERS = (
    "model", "async", "webhook_url", "private", "target_collection_id", "image", "creativity", "texture", "denoise",
    "sharpen", "strength", "fix_compression", "face_enhancement", "face_enhancement_strength",
    "face_enhancement_creativity", "subject_detection", "enhancement_strength", "color_preservation", "autoprompt",
    "detail_strength", "resolution_tier", "enable_copyright_detection", "include_bbox", "include_style_descriptions",
    "include_tags",
)  # fmt: skip
