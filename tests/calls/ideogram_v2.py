"""Calls to v2 of Ideogram's API."""

from __future__ import annotations

from typing import Any

import httpx

from tests.pictures import picture
from tests.stages import Stage


class Client:
    """An account at Ideogram's v2."""

    def __init__(self, stage: Stage, **terms: Any) -> None:
        self.stage = stage
        self.account = stage.account(**terms)
        self.account.clock.freeze()
        self.headers = {"Api-Key": self.account.api_key("ideogram")}

    def upscale(self, upscaler: str = "auto", image: bytes | None = None, /, **fields: Any) -> httpx.Response:
        """One call. `dry_run` goes into its query, all else into its form."""
        query = {"dry_run": fields.pop("dry_run", None)}
        return self.stage.http.post(
            f"{self.stage.base_url('ideogram')}/v2/image/upscale/{upscaler}",
            params={name: value for name, value in query.items() if value is not None},
            data={name: str(value) for name, value in fields.items()},
            files={"image": ("photo.png", picture() if image is None else image)},
            headers=self.headers,
        )

    def get(self, path: str, **options: Any) -> httpx.Response:
        url = self.stage.base_url("ideogram") + path
        return self.stage.http.get(url, headers=self.headers, **options)

    def post(self, path: str, **options: Any) -> httpx.Response:
        url = self.stage.base_url("ideogram") + path
        return self.stage.http.post(url, headers=self.headers, **options)

    def poll(self, generation: str) -> httpx.Response:
        return self.get(f"/v2/generations/{generation}")

    def begun(self, **fields: Any) -> str:
        return str(self.upscale(**{"async": "true", **fields}).json()["generation_id"])

    @property
    def spent(self) -> int:
        return sum(charge.micros for charge in self.account.ledger)
