"""`fauxscale env`: whatever the key and the paths hold, each shell reads the values that were meant."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from fauxscale.cli import main
from fauxscale.cli.variables import SHELLS
from tests.tools import needs, path_of

# What shells, dotenv readers and JSON each have a meaning for.
KEYS = (
    "plain",
    "two words",
    "it's",
    'say "no"',
    "$HOME ${HOME} $(id) `id` %PATH%",
    "back\\slash",
    "a;b & c | d # e < f > g * ? ~ !",
    "line\nbreak",
    "quotes \u2018of\u2019 \u201aprint\u201b é",
)
DUMP = "import json, os; print(json.dumps(dict(os.environ)))"


def env(*flags: str) -> str:
    result = CliRunner().invoke(main, ["env", *flags])
    assert result.exit_code == 0, result.output
    return result.output


def run(*command: str, script: str = "") -> dict[str, str]:
    """The environment that a script leaves behind, as a program started by it sees it."""
    done = subprocess.run(command, input=script, capture_output=True, text=True, timeout=60, check=True)
    assert done.stderr == ""
    found: dict[str, str] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_a_posix_shell_reads_what_was_meant(shell: str, key: str) -> None:
    seen = run(shell, script=f"{env('--key', key)}\n'{sys.executable}' -c '{DUMP}'\n")
    assert seen["FAL_KEY"] == key
    assert seen["IDEOGRAM_BASE_URL"] == "http://127.0.0.1:2160/ideogram"
    assert seen["FAUXSCALE_URL"] == "http://127.0.0.1:2160"


@pytest.mark.skipif(shutil.which("fish") is None, reason="needs fish, which no machine of ours has to have")
def test_fish_reads_what_was_meant() -> None:
    for key in KEYS:
        script = f"{env('--shell', 'fish', '--key', key)}\n'{sys.executable}' -c '{DUMP}'\n"
        assert run("fish", script=script)["FAL_KEY"] == key


@pytest.mark.skipif(shutil.which("pwsh") is None, reason="needs pwsh, which no machine of ours has to have")
def test_powershell_reads_what_was_meant() -> None:
    for key in KEYS:
        if "\n" not in key:  # it reads its standard input by lines
            script = f"{env('--shell', 'powershell', '--key', key)}\n& '{sys.executable}' -c '{DUMP}'\n"
            assert run("pwsh", "-NoLogo", "-NoProfile", "-Command", "-", script=script)["FAL_KEY"] == key


@pytest.mark.parametrize(
    ("shell", "key", "line"),
    [
        ("fish", 'it\'s a \\ "$x"', "set -gx FAL_KEY 'it\\'s a \\\\ \"$x\"'"),
        ("powershell", 'it\'s a \\ "$x"', "$env:FAL_KEY = 'it''s a \\ \"$x\"'"),
        ("powershell", "\u2019", "$env:FAL_KEY = '\u2019\u2019'"),
        ("dotenv", "plain", "FAL_KEY=plain"),
        ("dotenv", "a'b\"c", 'FAL_KEY="a\'b\\"c"'),
    ],
)
def test_the_rules_of_shells_that_few_machines_have(shell: str, key: str, line: str) -> None:
    assert line in env("--shell", shell, "--key", key).splitlines()


@needs("node")
@pytest.mark.parametrize("key", [key for key in KEYS if "\n" not in key])
def test_a_dotenv_file_is_read_as_meant(key: str, tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text(env("--shell", "dotenv", "--key", key), encoding="utf-8")
    dump = "console.log(JSON.stringify(process.env))"
    assert run(path_of("node"), f"--env-file={file}", "-e", dump)["FAL_KEY"] == key


@pytest.mark.parametrize("key", KEYS)
def test_json_is_an_object_of_the_variables(key: str) -> None:
    assert json.loads(env("--shell", "json", "--key", key))["FAL_KEY"] == key


def test_every_shell_of_the_help_text_is_written() -> None:
    (option,) = (one for one in main.commands["env"].params if one.name == "shell")
    assert isinstance(option.type, click.Choice)
    assert list(SHELLS) == list(option.type.choices)


def test_another_server_another_certificate_and_one_gateway(tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    found = json.loads(
        env("--shell", "json", "--url", "https://mock.test/", "--ca", str(ca), "--openai", "lumenfall")
    )
    assert found["FAUXSCALE_URL"] == "https://mock.test"
    assert found["FAL_RUN_HOST"] == "mock.test/fal/run"
    trust = ("SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
    assert {found[name] for name in trust} == {str(ca)}
    assert found["OPENAI_BASE_URL"] == "https://mock.test/lumenfall/openai/v1"
    plain = json.loads(env("--shell", "json"))
    assert not {"FAL_RUN_HOST", "OPENAI_BASE_URL", *trust} & set(plain)


def test_inside_a_run_it_names_the_server_of_the_run() -> None:
    result = CliRunner().invoke(main, ["env"], env={"FAUXSCALE_URL": "http://127.0.0.1:4711"})
    assert "export FAL_RUN_URL=http://127.0.0.1:4711/fal/run" in result.output


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--url", "127.0.0.1:2160"], "--url must be an address such as http://127.0.0.1:2160"),
        (["--openai", "openai"], "no provider 'openai': choose from ideogram, aigateway, lumenfall, fal"),
        (["--shell", "cmd"], "'cmd' is not one of 'sh', 'fish', 'powershell', 'dotenv', 'json'"),
    ],
)
def test_what_cannot_be_is_refused(flags: list[str], said: str) -> None:
    result = CliRunner().invoke(main, ["env", *flags])
    assert result.exit_code == 2
    assert said in result.output
