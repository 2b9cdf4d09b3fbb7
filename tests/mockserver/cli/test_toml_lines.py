"""The line of a setting is the one that people see in their editor."""

from __future__ import annotations

import pytest

from fauxscale.cli.toml_lines import line_of

TEXT = '''\
# port = 1
[project]
port = "not ours"
text = """
[tool.fauxscale]
seed = 1
"""

[tool.fauxscale]
port = 1
link-ttl = 2
"latency" = 3
set = { ideogram.polls = 1 }
api-version.ideogram = "2026-10"

[tool.fauxscale.set.fal]
polls = 2

[[tool.fauxscale.account]]
key = "a"

[[tool.fauxscale.account]]
key = "b"
fault = [
  { fault = "Fial" },
]

[[tool.fauxscale.account]]
key = "c"
[[tool.fauxscale.account.fault]]
fault = "Fail"
[[tool.fauxscale.account.fault]]
fault = "Hang"
[tool.fauxscale.account.set]
"fal.polls" = 1
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("port",), 10),
        (("link_ttl",), 11),
        (("latency",), 12),
        (("set", "ideogram.polls"), 13),
        (("api_version", "ideogram"), 14),
        (("set", "fal.polls"), 17),
        (("account", 0, "key"), 20),
        (("account", 0, "nothing"), 19),
        (("account", 1, "fault", 0), 24),
        (("account", 2, "key"), 29),
        (("account", 2, "fault", 1), 32),
        (("account", 2, "fault", 1, "fault"), 33),
        (("account", 2, "set", "fal.polls"), 35),
        (("seed",), None),
        (("account", 7), None),
    ],
)
def test_a_setting_is_found_or_what_is_around_it(path: tuple[str | int, ...], line: int | None) -> None:
    assert line_of(TEXT, ("tool", "fauxscale"), path) == line


def test_a_file_of_our_own_has_no_table_around_its_settings() -> None:
    assert line_of("\nport = 1\n", (), ("port",)) == 2
