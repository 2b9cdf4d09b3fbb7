"""Calls to Ideogram's datasets and models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import httpx

from fauxscale.client import AccountHandle
from tests.pictures import picture
from tests.stages import Stage

File = tuple[str, bytes]


class Ideogram:
    """An account at Ideogram, asked over a stage."""

    def __init__(self, stage: Stage, account: AccountHandle) -> None:
        self.stage = stage
        self.account = account
        self.key = account.api_key("ideogram")

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        headers = {"Api-Key": self.key, **options.pop("headers", {})}
        return self.stage.http.request(
            method, self.stage.base_url("ideogram") + path, headers=headers, **options
        )

    def dataset(self, name: str = "cats") -> str:
        """Make a dataset; its id."""
        return str(self.ask("POST", "/datasets", json={"name": name}).json()["dataset_id"])

    def upload(self, dataset: str, *files: File) -> httpx.Response:
        parts = [("files", (name, data)) for name, data in files]
        return self.ask("POST", f"/datasets/{dataset}/upload_assets", files=parts)

    def full_dataset(self, images: int = 15) -> str:
        """Make a dataset of so many pictures; its id."""
        dataset = self.dataset()
        self.upload(dataset, *pictures(images))
        return dataset

    def train(self, dataset: str, name: str = "my model") -> httpx.Response:
        return self.ask(
            "POST", "/v1/ideogram-v3/train-model", json={"dataset_id": dataset, "model_name": name}
        )

    def trained(self, name: str = "my model") -> str:
        """Train a model and see it completed; its URI."""
        begun = self.train(self.full_dataset(), name).json()["model_id"]
        self.account.jobs.finish(begun)
        return str(self.model(begun)["custom_model_uri"])

    def model(self, model_id: str) -> dict[str, Any]:
        return dict(self.ask("GET", f"/models/{model_id}").json()["model"])


def pictures(count: int) -> Sequence[File]:
    """So many pictures, with a name each."""
    return [(f"{number}.png", picture(width=8 + number, height=8)) for number in range(count)]
