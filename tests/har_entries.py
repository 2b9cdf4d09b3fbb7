"""Exchanges as the recorder and others write them into a HAR file."""

from __future__ import annotations

import base64
from typing import Any

from tests.pictures import picture

PNG = picture()


KEY = "Zt9-an-ideogram-key-without-a-shape"


def entry(body: bytes = b"", reply: bytes = b"{}", **more: Any) -> dict[str, Any]:
    """An exchange as others hand it over: bodies in base64."""
    return {
        "startedDateTime": "2026-11-20T13:00:00+00:00",
        "time": 12.0,
        "request": {
            "method": "POST",
            "url": more.get("url", "https://api.ideogram.ai/upscale"),
            "headers": [{"name": "Api-Key", "value": KEY}],
            "postData": {
                "mimeType": more.get("sent", "application/octet-stream"),
                "text": base64.b64encode(body).decode(),
                "_encoding": "base64",
            },
        },
        "response": {
            "status": 200,
            "headers": [{"name": "set-cookie", "value": "session=topsecretcookie; Path=/"}],
            "content": {
                "mimeType": more.get("got", "application/json"),
                "text": base64.b64encode(reply).decode(),
                "encoding": "base64",
            },
        },
        "_operation": "ideogram.upscale",
    }
