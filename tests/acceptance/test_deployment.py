"""The image and the services as their files describe them: every name in them is one that the product has."""

from __future__ import annotations

import ipaddress
import json
import re
import shlex
import subprocess
import sys
import tomllib
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.specifiers import SpecifierSet

from api.app import create_app
from api.cli.group import tracker
from api.websocket_server import WebSocketServer
from tracker.progress_reporter import ProgressReporter
from tracker.settings import PREFIX, Settings
from tracker.store import postgres

_ROOT = Path(__file__).resolve().parents[2]
_SETTINGS = {PREFIX + field.name.upper() for field in fields(Settings)}
_DOCKERFILE = (_ROOT / "Dockerfile").read_text(encoding="utf-8")
_CADDYFILE = (_ROOT / "deploy" / "Caddyfile").read_text(encoding="utf-8")
_COMPOSE: dict[str, Any] = yaml.safe_load((_ROOT / "compose.yaml").read_text(encoding="utf-8"))
_SERVICES: dict[str, dict[str, Any]] = _COMPOSE["services"]
_NODES = ("node1", "node2")
_PROJECT = tomllib.loads((_ROOT / "pyproject.toml").read_text(encoding="utf-8"))
_VARIABLE = re.compile(r"\$\{(\w+)(:[?-][^}]*)?\}")


def _instructions(name: str) -> list[str]:
    lines = _DOCKERFILE.replace("\\\n", " ").splitlines()
    return [line.removeprefix(name).strip() for line in lines if line.startswith(f"{name} ")]


def _image_settings() -> dict[str, str]:
    (line,) = _instructions("ENV")
    return dict(pair.split("=", 1) for pair in shlex.split(line))


def _health_command() -> list[str]:
    (line,) = _instructions("HEALTHCHECK")
    command: list[str] = json.loads(line.partition("CMD")[2])
    return command


def _checked(port: int) -> int:
    command = [argument.replace("5100", str(port)) for argument in _health_command()]
    assert command[0] == "python"
    return subprocess.run([sys.executable, *command[1:]], capture_output=True, timeout=60, check=False).returncode


def _written(service: str) -> list[str]:
    """Every text of a service's settings."""
    return [str(value) for value in _SERVICES[service]["environment"].values()]


def test_the_image_has_settings_that_there_are_and_the_port_it_shows() -> None:
    settings = _image_settings()
    assert {name for name in settings if name.startswith(PREFIX)} <= _SETTINGS
    loaded = Settings.load({}, settings)
    assert (str(loaded.port), loaded.host) == (_instructions("EXPOSE")[0], "0.0.0.0")
    assert loaded.database_url == f"sqlite:///{_instructions('VOLUME')[0]}/tracker.db"


def test_the_image_runs_a_command_that_there_is_as_nobody_in_particular() -> None:
    assert json.loads(_instructions("ENTRYPOINT")[0]) == [tracker.name] == list(_PROJECT["project"]["scripts"])
    assert json.loads(_instructions("CMD")[0])[0] in tracker.commands
    (user,) = _instructions("USER")
    assert user != "root"
    assert any(line.startswith("useradd") and line.endswith(user) for line in _instructions("RUN"))


def test_the_python_of_the_image_is_one_that_the_project_runs_on() -> None:
    versions = {re.match(r"python:([\d.]+)-slim", line) for line in _instructions("FROM")}
    assert all(found and found[1] in SpecifierSet(_PROJECT["project"]["requires-python"]) for found in versions)
    assert "[postgres]" in _DOCKERFILE
    assert "postgres" in _PROJECT["project"]["optional-dependencies"]


def test_everything_that_the_wheel_is_made_of_is_sent_to_the_build() -> None:
    lines = (_ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    sent = {line[1:] for line in lines if line.startswith("!")}
    wheel = _PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]
    forced = {Path(source).parts[0] for source in wheel["force-include"]}
    named = {_PROJECT["project"]["readme"], *_PROJECT["project"]["license-files"]}
    assert sent == {"pyproject.toml", *wheel["packages"], *forced, *named}
    assert "*" in lines
    assert all((_ROOT / name).exists() for name in sent)


def test_the_health_check_asks_a_server_whether_it_answers(served: ProgressReporter, server: WebSocketServer) -> None:
    assert _checked(server.port) == 0


