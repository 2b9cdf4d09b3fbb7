"""What a user of OpenAI's Python client does, run in a process of its own by test_openai_python.py.

The same code in two environments, openai 3.x and 1.x: reads its task as JSON from stdin, writes what it saw as
JSON to stdout. Statuses are configured in the prompt, and each call whose attempts are counted has a key of its own.
"""

from __future__ import annotations

import asyncio
import io
import json
import sys
from pathlib import Path
from typing import Any

import openai

STATUSES = (400, 401, 402, 403, 404, 408, 409, 422, 429, 500, 502, 503)
MODELS = {"aigateway": "ideogram/ideogram-upscale", "lumenfall": "ideogram-upscale"}
Seen = dict[str, Any]


def links(task: Seen, provider: str) -> Seen:
    """The same photo in every shape the client takes, and what comes back for each."""
    photo, model = Path(task["photo"]), MODELS[provider]
    with openai.OpenAI(base_url=task[provider], api_key=task["key"]) as client, photo.open("rb") as file:
        shapes: Seen = {
            "file": file,
            "path": photo,
            "bytes": photo.read_bytes(),
            "BytesIO": io.BytesIO(photo.read_bytes()),
            "wrong name": ("picture.jpg", photo.read_bytes(), "image/jpeg"),
            "list": [photo.read_bytes()],
        }
        return {
            name: client.images.edit(model=model, image=image, prompt="sharper", size="1024x1024").data[0].url  # type: ignore[index]  # the answer has one, or the script fails
            for name, image in shapes.items()
        }


async def link(task: Seen, provider: str) -> Seen:
    """The same from the asynchronous client."""
    async with openai.AsyncOpenAI(base_url=task[provider], api_key=task["key"]) as client:
        reply = await client.images.edit(model=MODELS[provider], image=Path(task["photo"]), prompt="sharper")
        assert reply.data
        return {"async": reply.data[0].url}


def others(task: Seen) -> Seen:
    """Everything but the upload: generations, models, base64, extra parameters."""
    photo = Path(task["photo"])
    with openai.OpenAI(base_url=task["aigateway"], api_key=task["key"]) as client:
        drawn = client.images.generate(model=MODELS["aigateway"], prompt="a cat", size="256x256")
        seen: Seen = {"drawn": drawn.data[0].url, "created": drawn.created}  # type: ignore[index]  # the answer has one, or the script fails
        seen["request_id"] = drawn._request_id
        seen["models"] = [model.id for model in client.models.list()]
        seen["model"] = client.models.retrieve(MODELS["aigateway"]).owned_by
    with openai.OpenAI(base_url=task["lumenfall"], api_key=task["key"]) as client:
        model = MODELS["lumenfall"]
        packed = client.images.edit(
            model=model,
            image=photo,
            prompt="x",
            response_format="b64_json",
            extra_body={"scale_factor": 1.5, "detail": 90},
        )
        seen["b64_json"] = packed.data[0].b64_json  # type: ignore[index]  # the answer has one, or the script fails
        seen["metadata"] = packed.model_extra["metadata"]  # type: ignore[index]  # the answer has one, or the script fails
        dry = client.images.edit(model=model, image=photo, prompt="x", extra_query={"dryRun": "true"})
        seen["dry"] = dry.model_extra["total_cost_micros"]  # type: ignore[index]  # the answer has one, or the script fails
    return seen


async def attempt(base_url: str, key: str, model: str, photo: bytes, prompt: str, retries: int) -> Seen:
    """What one call ends in: the exception's class and members, or "fine"."""
    async with openai.AsyncOpenAI(base_url=base_url, api_key=key, max_retries=retries) as client:
        try:
            await client.images.edit(model=model, image=photo, prompt=prompt)
        except openai.APIStatusError as error:
            kind, said = type(error).__name__, str(error)
            return {
                "class": kind,
                "status": error.status_code,
                "said": said,
                "type": error.type,
                "code": error.code,
            }
    return {"class": "fine"}


async def attempts(task: Seen) -> Seen:
    """Every status at both gateways, all at once: the back-off of one is that of all."""
    photo, calls = Path(task["photo"]).read_bytes(), dict[str, Any]()
    for provider, model in MODELS.items():
        for status in STATUSES:
            key = f"{task['key']}-{provider}-{status}"
            calls[f"{provider} {status}"] = attempt(
                task[provider], key, model, photo, f"fauxscale:{status}", 2
            )
        for name in ("late", "twice"):
            calls[f"{provider} {name}"] = attempt(
                task[provider], f"{task['key']}-{provider}-{name}", model, photo, "x", 2
            )
    return dict(zip(calls, await asyncio.gather(*calls.values()), strict=True))


async def main(task: Seen) -> Seen:
    seen: Seen = {"version": openai.__version__, "others": others(task), "attempts": await attempts(task)}
    for provider in MODELS:
        seen[provider] = links(task, provider) | await link(task, provider)
    return seen


if __name__ == "__main__":
    json.dump(asyncio.run(main(json.load(sys.stdin))), sys.stdout)
