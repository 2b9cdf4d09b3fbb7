"""What a recipe asks permits for is at least what it takes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from msgspec.structs import replace
from PIL import Image

from fauxscale.images.memory import memory_of, memory_to_read
from fauxscale.images.peaks import memory_to_enlarge
from fauxscale.images.probe import Picture, probe
from fauxscale.images.recipe import (
    AsStored,
    Blend,
    Block,
    Crop,
    CutOut,
    Draw,
    Enlarge,
    Frame,
    Masked,
    Over,
    Paste,
    Silhouette,
    Source,
    Step,
    Tint,
    WithoutText,
)
from fauxscale.state.serialization import decode, encode
from tests.pictures import encoded

SIDE = 1500
PHOTO, ALPHA, MASK = (Source(index, SIDE, SIDE) for index in range(3))
STEPS: list[Step] = [
    Enlarge(SIDE, SIDE, of=Silhouette("a fox", SIDE // 2, SIDE // 2)),
    Draw("a fox", SIDE, SIDE, 1, ("#f00",)),
    Crop(PHOTO, SIDE // 2, SIDE // 2),
    Frame(ALPHA, SIDE, SIDE // 2),
    Blend(Crop(PHOTO, SIDE, SIDE), Draw("a fox", SIDE, SIDE), 50),
    Masked(PHOTO, Blend(PHOTO, Draw("a fox", SIDE, SIDE), 40), MASK),
    Over(CutOut(PHOTO), Draw("a fox", SIDE, SIDE)),
    Over(ALPHA, Silhouette("a fox", SIDE, SIDE)),
    Tint(ALPHA, PHOTO),
    Paste(PHOTO, Draw("a fox", SIDE, SIDE), mask=MASK),
    WithoutText(PHOTO, (Block(0, 0, SIDE, SIDE // 4),)),
]
MEASURED = """
import sys
from fauxscale.images.painting import paint
from fauxscale.images.recipe import Draw, Recipe, Source
from fauxscale.images.render import encode
from fauxscale.state.serialization import decode

def peak():
    (line,) = [line for line in open("/proc/self/status") if line.startswith("VmHWM")]
    return int(line.split()[1]) * 1024

step = decode(sys.argv[1].encode(), Recipe).step
sources = [open(name, "rb").read() for name in sys.argv[2:]]
encode(paint(Draw("warm", 8, 8), []), "PNG")
before = peak()
encode(paint(step, sources), "PNG")
print(peak() - before)
"""


def picture(width: int, height: int, format: str = "PNG") -> Picture:
    """What is known of such a picture, without drawing it."""
    return replace(probe(encoded(Image.new("RGB", (1, 1)), format)), width=width, height=height)


def test_an_upscale_asks_for_what_it_always_asked_for() -> None:
    source = picture(1000, 1000)
    assert memory_of(Enlarge(2000, 2000), [source], "PNG") == memory_to_enlarge(source, 2000, 2000, "PNG")


def test_a_recipe_asks_for_more_the_more_and_the_larger_its_pictures_are() -> None:
    one, large = picture(2000, 2000), picture(8000, 8000)
    drawn = Draw("x", 2000, 2000)
    ladder: list[tuple[Step, list[Picture]]] = [
        (Draw("x", 1000, 1000), []),
        (drawn, []),
        (Blend(Source(0, 2000, 2000), drawn, 50), [one]),
        (Over(CutOut(Source(0, 2000, 2000)), Blend(Source(1, 2000, 2000), drawn, 50)), [one, one]),
        (Blend(Crop(Source(0, 8000, 8000), 2000, 2000), drawn, 50), [large]),
        (Blend(Source(0, 8000, 8000), Crop(Source(1, 8000, 8000), 8000, 8000), 50), [large, large]),
        (Draw("x", 20_000, 20_000), []),
    ]
    asked = [memory_of(step, pictures, "PNG") for step, pictures in ladder]
    assert asked == sorted(asked)
    assert len(set(asked)) == len(asked)
    assert memory_of(drawn, [], "AVIF") > memory_of(drawn, [], "PNG")
    assert memory_to_read(large) > memory_to_read(one) >= 15 * 2000 * 2000


def test_a_stored_picture_asks_for_the_reading_of_it() -> None:
    assert memory_of(AsStored(2000, 2000), [picture(2000, 2000)], "PNG") >= 12 * 2000 * 2000


@pytest.mark.e2e
@pytest.mark.skipif(sys.platform != "linux", reason="the peak of a process is read from /proc")
@pytest.mark.parametrize("step", STEPS, ids=[f"{type(step).__name__}-{at}" for at, step in enumerate(STEPS)])
def test_no_recipe_takes_more_than_it_asks_for(step: Step, tmp_path: Path) -> None:
    from fauxscale.images.recipe import Recipe

    sources = [Image.linear_gradient("L").resize((SIDE, SIDE)).convert(mode) for mode in ("RGB", "RGBA", "L")]
    sources[1].putalpha(sources[2])
    files = [tmp_path / str(index) for index in range(3)]
    for file, source in zip(files, sources, strict=True):
        file.write_bytes(encoded(source))
    recipe = encode(Recipe((), step, "PNG"))
    assert decode(recipe, Recipe).step == step
    ran = subprocess.run(
        [sys.executable, "-c", MEASURED, recipe.decode(), *map(str, files)],
        check=True,
        capture_output=True,
        text=True,
    )
    asked = memory_of(step, [probe(file.read_bytes()) for file in files], "PNG")
    took = int(ran.stdout)
    print(f"took {took / SIDE**2:.1f}, asked for {asked / SIDE**2:.1f} bytes a pixel")
    # Beside pixels, a few tables and buffers of whatever size.
    assert took - 2_000_000 <= asked <= 4 * took
