"""Settings from files: which file is read, what wins, and what is said of a file that cannot be used."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner, Result

from fauxscale.cli import main
from fauxscale.cli.serve import serve
from fauxscale.cli.settings_file import find
from fauxscale.settings import Terms
from tests.calls.ideogram import upscale
from tests.doc_pages import BLOCK, ROOT
from tests.served import serving, stage_of

ACCOUNT = """
[[tool.fauxscale.account]]
key = "app-key"
label = "my app"
balance = 0.06
clock = 2027-01-31T12:00:00Z
frozen = true

[[tool.fauxscale.account.fault]]
fault = "Fail"
status = 429
on = "ideogram.upscale"
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with a folder in it, in which commands are run."""
    (tmp_path / "repository" / ".git").mkdir(parents=True)
    (tmp_path / "repository" / "app").mkdir()
    monkeypatch.chdir(tmp_path / "repository" / "app")
    return tmp_path / "repository"


@pytest.fixture
def run(project: Path) -> Callable[..., Result]:
    return lambda *arguments, **env: CliRunner(env=env).invoke(main, arguments)


def address(result: Result) -> str:
    """The port of the server that `fauxscale env` takes for granted: what holds here."""
    assert result.exit_code == 0, result.output
    found = re.search(r"FAUXSCALE_URL=(\S+)", result.output)
    assert found
    return found[1]


def test_the_nearest_file_up_to_the_repository_is_read(project: Path, run: Callable[..., Result]) -> None:
    default = "http://127.0.0.1:2160"
    (project.parent / "fauxscale.toml").write_text("port = 1")
    assert address(run("env")) == default, "what lies above the repository is none of its business"
    (project / "pyproject.toml").write_text("[tool.fauxscale]\nport = 2")
    assert address(run("env")) == "http://127.0.0.1:2"
    (project / "fauxscale.toml").write_text("port = 3\ntls = true")
    assert address(run("env")) == "https://127.0.0.1:3"
    (project / "app" / "pyproject.toml").write_text("[project]\nname = 'app'")
    assert address(run("env")) == "https://127.0.0.1:3", "one that says nothing of fauxscale is passed over"
    (project / "app" / "pyproject.toml").write_text("[tool.fauxscale]\nport = 4")
    assert address(run("env")) == "http://127.0.0.1:4"
    assert address(run("env", "--no-config")) == default
    assert address(run("env", "--config", "../fauxscale.toml")) == "https://127.0.0.1:3"
    assert address(run("env", FAUXSCALE_CONFIG="../fauxscale.toml")) == "https://127.0.0.1:3"
    assert address(run("env", "--no-config", FAUXSCALE_CONFIG="../fauxscale.toml")) == default
    assert (
        address(run("env", "--config", "../fauxscale.toml", FAUXSCALE_NO_CONFIG="1")) == "https://127.0.0.1:3"
    )
    assert run("env", "--config", "../fauxscale.toml", "--no-config").exit_code == 2
    assert run("env", "--no-config", "--config", "../fauxscale.toml").exit_code == 2


def test_without_a_repository_only_the_folder_itself_is_looked_at(tmp_path: Path) -> None:
    (tmp_path / "fauxscale.toml").write_text("port = 1")
    (tmp_path / "folder").mkdir()
    assert find(tmp_path / "folder") is None
    assert find(tmp_path) is not None


def test_a_flag_wins_over_a_variable_over_the_file(project: Path, run: Callable[..., Result]) -> None:
    (project / "fauxscale.toml").write_text("host = 'from.file.invalid'\nkey = ['file-key']")
    said = [
        run("serve").output,
        run("serve", FAUXSCALE_HOST="from.variable.invalid").output,
        run("serve", "--host", "from.flag.invalid", FAUXSCALE_HOST="from.variable.invalid").output,
    ]
    assert [re.findall(r"from\.\w+", one) for one in said] == [
        ["from.file"],
        ["from.variable"],
        ["from.flag"],
    ]
    assert "IDEOGRAM_API_KEY=file-key" in run("env").output
    assert "IDEOGRAM_API_KEY=mine" in run("env", "--key", "mine").output


def test_accounts_are_open_from_the_start_with_what_the_file_says(project: Path) -> None:
    (project / "app" / "pyproject.toml").write_text(
        f"[tool.fauxscale]\nlink-ttl = 60\nallow-host = ['upscaler']\nset = {{ ideogram.max_pixels = 1 }}\n{ACCOUNT}"
    )
    with serving() as (ready, _), httpx.Client() as client:
        stage = stage_of(ready, client)
        api = f"{ready['control']}/accounts"
        (account,) = client.get(api).json()["accounts"]
        assert account["label"] == "my app"
        clock = client.get(f"{api}/{account['id']}/clock").json()
        assert (clock["iso"], clock["frozen"]) == ("2027-01-31T12:00:00.000Z", True)
        assert [upscale(stage, key="app-key").status_code for _ in range(2)] == [429, 400]
        server = client.get(f"{ready['control']}/settings").json()
        assert server["terms"]["link_ttl"] == 60
        assert server["options"] == {"ideogram.max_pixels": 1}
        assert "app-key" not in json.dumps(server)
        assert client.get(f"{ready['url']}/nope", headers={"Host": "upscaler"}).status_code == 404


def test_a_reset_of_the_server_opens_the_accounts_of_the_file_again(project: Path) -> None:
    (project / "app" / "pyproject.toml").write_text(ACCOUNT)
    with serving("--key", "other") as (ready, _), httpx.Client() as client:
        stage = stage_of(ready, client)
        for _ in range(2):
            assert [upscale(stage, key="app-key").status_code for _ in range(3)] == [429, 200, 402]
            assert client.post(f"{ready['control']}/reset").status_code == 200


def test_a_run_has_a_port_of_its_own_and_the_accounts_of_the_file(
    project: Path, capfd: pytest.CaptureFixture[str], run: Callable[..., Result]
) -> None:
    (project / "app" / "pyproject.toml").write_text(f"[tool.fauxscale]\nport = 1\nquiet = true{ACCOUNT}")
    path = "/__fauxscale/api/accounts"
    program = (
        f"import os, urllib.request as u; print(u.urlopen(os.environ['FAUXSCALE_URL'] + '{path}').read())"
    )
    assert run("run", "--", "python3", "-c", program).exit_code == 0
    assert '"label":"my app"' in capfd.readouterr().out


WRONG = {
    "unknown setting 'prot', did you mean 'port'? choose from": ("seed = 1\nprot = 1", 2),
    "port must be a whole number, got '2160'": ("port = '2160'", 1),
    "port: 99999 is not in the range 0<=x<=65535.": ("port = 99999", 1),
    "balance must not be negative, got -1": ("\nbalance = -1", 2),
    "balance must be a number, got True": ("balance = true", 1),
    "tls must be true or false, got 'yes'": ("tls = 'yes'", 1),
    "key must be a text or a list of texts, got [1]": ("key = [1]", 1),
    "set must be a table of provider options, got 1": ("set = 1", 1),
    "unknown option 'fal.pols', did you mean 'fal.polls'?": ("[set]\nfal.pols = 1", 2),
    "ideogram.api_version must be one of": ("api-version = { ideogram = '1999' }", 1),
    "account must be a list of tables": ("[account]\nkey = 'a'", 1),
    "an account needs a key": ("[[account]]\nlabel = 'a'", 1),
    "an account has no setting 'balence', did you mean 'balance'?": (
        "[[account]]\nkey = 'a'\nbalence = 1",
        3,
    ),
    "rate_limit must be a whole number": ("[[account]]\nkey = 'a'\nrate-limit = 1.5", 3),
    "no provider 'faal', did you mean 'fal'?": ("[[account]]\nkey = { faal = 'a' }", 2),
    "key is that of another account": ("[[account]]\nkey = 'a'\n[[account]]\nkey = 'a'", 4),
    "clock must be a time such as": ("[[account]]\nkey = 'a'\nclock = 'noon'", 3),
    "unknown fault 'Fial', did you mean 'Fail'?": (
        "[[account]]\nkey = 'a'\n[[account.fault]]\nfault = 'Fial'",
        3,
    ),
    "did you mean 'ideogram.upscale'?": (
        "[[account]]\nkey = 'a'\nfault = [{ fault = 'Fail', status = 429, on = 'ideogram.upscael' }]",
        3,
    ),
}


@pytest.mark.parametrize(("said", "text", "line"), [(said, *one) for said, one in WRONG.items()])
def test_a_wrong_setting_is_one_line_with_file_line_and_name(
    said: str, text: str, line: int, project: Path, run: Callable[..., Result]
) -> None:
    (project / "app" / "fauxscale.toml").write_text(text)
    result = run("serve")
    assert result.exit_code == 2
    assert result.output.startswith(f"Error: fauxscale.toml, line {line}: ")
    assert said in result.output
    assert len(result.output.splitlines()) == 1


def test_a_file_that_cannot_be_read_is_one_line(project: Path, run: Callable[..., Result]) -> None:
    for arguments, said in [
        (("--config", "nothing.toml"), "nothing.toml cannot be read: No such file or directory"),
        (("--config", "../pyproject.toml"), "../pyproject.toml has no [tool.fauxscale]"),
        ((), "fauxscale.toml is no TOML: "),
    ]:
        (project / "app" / "fauxscale.toml").write_text("port = ")
        (project / "pyproject.toml").write_text("[project]")
        result = run("serve", *arguments)
        assert (result.exit_code, len(result.output.splitlines())) == (2, 1)
        assert said in result.output


def test_a_broken_pyproject_that_does_not_speak_of_us_is_not_ours_to_mend(project: Path) -> None:
    (project / "pyproject.toml").write_text("[project")
    assert find(project) is None


def test_the_doctor_names_the_file_and_what_is_wrong_with_it(
    project: Path, run: Callable[..., Result]
) -> None:
    assert "+ no settings file is read" in run("doctor").output
    (project / "app" / "pyproject.toml").write_text("[tool.fauxscale]\nport = 2")
    assert "+ settings are read from pyproject.toml\n" in run("doctor").output
    (project / "app" / "fauxscale.toml").write_text("port = 1")
    said = run("doctor").output
    assert (
        "+ settings are read from fauxscale.toml\n- [tool.fauxscale] in pyproject.toml beside it is not read"
        in said
    )
    assert "port 1 is free" in said
    (project / "app" / "fauxscale.toml").write_text("prot = 1")
    result = run("doctor")
    assert result.exit_code == 1
    assert "! fauxscale.toml, line 1: unknown setting 'prot', did you mean 'port'?" in result.output


def test_the_banner_and_verbose_say_which_file_was_read(project: Path) -> None:
    (project / "app" / "fauxscale.toml").write_text("[[account]]\nkey = 'a'")
    with serving("--verbose") as (_, process):
        process.terminate()
        _, said = process.communicate(timeout=60)
    assert said.splitlines()[0] == "settings from fauxscale.toml"
    assert "settings   fauxscale.toml, 1 account open" in said.splitlines()


def test_paths_in_a_file_are_beside_it(project: Path, run: Callable[..., Result]) -> None:
    (project / "fauxscale.toml").write_text("replay = 'recorded'")
    assert str(project / "recorded") in run("serve").output


def test_every_flag_but_those_of_one_start_is_a_setting(project: Path, run: Callable[..., Result]) -> None:
    (project / "fauxscale.toml").write_text("zzz = 1")
    for command in (("serve",), ("run", "true")):
        listed = run(*command).output.partition("choose from ")[2].strip().split(", ")
        flags = {one.opts[0][2:].replace("-", "_") for one in serve.params} - {"json", "config", "no_config"}
        assert set(listed) == flags | {"account"}


def test_every_term_is_a_setting_of_an_account(project: Path, run: Callable[..., Result]) -> None:
    (project / "fauxscale.toml").write_text("[[account]]\nkey = 'a'\nzzz = 1")
    listed = run("serve").output.partition("choose from ")[2].strip().split(", ")
    assert set(Terms.__struct_fields__) - {"options"} < set(listed)


def test_the_files_that_the_documentation_shows_are_valid(project: Path, run: Callable[..., Result]) -> None:
    page = (ROOT / "docs" / "local-development.md").read_text(encoding="utf-8")
    shown = [block[3] for block in BLOCK.finditer(page) if block[1] == "toml"]
    assert shown
    for text in shown:
        name = "pyproject.toml" if "[tool.fauxscale]" in text else "fauxscale.toml"
        (project / "app" / name).write_text(text)
        assert f"+ settings are read from {name}" in run("doctor").output
        (project / "app" / name).unlink()
