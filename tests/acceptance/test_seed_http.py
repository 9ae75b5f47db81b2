"""The quick start document's own HTTP examples, sent as they are written there."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from api.websocket_server import WebSocketServer
from tests.ports import port_5100
from tracker.progress_reporter import ProgressReporter
from tracker.settings import Settings

_SEED = Path(__file__).with_name("seed.md").read_text()
_EXAMPLE = re.compile(r"```bash\n(GET|POST) (\S+)\n(?:\n(Body|Response):\n(\{.*?\n\}))?\n```", re.DOTALL)


def _json(text: str) -> Any:
    """An example with its ellipses filled in."""
    return json.loads(text.replace("[...]", "[]").replace("{...}", "{}"))


_EXAMPLES: dict[tuple[str, str], Any] = {
    (method, path): _json(body) for method, path, _, body in _EXAMPLE.findall(_SEED)
}


async def _ask(url: str, method: str = "GET", body: Any = None) -> Any:
    async with aiohttp.ClientSession() as session, session.request(method, url, json=body) as response:
        assert response.status == 200, await response.text()
        return await response.json()


@pytest.fixture
def url(served: ProgressReporter, server: WebSocketServer) -> str:
    """Where the document's job is being worked on."""
    served.start_job("job_12345", 456, {"file_name": "IMG_001.CR3"})
    served.start_job("job_12346", 457)
    served.complete_stage("job_12345", "importing").wait()
    return server.url


def test_the_document_shows_four_endpoints() -> None:
    assert sorted(_EXAMPLES) == [
        ("GET", "/progress/active"),
        ("GET", "/progress/job/{job_id}"),
        ("POST", "/progress/error"),
        ("POST", "/progress/report"),
    ]


@pytest.mark.parametrize(("method", "path"), [example for example in _EXAMPLES if example[0] == "POST"])
async def test_what_the_document_sends_is_recorded(url: str, method: str, path: str) -> None:
    body = _EXAMPLES[method, path]
    assert await _ask(url + path, method, body) == {"success": True, "position": 4, "sequence": 3}
    event = (await _ask(f"{url}/jobs/{body['job_id']}/events"))["events"][-1]
    assert event.items() >= body.items()
    assert event["photo_id"] == 456


async def test_a_job_is_shown_as_in_the_document(url: str) -> None:
    await _ask(f"{url}/progress/report", "POST", _EXAMPLES["POST", "/progress/report"])
    shown = _EXAMPLES["GET", "/progress/job/{job_id}"]
    answer = await _ask(f"{url}/progress/job/job_12345")
    assert answer.keys() == shown.keys()
    job, example = answer["job_status"], shown["job_status"]
    assert example.keys() <= job.keys()
    for name, value in example.items():
        assert type(job[name]) is type(value), name
    for name in ("job_id", "photo_id", "current_stage", "progress"):
        assert job[name] == example[name]
    assert [stage["stage"] for stage in job["stages_completed"]] == ["importing"]


async def test_active_jobs_are_shown_as_in_the_document(url: str) -> None:
    shown = _EXAMPLES["GET", "/progress/active"]
    answer = await _ask(f"{url}/progress/active")
    assert answer.keys() == shown.keys()
    assert answer["active_jobs"].keys() == shown["active_jobs"].keys()
    assert answer["count"] == shown["count"]


async def test_the_documents_curl_reaches_a_server_with_no_port_given(settings: Settings) -> None:
    (address,) = re.findall(r"^ *curl (\S+)$", _SEED, re.MULTILINE)
    assert address == "http://localhost:5100/ws/status"
    with port_5100(), ProgressReporter(WebSocketServer(), settings=settings):
        answer = await _ask(address)
    assert (answer["success"], answer["status"], answer["connected_clients"]) == (True, "running", 0)
