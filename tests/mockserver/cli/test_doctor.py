"""The doctor is right about each provider, in few lines, and gives no secret away."""

from __future__ import annotations

import pytest

from fauxscale.cli.doctor import findings

Marks = list[tuple[str, str]]
HERE = "http://127.0.0.1:2160"


def look(**environ: str) -> Marks:
    return list(findings(environ))


def test_a_machine_where_nothing_is_set_gets_four_lines_at_most_and_no_trouble() -> None:
    found = look()
    assert len(found) <= 4
    assert "!" not in [mark for mark, _ in found]
    assert found[0] == (
        "-",
        "nothing is set for ideogram, aigateway, lumenfall, fal: paste the export lines that `fauxscale serve` prints",
    )


def test_a_provider_that_leads_here_is_one_line_whatever_its_key() -> None:
    found = look(IDEOGRAM_BASE_URL=f"{HERE}/ideogram", IDEOGRAM_API_KEY="a-very-secret-key-indeed")
    assert [line for line in found if "ideogram" in line[1].lower()] == [
        ("+", "ideogram: IDEOGRAM_BASE_URL leads to this machine")
    ]
    assert found[1][1].startswith("nothing is set for aigateway, lumenfall, fal:")


@pytest.mark.parametrize(
    "address",
    [
        "https://api.ideogram.ai",
        "http://203.0.113.9",
        "http://203.0.113.9:2160/ideogram",
        "api.ideogram.ai/upscale",
        "http://user:secret@api.ideogram.ai",
        "http://[2001:db8::1]/x",
        "http://secret@[broken",
    ],
)
def test_an_address_of_another_machine_is_trouble(address: str) -> None:
    (line,) = [text for mark, text in look(IDEOGRAM_BASE_URL=address) if mark == "!"]
    assert line.startswith("IDEOGRAM_BASE_URL points at ")
    assert "secret" not in line


@pytest.mark.parametrize(
    "address",
    [HERE, "http://localhost:2160/ideogram", "http://[::1]:2160", "http://up.localhost", "127.1.2.3:80/x"],
)
def test_an_address_of_this_machine_is_none(address: str) -> None:
    assert "!" not in [mark for mark, _ in look(IDEOGRAM_BASE_URL=address)]


@pytest.mark.parametrize("name", ["FAL_RUN_HOST", "FAL_QUEUE_RUN_HOST"])
def test_the_variables_of_clients_that_speak_only_https_are_looked_at(name: str) -> None:
    assert f"{name} points at fal.run" in " ".join(
        text for mark, text in look(**{name: "fal.run"}) if mark == "!"
    )
    assert ("+", f"fal: {name} leads to this machine") in look(**{name: "127.0.0.1:2160/fal/run"})


@pytest.mark.parametrize(
    ("key", "address"),
    [
        ("IDEOGRAM_API_KEY", "IDEOGRAM_BASE_URL"),
        ("FAL_KEY", "FAL_RUN_URL"),
        ("OPENAI_API_KEY", "OPENAI_BASE_URL"),
    ],
)
def test_a_key_without_an_address_may_be_a_real_one_and_is_shown_shortened(key: str, address: str) -> None:
    found = look(**{key: "a-very-secret-key-indeed"})
    (line,) = [text for mark, text in found if mark == "-" and text.startswith(key)]
    assert line.startswith(f"{key} is set (a-ve…) and {address} is not")
    assert "very-secret" not in str(found)
    assert key not in str(look(**{key: "a-very-secret-key-indeed", address: HERE}))


def test_only_extras_that_something_uses_are_recommended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert ("-", "extras not installed: pip install 'fauxscale[pytest,contracts,tls]'") in look()
