"""A command line with typed options around the clients: ideogram_program LIST --output FILE [--image FILE] …"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from fauxscale_contracts.conform.candidate import Endpoint
from tests.contracts.conform.clients.ideogram import Client, Failed
from tests.contracts.conform.clients.ideogram_operations import Describer, Editor, Generator, Upscaler

CALLS: Mapping[str, Callable[..., bytes | str]] = {
    "upscale": Client(timeout=20).upscale,
    "generate": Generator(timeout=20).generate,
    "edit": Editor(timeout=20).edit,
    "describe": Describer(timeout=20).describe,
    "v2-upscale": Upscaler(timeout=20).upscale,
}


def main() -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument("list", choices=CALLS)
    for file in ("image", "mask", "output"):
        asked.add_argument(f"--{file}", type=Path)
    for number in ("seed", "resemblance", "detail", "num_images"):
        asked.add_argument(f"--{number.replace('_', '-')}", type=int)
    for text in ("prompt", "resolution"):
        asked.add_argument(f"--{text}")
    given = vars(asked.parse_args())
    call, output = CALLS[given.pop("list")], given.pop("output")
    files = [given.pop(name) for name in ("image", "mask")]
    options = {name: value for name, value in given.items() if value is not None}
    endpoint = Endpoint("ideogram", os.environ["IDEOGRAM_BASE_URL"], os.environ["IDEOGRAM_API_KEY"], {})
    try:
        made = call(endpoint, *(file.read_bytes() for file in files if file is not None), **options)
    except Failed as error:
        raise SystemExit(str(error)) from error
    output.write_bytes(made.encode() if isinstance(made, str) else made)


if __name__ == "__main__":
    main()
