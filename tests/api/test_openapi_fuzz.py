"""S2: Schemathesis against the document and a real server: the same cases each time, made from the schemas.

In a process of its own, as its command: what it warns of is not what the tests here are strict about.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from api import openapi
from api.websocket_server import WebSocketServer
from tests.api.documents import closed, references
from tracker.progress_reporter import ProgressReporter

# Two that do not end, and the one that would end the client whose polls are to be answered.
_LEFT_OUT = ("/ws", "/events/stream", "/ws/disconnect")
_LONG = bool(os.environ.get("JOBREEL_TORTURE"))
_CASES_AN_OPERATION = 300 if _LONG else 10
_MOST_SECONDS = 1500 if _LONG else 280
# Every check but these. Valid by the schema and refused all the same: a cursor beyond the head, a stage that the job
# does not have, a character that is not printable. Of a list of messages each is answered by itself, wrong ones too.
_CONFIG = """
[checks]
positive_data_acceptance.enabled = false

[[operations]]
include-path = "/ws/send"
checks.negative_data_rejection.enabled = false

[[operations]]
include-path = "/events"
include-method = "GET"
parameters = {{ wait = 0 }}

[[operations]]
include-path = "/ws/poll"
parameters = {{ wait = 0, client_id = "{client_id}" }}
"""


def _strict() -> dict[str, Any]:
    """The document without a few operations; what the server says has no field that is not described."""
    document: dict[str, Any] = json.loads(openapi.encoded())
    for path in _LEFT_OUT:
        del document["paths"][path]
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    said = _reachable(document, [operation.get("requestBody") for operation in operations])
    schemas = document["components"]["schemas"]
    document["components"]["schemas"] = {
        name: schema if name in said else closed(schema) for name, schema in schemas.items()
    }
    return document


def _reachable(document: dict[str, Any], node: Any) -> set[str]:
    """The names of the components that a part of the document refers to."""
    found: set[str] = set()
    nodes = [node]
    while nodes:
        new = {reference.rpartition("/")[2] for reference in references(nodes.pop())} - found
        found |= new
        nodes += [document["components"]["schemas"][name] for name in new]
    return found


def test_no_request_makes_the_server_fail_or_say_what_is_not_described(
    served: ProgressReporter, server: WebSocketServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    served.start_job("job_123", photo_id=1)
    served.flush()
    client_id = _handshake(server.url)
    (tmp_path / "openapi.json").write_text(json.dumps(_strict()), encoding="utf-8")
    (tmp_path / "schemathesis.toml").write_text(_CONFIG.format(client_id=client_id), encoding="utf-8")
    options = [
        "--phases=coverage,fuzzing,stateful",
        "--seed=1",
        f"--max-examples={_CASES_AN_OPERATION}",
        "--continue-on-failure",
        "--no-color",
    ]
    run = subprocess.run(
        [sys.executable, "-m", "schemathesis.cli", "run", "openapi.json", f"--url={server.url}", *options],
        cwd=tmp_path,
        env={name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "COV"))},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=_MOST_SECONDS,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    operations, cases = (_number(before, run.stdout) for before in (r"Tested: ", r"generated, "))
    print(f"S2: {operations} operations, {cases} cases, 0 x 5xx, 0 schema violations (reach: 0, 0)")
    assert [record.getMessage() for record in caplog.records if record.name == "tracker" and record.exc_info] == []


def _number(before: str, text: str) -> int:
    found = re.search(rf"{before}(\d+)", text)
    assert found is not None, text
    return int(found[1])


def _handshake(url: str) -> str:
    request = urllib.request.Request(f"{url}/ws/handshake", b"{}", {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as response:
        client_id: str = json.load(response)["client_id"]
        return client_id
