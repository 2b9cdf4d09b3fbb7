"""Datasets, models and training, with what is true of the pictures they take."""

from __future__ import annotations

from tests.calls.ideogram_datasets import pictures

from .calling import Calling, Row, same

_IMAGES = 15
_SIZES = [len(data) for _, data in pictures(_IMAGES)]
_SCHEDULE = ((0, "CREATING"), (10, "TRAINING"), (70, "COMPLETED"))


def made(calling: Calling) -> str:
    """Make a dataset; its id."""
    return str(calling.call("POST", "/datasets", json={"name": "cats"})["dataset_id"])


def filled(calling: Calling, dataset: str) -> None:
    """Send a dataset the pictures that training needs, one that is broken, and a caption."""
    files = [*pictures(_IMAGES), ("broken.png", b"\x89PNG"), ("0.txt", b"a small cat")]
    told = calling.call("POST", f"/datasets/{dataset}/upload_assets", files=[("files", one) for one in files])
    assert told["success_count"] == _IMAGES
    assert [one["failure_reason"] for one in told["failed_assets"]] == ["INVALID_IMAGE"]


def create_dataset(calling: Calling) -> None:
    assert made(calling) != made(calling)


def datasets(calling: Calling) -> None:
    ids = [made(calling) for _ in range(2)]
    listed = calling.call("GET", "/datasets")["datasets"]
    assert [one["dataset_id"] for one in listed] == ids


def upload_assets(calling: Calling) -> None:
    filled(calling, made(calling))


def dataset(calling: Calling) -> None:
    named = made(calling)
    filled(calling, named)
    found = calling.call("GET", f"/datasets/{named}")
    assert found["file_count"] == _IMAGES
    assert [one["file_size_bytes"] for one in found["files"]] == _SIZES


def begun(calling: Calling) -> str:
    """Begin a training; the id of its model."""
    named = made(calling)
    filled(calling, named)
    sent = {"dataset_id": named, "model_name": "my model"}
    told = calling.call("POST", "/v1/ideogram-v3/train-model", json=sent)
    assert told["training_status"] == "CREATING"
    return str(told["model_id"])


def trained(calling: Calling) -> str:
    """Train a model; its URI."""
    named = begun(calling)
    calling.account.clock.advance(seconds=_SCHEDULE[-1][0])
    return str(calling.call("GET", f"/models/{named}")["model"]["custom_model_uri"])


def train_model(calling: Calling) -> None:
    uri = trained(calling)
    assert uri == "model/my-model/version/1"
    drawn, other = (
        calling.result(calling.ask("v3_generate", seed="1", custom_model_uri=one)) for one in (uri, None)
    )
    assert same(drawn, other)


def model(calling: Calling) -> None:
    named, now = begun(calling), 0
    for seconds, status in _SCHEDULE:
        calling.account.clock.advance(seconds=seconds - now)
        now = seconds
        assert calling.call("GET", f"/models/{named}")["model"]["status"] == status


def models(calling: Calling) -> None:
    named = begun(calling)
    assert [one["model_id"] for one in calling.call("GET", "/models")["models"]] == [named]


ROWS = (
    Row("create_dataset", "none", 0, create_dataset),
    Row("datasets", "none", 0, datasets),
    Row("upload_assets", "whole pictures taken, a broken one refused by name", 0, upload_assets),
    Row("dataset", "every picture as long as it was sent", 0, dataset),
    Row("train_model", "its model draws by its URI what any other draws", 0, train_model),
    Row("model", "none: CREATING, TRAINING, COMPLETED by the clock", 0, model),
    Row("models", "none", 0, models),
)
