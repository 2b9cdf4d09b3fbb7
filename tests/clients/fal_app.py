"""An application as its author wrote it for fal.ai: unchanged, it is pointed elsewhere by its environment alone."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import fal_client

MODEL = "fal-ai/ideogram/upscale"


async def asynchronous(arguments: dict[str, object]) -> dict[str, object]:
    run = await fal_client.run_async(MODEL, arguments=arguments)
    handle = await fal_client.submit_async(MODEL, arguments=arguments)
    submit = await handle.get()
    subscribe = await fal_client.subscribe_async(MODEL, arguments=arguments, with_logs=True)
    return {"run_async": run, "submit_async": submit, "subscribe_async": subscribe}


def main(photo: str) -> None:
    arguments: dict[str, object] = {"image_url": fal_client.encode_file(Path(photo)), "detail": 80}
    seen: list[str] = []
    results: dict[str, object] = {
        "run": fal_client.run(MODEL, arguments=arguments),
        "submit": fal_client.submit(MODEL, arguments=arguments).get(),
        "subscribe": fal_client.subscribe(
            MODEL,
            arguments=arguments,
            with_logs=True,
            on_queue_update=lambda update: seen.append(type(update).__name__),
        ),
    }
    results |= asyncio.run(asynchronous(arguments))
    print(json.dumps({"results": results, "seen": seen}))


main(sys.argv[1])
