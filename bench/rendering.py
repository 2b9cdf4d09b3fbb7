"""The price of a rendering against Pillow's defaults, and of looking twice."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from bench.ratios import compare
from fauxscale.images.probe import probe
from fauxscale.images.render import encode, enlarge

PHOTO = Path(__file__).parent.parent / "fixtures" / "images" / "astronaut.png"


def ours(data: bytes) -> bytes:
    return encode(enlarge(data, 1024, 1024), "PNG")


def pillow(data: bytes) -> bytes:
    out = io.BytesIO()
    Image.open(io.BytesIO(data)).resize((1024, 1024), Image.Resampling.LANCZOS).save(out, "PNG")
    return out.getvalue()


def judge(data: bytes) -> bytes:
    probe(data)
    return data


def rate(work: Callable[[bytes], bytes], data: bytes) -> Callable[[], float]:
    def run() -> float:
        started = time.process_time()
        work(data)
        return 1 / (time.process_time() - started)

    return run


def main() -> None:
    data = PHOTO.read_bytes()
    rivals = {
        "Pillow's defaults": rate(pillow, data),
        "fauxscale": rate(ours, data),
        "judging only": rate(judge, data),
    }
    ratios = compare(rivals, rounds=7, reference="Pillow's defaults")
    print("CPU of doubling a 512 x 512 photo to PNG, Pillow's defaults = 1.00; judging is all an upload pays")
    for name, ratio in ratios.items():
        print(f"  {name:18} {1 / ratio:6.3f}")
    print(f"  size of the result  {len(ours(data)) / len(pillow(data)):5.2f} x Pillow's default")
