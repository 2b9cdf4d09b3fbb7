"""The shortest program around openai's Python client: openai_program.py MODEL IMAGE OUTPUT."""

from __future__ import annotations

import sys
from pathlib import Path
from urllib.request import urlopen

import openai

model, image, output = sys.argv[1:]
with Path(image).open("rb") as file:
    reply = openai.OpenAI().images.edit(model=model, image=file, prompt="sharper")
assert reply.data
with urlopen(str(reply.data[0].url)) as picture:
    Path(output).write_bytes(picture.read())
