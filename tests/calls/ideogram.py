"""Calls to Ideogram."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Unpack

import httpx

from fauxscale.client.arguments import TermArguments
from tests.pictures import picture
from tests.stages import Stage

V3 = "/v1/ideogram-v3"
# A text part, one that is sent several times, or a file.
Field = str | Sequence[str] | bytes | Sequence[bytes]


def upscale(
    stage: Stage,
    image: bytes | None = None,
    request: object = "{}",
    *,
    key: str | None = None,
    headers: Mapping[str, str] | None = None,
    **terms: Unpack[TermArguments],
) -> httpx.Response:
    """One call with an account of its own, unless a key is given. `request` is JSON text or a value."""
    key = stage.account(**terms).api_key("ideogram") if key is None else key
    text = request if isinstance(request, str) else json.dumps(request)
    files: dict[str, Any] = {"image_request": (None, text)}
    files["image_file"] = ("photo.png", picture() if image is None else image, "image/png")
    return stage.http.post(
        f"{stage.base_url('ideogram')}/upscale", files=files, headers={"Api-Key": key, **(headers or {})}
    )


@dataclass(frozen=True)
class Sample:
    """A call that is answered 200, with what its documentation says it needs and no more.

    `json` is the body, or the name of the part that holds all parameters as JSON.
    """

    path: str
    fields: Mapping[str, Field] = field(default_factory=dict)
    json: str = ""

    def form(self, **changes: Field | None) -> list[tuple[str, Any]]:
        """Its parts, with some set, or left out where they are None. Lists are sent part by part."""
        return [
            (name, (None, one) if isinstance(one, str) else (f"{name}.png", one, "image/png"))
            for name, value in self._changed(changes).items()
            for one in ([value] if isinstance(value, str | bytes) else value)
        ]

    def _changed(self, changes: Mapping[str, Field | None]) -> dict[str, Field]:
        merged = {**self.fields, **changes}
        return {name: value for name, value in merged.items() if value is not None}

    def send(self, http: httpx.Client, base: str, key: str, /, **changes: Field | None) -> httpx.Response:
        """Send it to the API at `base`. For one whose parameters are JSON, what changes is the text of the JSON."""
        headers = {"Api-Key": key}
        if self.json == "body":
            text = changes.get("body") or self.fields["body"]
            assert isinstance(text, str)
            typed = {**headers, "Content-Type": "application/json"}
            return http.post(base + self.path, content=text.encode(), headers=typed)
        parts = self.form(**changes) or [("nothing", (None, ""))]  # httpx sends no form without a part
        return http.post(base + self.path, files=parts, headers=headers)

    def asked(self, **members: object) -> dict[str, str]:
        """The change that sets members of its JSON; those that are None are left out."""
        held = json.loads(str(self.fields[self.json]))
        inner = held["image_request"] if self.json == "body" else held
        for name, value in members.items():
            inner.pop(name, None)
            if value is not None:
                inner[name] = value
        return {self.json: json.dumps(held)}


_PHOTO = picture(width=64, height=48)
_MASK = picture(width=64, height=48, mode="L")
_CAT = {"prompt": "a photo of a cat"}
_CAT_JSON = json.dumps(_CAT)

SAMPLES: Mapping[str, Sample] = {
    "upscale": Sample("/upscale", {"image_request": "{}", "image_file": _PHOTO}, "image_request"),
    "generate": Sample("/generate", {"body": json.dumps({"image_request": _CAT})}, "body"),
    "edit": Sample("/edit", {**_CAT, "model": "V_2", "image_file": _PHOTO, "mask": _MASK}),
    "remix": Sample("/remix", {"image_request": _CAT_JSON, "image_file": _PHOTO}, "image_request"),
    "reframe": Sample(
        "/reframe", {"image_file": _PHOTO, "resolution": "RESOLUTION_1024_640", "model": "V_2"}
    ),
    "describe": Sample("/describe", {"image_file": _PHOTO}),
    "v1_edit": Sample("/v1/edit", {**_CAT, "images": [_PHOTO]}),
    "remove_background": Sample("/v1/remove-background", {"image": _PHOTO}),
    "v3_generate": Sample(f"{V3}/generate", _CAT),
    "v3_generate_transparent": Sample(f"{V3}/generate-transparent", _CAT),
    "v3_inpaint": Sample(f"{V3}/inpaint", {**_CAT, "image": _PHOTO, "mask": _MASK}),
    "v3_edit": Sample(f"{V3}/edit", {**_CAT, "image": _PHOTO, "mask": _MASK}),
    "v3_remix": Sample(f"{V3}/remix", {**_CAT, "image": _PHOTO}),
    "v3_reframe": Sample(f"{V3}/reframe", {"image": _PHOTO, "resolution": "1152x704"}),
    "v3_replace_background": Sample(f"{V3}/replace-background", {**_CAT, "image": _PHOTO}),
    "v3_layerize_text": Sample(f"{V3}/layerize-text", {"image": _PHOTO}),
}
