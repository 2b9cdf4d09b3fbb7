"""Programs that others wrote for Ideogram and published work at the stand-in as their registries deliver them.

npm and pip verify each file by the hash in the lock beside it, so what runs is what was published, byte for byte.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from fauxscale import MockServer
from fauxscale.client import AccountHandle
from tests.clients.environments import folder_with
from tests.clients.node import installed, node
from tests.conftest import FIXTURES
from tests.pictures import opened
from tests.tools import needs

PUBLISHED = Path(__file__).with_name("published")
PHOTO = FIXTURES / "images" / "astronaut.png"
pytestmark = pytest.mark.e2e


@pytest.fixture
def mock(request: pytest.FixtureRequest) -> Iterator[MockServer]:
    with MockServer(tls=request.param) as running:
        yield running


def asked(account: AccountHandle) -> list[tuple[str, int | None]]:
    return [(call.operation, call.status) for call in account.calls if call.operation != "ideogram.download"]


@needs("node", "npm")
@pytest.mark.parametrize("mock", [False], indirect=True, ids=["http"])
def test_aigne_draws_and_remixes_with_nothing_but_the_origin_set(mock: MockServer, tmp_path: Path) -> None:
    """npm, @aigne/ideogram 0.4.16: it reads the origin from IDEOGRAM_BASE_URL. It downloads what was made itself."""
    account = mock.account()
    environment = {
        "IDEOGRAM_BASE_URL": mock.url,
        "IDEOGRAM_API_KEY": account.api_key("ideogram"),
        "TMPDIR": str(tmp_path),
    }
    told = json.loads(node("program.mjs", str(PHOTO), cwd=installed(PUBLISHED), env=environment))
    sizes = {
        name: [opened(Path(one["path"]).read_bytes()).size for one in images] for name, images in told.items()
    }
    assert sizes == {"drawn": [(1312, 736), (1312, 736)], "remixed": [(1024, 1024)]}
    assert asked(account) == [("ideogram.v3_generate", 200), ("ideogram.v3_remix", 200)]
    assert account.spend == pytest.approx(2 * 0.03 + 0.06)


@pytest.mark.parametrize("mock", [True], indirect=True, ids=["https"])
def test_header_creator_draws_a_header_with_nothing_but_the_way_to_the_host_changed(
    mock: MockServer, tmp_path: Path
) -> None:
    """PyPI, header-creator 0.2.2: https://api.ideogram.ai is a literal of it, so connections are led here.

    It downloads the picture from ideogram.ai the same way, and cuts a mask out of it.
    """
    folder = folder_with(PUBLISHED / "requirements.txt", "header-creator")
    mask = Image.new("RGBA", (64, 36), (0, 0, 0, 0))
    mask.paste((0, 0, 0, 255), (0, 0, 64, 9))
    mask.save(tmp_path / "mask.png")
    account = mock.account()
    words = ["--prompt", "A red cat", "--input", "drawn.png", "--mask", "mask.png", "--output", "header.png"]
    done = subprocess.run(
        [
            *(sys.executable, str(PUBLISHED / "led.py"), mock.url.rpartition(":")[2], "header_creator.cli"),
            *(*words, "--api-key", account.api_key("ideogram")),
        ],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(folder), "REQUESTS_CA_BUNDLE": str(mock.ca)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    drawn, header = (opened((tmp_path / name).read_bytes()) for name in ("drawn.png", "header.png"))
    assert header.size == drawn.size == (1280, 720)
    assert [header.getpixel((9, y))[3] for y in (9, 700)] == [0, 255]  # type: ignore[index]  # four channels
    assert asked(account) == [("ideogram.generate", 200)]
    assert account.calls[0].params["model"] == "V_2_TURBO"
    assert account.spend == pytest.approx(0.05)
