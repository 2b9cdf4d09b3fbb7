"""fauxscale is installed into other people's environments: applications keep the versions they have without it."""

from __future__ import annotations

import re

import pytest

from tests.supply.beside import APPLICATIONS, BEGIN, END, PAGE, Beside, Unresolved, beside, resolved, table
from tests.tools import not_installed


@pytest.mark.e2e
@pytest.mark.parametrize("application", APPLICATIONS)
def test_an_application_has_the_same_version_beside_the_plugin_as_alone(application: str) -> None:
    try:
        alone = resolved(application)
    except Unresolved as error:
        not_installed(application, str(error))
    found = beside(application)
    assert found.together[found.name] == alone[found.name]
    assert {"pillow", "starlette", "uvicorn", "httpx", "pytest"} <= set(found.together)


@pytest.mark.e2e
def test_what_does_not_fit_is_said_by_the_resolver() -> None:
    with pytest.raises(Unresolved, match="pillow"):
        resolved("pillow<11", "pillow>=12")


def test_an_application_that_is_held_back_is_told() -> None:
    assert Beside("gradio", "6.31.0", {"gradio": "3.36.1"}).is_held_back
    assert not Beside("gradio", "6.31.0", {"gradio": "6.31.0"}).is_held_back


def test_the_table_has_a_row_for_each_and_the_day() -> None:
    found = [Beside("django", "6.1", {"django": "6.1", "pillow": "13.0.0", "pytest": "9.2.0"})]
    assert table(found, "2026-11-22").splitlines() == [
        "Resolved on 2026-11-22 for Python 3.11:",
        "",
        "| `fauxscale[pytest]` beside | pillow | starlette | uvicorn | httpx | pytest |",
        "|---|---|---|---|---|---|",
        "| django 6.1 | 13.0.0 |  |  |  | 9.2.0 |",
    ]


def test_the_page_lists_every_application_there_is_a_test_for() -> None:
    shown = PAGE.read_text("utf-8").split(BEGIN)[1].split(END)[0]
    rows = re.findall(r"^\| (\w+) \d", shown, re.MULTILINE)
    assert rows == [one.partition(">")[0] for one in APPLICATIONS]
