"""The shortest program around fal-client: fal_program.py IMAGE OUTPUT."""

from __future__ import annotations

import base64
import sys
from pathlib import Path
from urllib.request import urlopen

import fal_client

image, output = sys.argv[1:]
inline = base64.b64encode(Path(image).read_bytes()).decode()
reply = fal_client.subscribe(
    "fal-ai/ideogram/upscale", {"image_url": f"data:application/octet-stream;base64,{inline}"}
)
with urlopen(reply["images"][0]["url"]) as picture:
    Path(output).write_bytes(picture.read())
