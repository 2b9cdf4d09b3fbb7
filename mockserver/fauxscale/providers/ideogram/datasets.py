"""Ideogram's datasets: pictures and captions to train a model on.

Source: the public OpenAPI descriptions of 2026-04-27, 2026-05 and 2026-10-07. What they do not say is in
docs/fidelity.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct
from starlette.responses import JSONResponse, Response

from fauxscale.provider_api import ApiError, Call, Problem, iso

from .dataset_files import Asset, DatasetUpload, captions_of, images_of
from .models import models_of
from .schema import Judge, Member

MIB = 1024 * 1024
_TABLE = "ideogram.datasets"
_MOST = 10_000
_NAME = Member(name="name", required=True)
_MOST_NAME = 1_000
_MOST_SEARCH = 64


class Dataset(Struct, frozen=True, kw_only=True):
    """One dataset. `made` is the account's time in Unix seconds."""

    id: str
    name: str
    made: float


async def create(call: Call) -> Response:
    """Make an empty dataset."""
    sent = await call.json(MIB)
    if (breach := Judge(str(call.setting("api_version"))).object_breach((_NAME,), sent)) is not None:
        raise breach.error
    name = str(sent["name"])
    dataset = Dataset(id=await call.account.draw_id("dataset"), name=name, made=call.now)
    if len(name) > _MOST_NAME:
        raise _refused(f"A name has at most {_MOST_NAME:,} characters")
    if not await call.account.records.put(_TABLE, dataset.id, dataset, most=_MOST):
        raise _refused(f"An account has at most {_MOST:,} datasets")
    return JSONResponse(_worded(call, dataset, ()))


async def list_all(call: Call) -> Response:
    """List the account's datasets, oldest first; since API version 2026-10 those whose names contain the search
    words."""
    words = _searched(call).casefold().split()
    found = [
        one
        for one in await call.account.records.all(_TABLE, Dataset)
        if all(word in one.name.casefold() for word in words)
    ]
    return JSONResponse({"datasets": [_worded(call, one, await images_of(call, one.id)) for one in found]})


async def get(call: Call) -> Response:
    """Answer a dataset with its files, and the models that were trained on it."""
    dataset = await find(call, call.params["dataset_id"])
    images = await images_of(call, dataset.id)
    captions = {one.stem: one.text for one in await captions_of(call, dataset.id)}
    return JSONResponse(
        {
            "dataset": _worded(call, dataset, images),
            "file_count": len(images),
            "files": [_file(call, one, captions) for one in images],
            "custom_model_ids": [
                one.id for one in await models_of(call) if one.output["dataset_id"] == dataset.id
            ],
        }
    )


async def upload_assets(call: Call) -> Response:
    """Add pictures, captions and zip files of both to a dataset; failures are listed by file."""
    dataset = await find(call, call.params["dataset_id"])
    most = int(call.setting("max_upload"))
    form = await call.form(file=most, whole=most, files=1_000, parts=1_020)
    parts = [one for one in form.all("files") if one.filename or one.data]
    if not parts:
        raise ApiError(
            Problem.MISSING_PARAMETER,
            "files is required",
            reason="send each picture, caption or zip file as a part named files",
            param="files",
            details={"schema": "'files' is a required property"},
        )
    upload = DatasetUpload(call, dataset.id, (10 if call.setting("api_version") == "2026-04" else 25) * MIB)
    await upload.take(parts)
    return JSONResponse(
        {
            "total_count": len(upload.taken) + len(upload.failed),
            "success_count": len(upload.taken),
            "failure_count": len(upload.failed),
            "successful_assets": [
                {"asset_identifier": one.identifier, "file_name": one.name} for one in upload.taken
            ],
            "failed_assets": [
                {"file_name": name, "failure_reason": reason} for name, reason in upload.failed
            ],
        }
    )


async def find(call: Call, dataset_id: str) -> Dataset:
    """Find a dataset of the call's account. Raises NOT_FOUND."""
    found = await call.account.records.get(_TABLE, dataset_id, Dataset)
    if found is None:
        raise ApiError(
            Problem.NOT_FOUND,
            "Dataset not found",
            reason="no dataset of this id was made with this key, or the account was reset since",
        )
    return found


def _searched(call: Call) -> str:
    """The search words. Raises INVALID_PARAMETER if there are too many."""
    if call.setting("api_version") == "2026-04":
        return ""
    text = call.request.query_params.get("search", "")
    if len(text) > _MOST_SEARCH:
        raise ApiError(
            Problem.INVALID_PARAMETER,
            f"Invalid input: search must have {_MOST_SEARCH} characters or fewer, got {len(text):,}",
            param="search",
            details={"schema": f"{text[:1_000]!r} is too long"},
        )
    return text


def _worded(call: Call, dataset: Dataset, images: Sequence[Asset]) -> dict[str, object]:
    cover = {"cover_asset_identifier": images[0].identifier} if images else {}
    return {
        "dataset_id": dataset.id,
        "name": dataset.name,
        "user_id": call.account.id,
        "creation_time": iso(dataset.made, str(call.setting("created"))),
        **cover,
    }


def _file(call: Call, image: Asset, captions: Mapping[str, str]) -> dict[str, object]:
    """A picture of a dataset, since API version 2026-10 with its caption."""
    told = call.setting("api_version") == "2026-10" and image.stem in captions
    caption = {"caption": captions[image.stem]} if told else {}
    return {"file_name": image.name, "file_size_bytes": image.size, **caption}


def _refused(message: str) -> ApiError:
    return ApiError(Problem.INVALID_PARAMETER, message, param="name")
