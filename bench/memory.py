"""How much memory judging and making pictures takes at its peak, beside what is asked for. Linux only.

Each figure is of a process of its own. `python -m bench.memory FILE FORMAT QUALITY` is such a process; FORMAT may
be `judge`, QUALITY 0 is the usual.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageFile

from fauxscale.images.formats import MEDIA_TYPES
from fauxscale.images.peaks import memory_to_enlarge, memory_to_judge
from fauxscale.images.permits import Permits
from fauxscale.images.probe import probe
from fauxscale.images.recipe import Enlarge, Recipe
from fauxscale.images.renderer import Renderer
from fauxscale.images.structure import Rules
from fauxscale.workers import Workers

MEGABYTE = 1_000_000
SIDE = 1_200
JUDGE = "judge"
BEST = 100


@dataclass(frozen=True, slots=True)
class Measured:
    """Bytes: the peak over what the process took before, what was asked for, what is kept then, the file made."""

    peak: int
    asked: int
    kept: int
    made: int

    @property
    def share(self) -> float:
        """The peak as a part of what was asked for: over 1 is too little."""
        return self.peak / self.asked


def noise(side: int, mode: str) -> Image.Image:
    """The picture that takes the most: nothing in it can be compressed."""
    if mode == "P":
        return noise(side, "RGB").quantize(256)
    if mode == "I;16":
        return Image.frombytes(mode, (side, side), os.urandom(2 * side * side))
    return Image.frombytes(mode, (side, side), os.urandom(Image.getmodebands(mode) * side * side))


def turned() -> Image.Exif:
    """What a camera says that was held upright."""
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif


PROGRESSIVE: dict[str, object] = {"progressive": True, "subsampling": 0}
SOURCES: dict[str, tuple[str, str, dict[str, object]]] = {
    "PNG grey": ("PNG", "L", {}),
    "PNG grey, 16 bit, transparent": ("PNG", "I;16", {"transparency": 300}),
    "PNG grey, alpha": ("PNG", "LA", {}),
    "PNG colour": ("PNG", "RGB", {}),
    "PNG colour, transparent": ("PNG", "RGB", {"transparency": (1, 2, 3)}),
    "PNG colour, alpha": ("PNG", "RGBA", {}),
    "PNG palette": ("PNG", "P", {"transparency": 3}),
    "JPEG grey": ("JPEG", "L", {}),
    "JPEG colour": ("JPEG", "RGB", {"quality": 90}),
    "JPEG progressive, turned": ("JPEG", "RGB", {**PROGRESSIVE, "exif": turned()}),
    "JPEG inks, progressive": ("JPEG", "CMYK", PROGRESSIVE),
    "WebP": ("WEBP", "RGB", {"method": 0}),
    "WebP, alpha": ("WEBP", "RGBA", {"method": 0}),
    "WebP, lossless, turned": ("WEBP", "RGBA", {"lossless": True, "method": 0, "exif": turned()}),
}
"""Files that each take a way of their own through the decoders: format, mode, options."""


def source(name: str, side: int) -> bytes:
    """A file of `side` x `side` pixels of noise, one of SOURCES."""
    kind, mode, options = SOURCES[name]
    ImageFile.MAXBLOCK = 1 << 26  # where a progressive file has to fit
    return _saved(noise(side, mode), kind, options)


def largest_photo() -> bytes:
    """A JPEG photo of as many pixels as a provider takes: 5,000 x 5,000."""
    with Image.open(Path(__file__).parent.parent / "fixtures" / "images" / "coffee.jpg") as photo:
        large = photo.convert("RGB").resize((5_000, 5_000))  # pyright: ignore[reportUnknownMemberType]  # Pillow types this but partly
    return _saved(large, "JPEG", {"quality": 90})


def _saved(image: Image.Image, format: str, options: dict[str, object]) -> bytes:  # noqa: A002  # its name
    file = BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def measure(data: bytes, format: str, quality: int) -> Measured:  # noqa: A002  # as above
    """Enlarge `data` twofold and encode it in a process of its own, or have it judged there."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "picture"
        file.write_bytes(data)
        command = [sys.executable, "-m", "bench.memory", str(file), format, str(quality)]
        done = subprocess.run(command, stdout=subprocess.PIPE, check=True, cwd=Path(__file__).parent.parent)
    return Measured(**json.loads(done.stdout))


def _alone(file: str, format: str, quality: int) -> Measured:  # noqa: A002  # as above
    data = Path(file).read_bytes()
    picture = probe(data)
    size = 2 * picture.width, 2 * picture.height
    memory = memory_to_enlarge(picture, *size, format) if format != JUDGE else memory_to_judge(data, Rules())
    recipe = Recipe(("sent",), Enlarge(*size), format, quality or None, memory)
    _made(recipe, _saved(Image.new("RGB", (8, 8)), "PNG", {}))  # loads what is loaded once
    before = _status("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak so far is forgotten
    made = 0 if format == JUDGE and probe(data) else _made(recipe, data)
    return Measured(peak=_status("VmHWM") - before, asked=memory, kept=_status("VmRSS") - before, made=made)


def _made(recipe: Recipe, data: bytes) -> int:
    """Make a picture as the server does; returns the size of its file."""

    async def load() -> list[bytes]:
        return [data]

    async def make() -> int:
        renderer = Renderer(Workers(), Permits(recipe.memory), cache=1)
        try:
            return len(await renderer.picture(recipe, load))
        finally:
            renderer.close()

    # The bytes themselves may be no task's result: asyncio.run looks at its signal handler's repr, which holds it.
    return 0 if recipe.format == JUDGE else asyncio.run(make())


def _status(name: str) -> int:
    line = next(one for one in Path("/proc/self/status").read_text().splitlines() if one.startswith(name))
    return int(line.split()[1]) * 1024


def main(side: int = SIDE) -> None:
    columns = (JUDGE, *MEDIA_TYPES)
    print(
        f"peak memory of {side} x {side} pixels of noise, doubled and encoded at best, in MB / what is asked for"
    )
    print(f"  {'':30}" + "".join(f"{column:>12}" for column in columns))
    worst = 0.0
    for name in SOURCES:
        data = source(name, side)
        row = [measure(data, column, BEST) for column in columns]
        worst = max(worst, *(one.share for one in row))
        cells = [f"{one.peak / MEGABYTE:.0f} / {one.asked / MEGABYTE:.0f}" for one in row]
        print(f"  {name:30}" + "".join(f"{cell:>12}" for cell in cells), flush=True)
    print(f"  at most {worst:.2f} of what is asked for")
    photo = measure(largest_photo(), "PNG", 0)
    print(f"a photo of 25 megapixels, doubled to PNG: {photo.peak / MEGABYTE:.0f} MB")


if __name__ == "__main__":
    file, format, quality = sys.argv[1:]  # noqa: A001  # as above
    one = _alone(file, format, int(quality))
    print(json.dumps({name: getattr(one, name) for name in Measured.__slots__}))
