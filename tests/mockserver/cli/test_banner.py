"""Twelve lines for people, one for programs, whatever is switched on."""

from __future__ import annotations

import json
from pathlib import Path

from fauxscale import MockServer, Settings
from fauxscale.cli import banner
from fauxscale.providers import PROVIDERS
from fauxscale.recordings.har import Recording
from fauxscale.settings import Terms
from tests.pictures import picture
from tests.recordings import record_ideogram
from tests.served import serving


def test_the_fullest_banner_has_twelve_lines_at_most() -> None:
    settings = Settings(keys=("first", "second"), token="a-token", terms=Terms(balance=5))
    said = banner.lines("https://127.0.0.1:2160", settings, PROVIDERS, Path("/tmp/ca.pem"))
    assert len(said) <= 12
    text = "\n".join(said)
    assert "balance $5.00" in text
    assert "IDEOGRAM_API_KEY=first" in text
    assert "a-token" in text
    assert "SSL_CERT_FILE=/tmp/ca.pem" in text


def test_each_provider_has_a_line_that_can_be_pasted() -> None:
    said = banner.lines("http://127.0.0.1:2160", Settings(), PROVIDERS)
    for provider in PROVIDERS:
        (line,) = [one for one in said if one.startswith("export ") and f"{provider.name.upper()}_" in one]
        assert "http://127.0.0.1:2160" + provider.base in line


def test_it_says_whom_pictures_are_fetched_from_and_which_keys_do_not_work() -> None:
    assert banner.lines("http://h", Settings(), ())[-1].startswith(
        "No call leaves this process; nothing costs"
    )
    assert "any key works unless it contains 'invalid'" in banner.lines("http://h", Settings(), ())[0]
    fetching = Settings(allow_fetch=("example.com", "example.org"), keys=("named",))
    last = "No call leaves this process except to fetch pictures from example.com, example.org; nothing costs"
    assert banner.lines("http://h", fetching, ())[-1].startswith(last)
    assert "any key works" not in banner.lines("http://h", fetching, ())[0]


def test_of_many_recorded_answers_left_out_three_are_named_and_the_rest_counted() -> None:
    said = ["replaying  1 recorded answers", *(f"  left out  {number}" for number in range(15))]
    assert banner.capped(said) == [*said[:4], "  … and 12 more"]
    assert banner.capped(said[:4]) == said[:4]


def test_serve_keeps_its_banner_short_however_much_of_a_recording_is_left_out(tmp_path: Path) -> None:
    with MockServer() as mock:
        for _ in range(5):
            record_ideogram(mock, tmp_path, picture())
    for download in Recording(tmp_path).files()[1::2]:
        download.unlink()  # an upscale whose picture is gone cannot be told again
    with serving("--replay", str(tmp_path)) as (_, process):
        process.kill()
        said = process.communicate()[1].splitlines()
    assert said[-5] == "replaying  0 recorded answers"
    assert all(line.startswith("  left out  ") for line in said[-4:-1])
    assert said[-1] == "  … and 2 more"


def test_the_ready_line_is_one_line_of_json() -> None:
    line = banner.ready("http://127.0.0.1:2160", Settings(token="t"), PROVIDERS)
    assert "\n" not in line
    assert json.loads(line)["control_token"] == "t"
