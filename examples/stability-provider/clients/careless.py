"""A client as it should not be: it saves whatever comes, and polls for ever.

`python careless.py fast|creative IMAGE OUTPUT [SECONDS BETWEEN POLLS]`
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import httpx

BASE = os.environ["STABILITY_BASE_URL"]
KEY = {"authorization": f"Bearer {os.environ['STABILITY_API_KEY']}", "accept": "image/*"}


def main(kind: str, image: str, output: str, between: str = "10") -> None:
    with httpx.Client(timeout=None) as http:
        reply = http.post(
            f"{BASE}/v2beta/stable-image/upscale/{kind}",
            data={"prompt": "a photo"} if kind == "creative" else {},
            files={"image": Path(image).read_bytes()},
            headers=KEY,
        )
        if kind == "creative" and reply.status_code == 200:
            address = f"{BASE}/v2beta/results/{reply.json()['id']}"
            while (reply := http.get(address, headers=KEY)).status_code == 202:
                time.sleep(float(between))
    Path(output).write_bytes(reply.content)


if __name__ == "__main__":
    main(*sys.argv[1:])