def test_the_health_check_fails_where_nothing_or_something_else_answers(server: WebSocketServer) -> None:
    assert _checked(1) != 0
    assert f"HTTPConnection('127.0.0.1', {_image_settings()['TRACKER_PORT']}" in _health_command()[-1]
    assert "status != 200" in _health_command()[-1]


@pytest.mark.parametrize("service", ["migrate", *_NODES])
def test_a_service_of_ours_has_settings_and_commands_that_there_are(service: str) -> None:
    described = _SERVICES[service]
    assert {name for name in described["environment"] if name.startswith(PREFIX)} <= _SETTINGS
    assert set(described["environment"]) - _SETTINGS == {"PGPASSWORD"}
    assert described.get("command", ["serve"])[0] in tracker.commands
    values = {name: _VARIABLE.sub("x", value) for name, value in described["environment"].items()}
    assert Settings.load({}, {**_image_settings(), **values}).database_url == "postgresql://tracker@postgres/jobs"


def test_the_database_is_the_one_that_the_nodes_ask_for() -> None:
    made = _SERVICES["postgres"]["environment"]
    assert (made["POSTGRES_USER"], made["POSTGRES_DB"]) == ("tracker", "jobs")
    version = int(_SERVICES["postgres"]["image"].partition(":")[2])
    assert version >= postgres._OLDEST
    assert {"--username=tracker", "--dbname=jobs"} <= set(_SERVICES["postgres"]["healthcheck"]["test"])


def test_a_missing_password_is_an_error_that_says_what_to_do() -> None:
    example = (_ROOT / ".env.example").read_text(encoding="utf-8")
    given = set(re.findall(r"^(\w+)=", example, re.MULTILINE))
    for service, name in (("postgres", "POSTGRES_PASSWORD"), ("node1", "PGPASSWORD")):
        value = _SERVICES[service]["environment"][name]
        assert re.fullmatch(r"\$\{POSTGRES_PASSWORD:\?.*\.env\.example.*\}", value)
    used = {
        name
        for service in _SERVICES
        if "environment" in _SERVICES[service]
        for text in _written(service)
        for name, _ in _VARIABLE.findall(text)
    }
    assert used == given
    assert ".env" in (_ROOT / ".gitignore").read_text(encoding="utf-8").split()


def test_services_wait_for_services_that_there_are_and_volumes_exist() -> None:
    for described in _SERVICES.values():
        waited = described.get("depends_on", {})
        assert waited.keys() <= _SERVICES.keys()
        for name, how in waited.items():
            has_check = name in _NODES or "healthcheck" in _SERVICES[name]
            assert how["condition"] != "service_healthy" or has_check
        for volume in described.get("volumes", []):
            source = volume.partition(":")[0]
            assert (_ROOT / source).is_file() if source.startswith(".") else source in _COMPOSE["volumes"]
    assert _SERVICES["node1"]["depends_on"] == {"migrate": {"condition": "service_completed_successfully"}}


def test_the_balancer_reaches_the_nodes_and_they_believe_it_and_nobody_else() -> None:
    balancer = _SERVICES["balancer"]
    port = _image_settings()["TRACKER_PORT"]
    assert balancer["environment"]["NODES"].split() == [f"{node}:{port}" for node in _NODES]
    address = balancer["networks"]["inside"]["ipv4_address"]
    (network,) = _COMPOSE["networks"]["inside"]["ipam"]["config"]
    assert ipaddress.ip_address(address) in ipaddress.ip_network(network["subnet"])
    for node in _NODES:
        # The name in the requests that ask for its health.
        assert _SERVICES[node]["hostname"] == node
        assert _SERVICES[node]["environment"]["TRACKER_TRUST_PROXY"] == address
        assert "ports" not in _SERVICES[node]


def test_the_balancer_has_what_its_file_asks_for(served: ProgressReporter) -> None:
    asked = set(re.findall(r"\{\$(\w+)", _CADDYFILE))
    assert asked == _SERVICES["balancer"]["environment"].keys()
    (path,) = re.findall(r"health_uri (\S+)", _CADDYFILE)
    routes = create_app(served.tracker).router.routes()
    assert path in {route.resource.canonical for route in routes if route.resource is not None}
