"""The document at ``/openapi.json``, against itself, against the routes, and against what the server says."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from typing import Any, TypeAlias

import aiohttp
import pytest
from jsonschema import ValidationError
from msgspec.structs import fields
from openapi_spec_validator import OpenAPIV31SpecValidator

from api import event_schemas, openapi
from api.app import create_app
from api.websocket_server import WebSocketServer
from tests.api import bad_inputs
from tests.api.clients import Answer, HttpClient, http_client
from tests.api.documents import OPENAPI, check_answer, references, resolve, validator
from tracker.errors import StoreUnavailable
from tracker.events import FACTS, STANDARD_STAGES
from tracker.progress_reporter import ProgressReporter
from tracker.recorder import Recorder
from tracker.settings import Settings
from tracker.store.reader import SqlReader
from tracker.times import MICROSECONDS, now

Operation: TypeAlias = tuple[str, str]
_DAY = 86_400 * MICROSECONDS
_METHODS = [(method.upper(), path) for path, methods in OPENAPI["paths"].items() for method in methods]
_UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}
_HUGE = {"job_id": "job", "message": "x" * 300_000}


def test_the_document_is_valid() -> None:
    document = openapi.document()
    assert list(OpenAPIV31SpecValidator(document).iter_errors()) == []
    for reference in references(document):
        resolve(document, reference)


def test_every_route_is_described_and_nothing_else(reporter: ProgressReporter) -> None:
    app = create_app(reporter.tracker)
    routes = {
        (route.method, route.resource.canonical)
        for route in app.router.routes()
        if route.resource is not None and route.method != "HEAD"  # comes with GET
    }
    assert set(_METHODS) == routes


async def test_it_is_served(http: HttpClient) -> None:
    answer = await http.get("/openapi.json")
    assert answer.body == json.loads(openapi.encoded())
    check_answer("GET", "/openapi.json", answer)


def test_every_operation_has_a_name_of_its_own() -> None:
    names = [OPENAPI["paths"][path][method.lower()]["operationId"] for method, path in _METHODS]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("event_type", FACTS)
def test_an_event_is_described_with_every_field_of_its_fact(event_type: str) -> None:
    name = "".join(word.capitalize() for word in event_type.split("_"))
    fact = {field.name for field in fields(FACTS[event_type])}
    place = {"job_id", "timestamp", "position", "sequence", "prev", "event_id", "replay", "replay_id"}
    assert {field.name for field in fields(getattr(event_schemas, f"{name}Event"))} == fact | place
    address = {"job_id", "timestamp", "event_id", "ref"}
    given = fact - {"occurred_at", "stages_completed"}
    assert {field.name for field in fields(getattr(event_schemas, f"{name}Message"))} == given | address


@pytest.mark.parametrize("name", bad_inputs.GOOD)
def test_what_the_server_takes_is_allowed(name: str) -> None:
    body = json.loads(bad_inputs.GOOD[name])
    document = openapi.document()
    schema = document["paths"]["/events"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    validator(document, schema).validate(body)


def test_the_validation_sees_a_field_that_nobody_described(served: ProgressReporter) -> None:
    body = {"success": True, "position": 1, "sequence": 1}
    check_answer("POST", "/progress/start", Answer(200, {"Content-Type": "application/json"}, body))
    with pytest.raises(ValidationError):
        check_answer("POST", "/progress/start", Answer(200, {"Content-Type": "application/json"}, {**body, "new": 1}))


# What each operation is asked: the path's values or the query, the body, and the status that is to come of it.
# A body of bytes is sent as it is; "text/plain" is a body that is not said to be JSON.
Case: TypeAlias = tuple[int, dict[str, Any]]


def _get(status: int, **options: Any) -> Case:
    return status, options


def _post(status: int, body: Any, **options: Any) -> Case:
    return status, {"json": body, **options}


_JOB_QUERIES = [
    _get(200, job_id="job"),
    _get(200, job_id="done"),
    _get(404, job_id="nobody"),
    _get(410, job_id="pruned"),
]
_NOT_JSON = [
    (400, {"data": b"{", "headers": {"Content-Type": "application/json"}}),
    (400, {"data": b"\x1f", "headers": {"Content-Type": "application/json", "Content-Encoding": "gzip"}}),
    (415, {"data": b"{}", "headers": {"Content-Type": "text/plain"}}),
    _post(413, _HUGE),
]


def _report(**good: Any) -> list[Case]:
    """The cases of a report about a job that is active."""
    return [
        *_NOT_JSON,
        _post(200, {"job_id": "job", **good, "event_id": "again", "unknown": 1}),
        _post(400, {"job_id": "", **good}),
        _post(413, {"job_id": "job", **good, "unknown": "x" * 66_000}),
        _post(404, {"job_id": "nobody", **good}),
        _post(409, {"job_id": "done", **good}),
        _post(409, {"job_id": "job", **good, "event_id": "first"}),
        _post(410, {"job_id": "pruned", **good}),
    ]


_QUERIES = [
    _get(200),
    _get(200, params={"after": 2, "limit": 3}),
    _get(200, params=[("channel", "photos"), ("channel", "job:job"), ("job_id", "done"), ("type", "job_started")]),
    _get(200, params={"after": 1, "epoch": "another"}),
    _get(200, headers={"Last-Event-ID": "1@another"}),
    *[_get(400, params={name: "-1"}) for name in ("after", "limit", "wait", "channel", "type", "unknown")],
    _get(400, params={"after": 10**6}),
    _get(400, params={"after": -1}, headers={"Last-Event-ID": "1"}),
    _get(400, headers={"Last-Event-ID": "x"}),
]
_STREAM = [
    _get(200),
    *[case for case in _QUERIES if case[0] == 400],
    _get(505, version=aiohttp.HttpVersion10),
]
CASES: dict[Operation, list[Case]] = {
    ("GET", "/progress/job/{job_id}"): _JOB_QUERIES,
    ("GET", "/progress/active"): [_get(200)],
    ("POST", "/progress/start"): [
        *_NOT_JSON,
        _post(200, {"job_id": "new", "photo_id": "P1", "photo_info": {"a": 1}, "stages": ["one", "two"]}),
        _post(200, {"job_id": "job", "photo_id": 456, "photo_info": []}),
        _post(400, {"job_id": "new", "stages": []}),
        _post(413, {"job_id": "new", "unknown": "x" * 66_000}),
        _post(409, {"job_id": "job", "photo_id": 4}),
        _post(409, {"job_id": "new", "event_id": "first"}),
        _post(410, {"job_id": "pruned"}),
    ],
    ("POST", "/progress/report"): _report(stage="exporting", progress=50, message="half", details={"a": 1}),
    ("POST", "/progress/complete_stage"): _report(stage="importing", result={"a": 1}),
    ("POST", "/progress/error"): _report(error_type="io", error_message="lost", error_details=None, stage="exporting"),
    ("POST", "/progress/photo_info"): _report(photo_data={"iso": 400}),
    ("POST", "/progress/complete"): [*_report(success=False, result={}, duration=1.5), _post(400, {"success": 1})],
    ("POST", "/events"): [
        *_report(type="job_progress", stage="importing", progress=1),
        _post(200, [{"type": "job_started", "job_id": name} for name in ("new", "newer")]),
        _post(400, [{"type": "job_started", "job_id": "new"}, {"type": "job_exploded"}]),
        _post(404, [{"type": "job_started", "job_id": "new"}, {"type": "photo_info", "job_id": "nobody"}]),
        _post(409, {"type": "job_started", "job_id": "job", "photo_id": 4}),
    ],
    ("GET", "/events"): _QUERIES,
    ("GET", "/events/stream"): _STREAM,
    ("GET", "/jobs"): [
        _get(200),
        _get(200, params={"limit": 1}),
        _get(200, params={"status": "completed", "sort": "-duration", "q": "job", "total": "true"}),
        _get(200, params={"as_of": "2"}),
        _get(410, params={"as_of": "1"}),
        _get(400, params={"cursor": "3"}),
        *[_get(400, params={name: "-1"}) for name in ("status", "limit", "cursor", "unknown")],
    ],
    ("GET", "/jobs/{job_id}"): [*_JOB_QUERIES, _get(400, job_id="job", params={"a": 1})],
    ("GET", "/jobs/{job_id}/events"): [
        *_JOB_QUERIES,
        _get(200, job_id="job", params={"limit": 1}),
        *[_get(400, job_id="job", params={name: "-1"}) for name in ("after", "limit", "unknown")],
    ],
    ("GET", "/stats"): [
        _get(200),
        *[_get(200, params={"group_by": name}) for name in ("stage", "status", "hour", "error_type")],
        _get(200, params={"since": "2025-11-09T10:30:00Z", "until": "2031-01-01T00:00:00+01:00", "as_of": "3"}),
        *[_get(400, params={name: "-1"}) for name in ("since", "until", "group_by", "as_of", "unknown")],
        _get(410, params={"as_of": "1"}),
    ],
    ("GET", "/jobs/{job_id}/timeline"): [
        *_JOB_QUERIES,
        _get(400, job_id="job", params={"a": 1}),
    ],
    ("GET", "/jobs/diff"): [
        *[_get(200, params={"a": a, "b": b}) for a, b in (("job", "done"), ("done", "job"), ("job", "job"))],
        *[_get(400, params=params) for params in ({}, {"a": "job"}, {"b": "job"}, {"a": "job", "b": "done", "c": 1})],
        *[_get(404, params={"a": "job", "b": b}) for b in ("nobody", "typical")],
        _get(410, params={"a": "job", "b": "pruned"}),
    ],
    ("GET", "/"): [_get(200)],
    ("GET", "/healthz"): [_get(200)],
    ("GET", "/readyz"): [_get(200)],
    ("GET", "/openapi.json"): [_get(200)],
    ("GET", "/client/jobreel.js"): [_get(200), _get(304, headers={"If-None-Match": "*"})],
    ("GET", "/client/jobreel.d.ts"): [_get(200), _get(304, headers={"If-None-Match": "*"})],
    ("GET", "/metrics"): [_get(200)],
    ("GET", "/ws/status"): [_get(200)],
    ("GET", "/ws"): [_get(101, headers=_UPGRADE), _get(400), _get(400, version=aiohttp.HttpVersion10)],
    ("POST", "/ws/handshake"): [
        *_NOT_JSON,
        _post(200, {"client_type": "lightroom", "client_name": None, "protocol_version": "1.0"}),
        _post(400, {"protocol_version": 2}),
        _post(400, {"client_type": 5}),
    ],
    ("GET", "/ws/poll"): [
        _get(200, params={"client_id": "@"}),
        _get(400),
        _get(400, params={"client_id": "@", "cursor": "x"}),
        _get(404, params={"client_id": "nobody"}),
    ],
    ("POST", "/ws/send"): [
        *_NOT_JSON,
        _post(200, {"client_id": "@", "message": {"type": "ping"}}),
        _post(200, {"client_id": "@", "messages": [{"type": "ping", "ref": 1}, {"type": "nonsense"}]}),
        _post(400, {"client_id": "@", "messages": {}}),
        _post(400, {}),
        _post(404, {"client_id": "nobody"}),
    ],
    ("POST", "/ws/disconnect"): [*_NOT_JSON, _post(200, {"client_id": "@"}), _post(200, {})],
}


# Whatever is asked for.
_REFUSED: list[Case] = [
    (401, {"headers": {"Authorization": "Bearer nonsense"}}),
    (401, {"headers": {"Authorization": "Basic bmFtZTpzZWNyZXQ="}}),
    (403, {"headers": {"Host": "evil.example"}}),
    (403, {"headers": {"Origin": "http://evil.example"}}),
]


@pytest.fixture
def settings(database_url: str) -> Settings:
    # One event in the ring: pages are read from the log.
    return Settings(database_url=database_url, ring_events=1)


@pytest.fixture
def history(served: ProgressReporter) -> ProgressReporter:
    """A log with a job that is active, one that is done and one that was pruned; horizon and head differ."""
    served.start_job("pruned")
    served.complete_job("pruned")
    served.flush()
    served.tracker.retention.prune_once(now() + 60 * _DAY)
    served.start_job("job", photo_id=456)
    served.update_progress("job", STANDARD_STAGES[0], 10, event_id="first")
    served.complete_stage("job", STANDARD_STAGES[0], {"a": [1, None]})
    served.report_error("job", "io", "lost")
    served.start_job("done", stages=["one"])
    served.send_photo_info("done", {"iso": 400})
    served.complete_job("done", result={"a": 1})
    served.flush()
    return served


@pytest.fixture
async def ask(history: ProgressReporter, server: WebSocketServer) -> AsyncIterator[Callable[..., Any]]:
    """Asks an operation; answers with the answer, which is one that the document describes."""
    async with http_client(server.url) as http:
        client_id = (await http.post("/ws/handshake", {})).body["client_id"]

        async def ask(operation: Operation, options: dict[str, Any]) -> Answer:
            method, path = operation
            known = json.loads(json.dumps(options.get("json")).replace('"@"', f'"{client_id}"'))
            params = options.get("params")
            if isinstance(params, dict) and params.get("client_id") == "@":
                params = {**params, "client_id": client_id}
            sent = {name: value for name, value in options.items() if name not in ("json", "params", "job_id")}
            if known is not None:
                sent["json"] = known
            url = path.replace("{job_id}", options.get("job_id", "job"))
            answer = await _answer(http, method, url, params=params, **sent)
            check_answer(method, path, answer)
            return answer

        yield ask


async def _answer(http: HttpClient, method: str, url: str, **options: Any) -> Answer:
    """As :meth:`HttpClient.request`; of a stream and an upgrade only the head is read."""
    version = options.pop("version", aiohttp.HttpVersion11)
    async with (
        aiohttp.ClientSession(version=version) as session,
        session.request(method, http.url + url, **options) as response,
    ):
        is_endless = response.status == 101 or response.content_type == "text/event-stream"
        text = "" if is_endless else await response.text()
        body = json.loads(text) if response.content_type == "application/json" and text else text
        return Answer(response.status, dict(response.headers), body)


@pytest.mark.parametrize("operation", _METHODS, ids=" ".join)
async def test_every_answer_is_one_that_is_described(operation: Operation, ask: Callable[..., Any]) -> None:
    seen = set()
    for status, options in [*CASES[operation], *_REFUSED]:
        answer = await ask(operation, options)
        assert answer.status == status, (options, answer)
        seen.add(str(status))
    method, path = operation
    # Trouble of the server's own has its tests below.
    assert seen == OPENAPI["paths"][path][method.lower()]["responses"].keys() - {"408", "429", "500", "503"}


def _of_status(status: str) -> list[Operation]:
    return [
        (method, path) for method, path in _METHODS if status in OPENAPI["paths"][path][method.lower()]["responses"]
    ]


def _break_the_log(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(SqlReader, "_reading", fail)
    monkeypatch.setattr(Recorder, "record", fail)


def _good(operation: Operation) -> dict[str, Any]:
    return next(options for status, options in CASES[operation] if status in (101, 200))


# These come to their limit without the log.
_WITHOUT_LOG = {("GET", "/ws"), ("GET", "/readyz")}


@pytest.mark.parametrize("operation", [one for one in _of_status("503") if one not in _WITHOUT_LOG], ids=" ".join)
async def test_a_log_that_is_out_of_reach_is_answered_as_described(
    operation: Operation, ask: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    if operation == ("GET", "/ws/poll"):
        subscribe = {"type": "subscribe", "channels": ["jobs"], "after": 0}
        await ask(("POST", "/ws/send"), {"json": {"client_id": "@", "message": subscribe}})
    _break_the_log(monkeypatch, StoreUnavailable("The disk is gone."))
    answer = await ask(operation, _good(operation))
    assert (answer.status, answer.body["code"], answer.headers["Retry-After"]) == (503, "store_unavailable", "1")


async def test_a_log_that_cannot_be_written_is_answered_as_described(
    history: ProgressReporter, ask: Callable[..., Any]
) -> None:
    history.tracker.recorder._note_unavailable(StoreUnavailable("The disk is full."))
    assert (await ask(("GET", "/readyz"), {})).status == 503


@pytest.mark.parametrize(
    "operation", [("GET", "/jobs"), ("POST", "/progress/start"), ("GET", "/events/stream")], ids=" ".join
)
async def test_a_defect_of_the_server_is_answered_as_described(
    operation: Operation, ask: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    _break_the_log(monkeypatch, ZeroDivisionError("a secret"))
    answer = await ask(operation, _good(operation))
    assert (answer.status, answer.body["code"]) == (500, "internal_error")
    assert "secret" not in answer.body["error"]


class TestFullServer:
    @pytest.fixture
    def settings(self, database_url: str) -> Settings:
        return Settings(database_url=database_url, max_clients=1)

    @pytest.mark.parametrize(
        "operation", [("GET", "/ws"), ("GET", "/events/stream"), ("POST", "/ws/handshake")], ids=" ".join
    )
    async def test_no_room_for_a_client_is_answered_as_described(
        self, operation: Operation, ask: Callable[..., Any]
    ) -> None:
        answer = await ask(operation, _good(operation))
        assert (answer.status, answer.body["code"]) == (503, "too_many_clients")


@pytest.mark.parametrize("path", ["/ws", "/events/stream"])
async def test_a_stream_has_no_head(http: HttpClient, path: str) -> None:
    answer = await http.request("HEAD", path, headers=_UPGRADE)
    assert (answer.status, answer.headers["Allow"]) == (405, "GET")
