"""Bad input, over HTTP and over a WebSocket: a clear error, nothing recorded, and the server goes on."""

from __future__ import annotations

import gzip
import json
import zlib
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosedError
from websockets.frames import CloseCode

from tests.api.bad_inputs import GOOD, INVALID, PAYLOAD_LIMIT, REFUSED, progress, with_payload_of
from tests.api.clients import HttpClient, SocketClient
from tracker.progress_reporter import ProgressReporter

BODY_LIMIT = 256 * 1024
MESSAGE_LIMIT = 64 * 1024
WRITING_PATHS = [
    "/events",
    *[f"/progress/{call}" for call in ("start", "report", "complete_stage", "photo_info", "error", "complete")],
]


@pytest.fixture
def head(served: ProgressReporter) -> int:
    """The job ``job`` is active, the job ``done`` is not; the position of the last event."""
    served.start_job("job", 456)
    served.update_progress("job", "importing", 1, event_id="first")
    served.start_job("done")
    return served.complete_job("done").wait()


def padded(size: int) -> bytes:
    """A good report of so many bytes."""
    return progress() + b" " * (size - len(progress()))


async def test_every_invalid_message_is_a_400_over_http_and_records_nothing(http: HttpClient, head: int) -> None:
    wrong: dict[str, Any] = {}
    for name, data in INVALID.items():
        answer = await http.post_bytes("/events", data)
        clear = answer.status == 400 and answer.body["code"] == "invalid_event" and answer.body["error"]
        if not clear or answer.body["success"] is not False or await http.head() != head:
            wrong[name] = answer
    assert wrong == {}


async def test_every_invalid_message_is_an_error_over_a_websocket_that_stays_open(
    socket: SocketClient, http: HttpClient, head: int
) -> None:
    wrong: dict[str, Any] = {}
    for name, data in INVALID.items():
        for as_text in (True, False):
            if as_text and not is_utf8(data):
                continue  # a breach of the WebSocket protocol itself
            await socket.connection.send(data, text=as_text)
            answer = await socket.receive()
            clear = answer["type"] == "error" and answer["code"] in ("invalid_event", "invalid_query")
            if not clear or not answer["error"] or answer["ref"] is not None or await http.head() != head:
                wrong[name] = answer
    assert wrong == {}
    assert await socket.is_silent()


async def test_an_invalid_message_anywhere_in_a_list_records_nothing_of_it(http: HttpClient, head: int) -> None:
    wrong: dict[str, Any] = {}
    for name, data in INVALID.items():
        for index in (0, 1, 2):
            messages = [progress(), progress()]
            messages.insert(index, data)
            answer = await http.post_bytes("/events", b"[" + b",".join(messages) + b"]")
            if answer.status != 400 or answer.body.get("index", index) != index or await http.head() != head:
                wrong[f"{name} at {index}"] = answer
    # A list that happens to be whole again is none of these.
    assert wrong.keys() <= {f"nothing at {index}" for index in (0, 1, 2)}


@pytest.mark.parametrize(("data", "status", "code"), REFUSED.values(), ids=REFUSED.keys())
async def test_what_the_log_refuses_says_why_over_http(
    http: HttpClient, head: int, data: bytes, status: int, code: str
) -> None:
    answer = await http.post_bytes("/events", data)
    assert (answer.status, answer.body["success"], answer.body["code"]) == (status, False, code)
    assert await http.head() == head


async def test_what_the_log_refuses_says_why_over_a_websocket(
    socket: SocketClient, http: HttpClient, head: int
) -> None:
    for data, _, code in REFUSED.values():
        if len(data) <= MESSAGE_LIMIT:
            answer = await socket.ask({**json.loads(data), "ref": code})
            assert (answer["type"], answer["code"], answer["ref"]) == ("error", code, code)
    assert await http.head() == head


@pytest.mark.parametrize("name", GOOD)
async def test_what_lies_within_the_limits_is_recorded_by_either_way(
    http: HttpClient, socket: SocketClient, head: int, name: str
) -> None:
    answer = await http.post_bytes("/events", GOOD[name])
    assert (answer.status, answer.body["position"]) == (200, head + 1), answer
    await socket.connection.send(GOOD[name], text=True)
    # Started again with the same content is no new event.
    again = head + 1 if b"job_started" in GOOD[name] else head + 2
    assert (await socket.receive()).items() >= {"type": "ack", "position": again}.items()
    assert await http.head() == again


async def test_a_timestamp_that_is_no_time_is_ignored_and_one_that_is_is_kept(http: HttpClient, head: int) -> None:
    for timestamp, kept in (
        ("2025-11-09T10:30:05Z", "2025-11-09T10:30:05Z"),
        ("yesterday", None),
        ("2025-11-09\x0010:30:00", None),
        (784_372_800, None),
        ([], None),
    ):
        await http.post_bytes("/events", progress(timestamp=timestamp))
        event = (await http.get("/jobs/job/events")).body["events"][-1]
        assert event.get("occurred_at") == kept
        assert event["timestamp"] != timestamp


async def test_of_duplicate_keys_the_last_holds(http: HttpClient, head: int) -> None:
    await http.post_bytes("/events", progress()[:-1] + b',"progress":2}')
    assert (await http.get("/jobs/job")).body["job_status"]["progress"] == 2.0


async def test_content_of_64_kib_is_taken_and_a_byte_more_is_not(http: HttpClient, head: int) -> None:
    assert (await http.post_bytes("/events", with_payload_of(PAYLOAD_LIMIT + 1))).status == 413
    assert await http.head() == head
    assert (await http.post_bytes("/events", with_payload_of(PAYLOAD_LIMIT))).status == 200
    assert await http.head() == head + 1


@pytest.mark.parametrize("path", WRITING_PATHS)
async def test_a_body_above_256_kib_is_a_413(http: HttpClient, head: int, path: str) -> None:
    for size in (BODY_LIMIT + 1, 1024 * 1024):
        answer = await http.post_bytes(path, padded(size))
        assert (answer.status, answer.body["success"]) == (413, False)
        assert answer.body["code"] == "request_entity_too_large"
    assert await http.head() == head


async def test_a_body_of_256_kib_is_read(http: HttpClient, head: int) -> None:
    assert (await http.post_bytes("/events", padded(BODY_LIMIT))).status == 200
    assert await http.head() == head + 1


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
async def test_a_body_that_is_small_only_while_it_is_compressed_is_a_413(
    http: HttpClient, head: int, encoding: str
) -> None:
    pack = gzip.compress if encoding == "gzip" else zlib.compress
    headers = {"Content-Type": "application/json", "Content-Encoding": encoding}
    small = await http.request("POST", "/events", data=pack(progress()), headers=headers)
    assert small.status == 200
    answer = await http.request("POST", "/events", data=pack(padded(20 * 1024 * 1024)), headers=headers)
    assert (answer.status, answer.body["success"]) == (413, False)
    assert await http.head() == head + 1


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
async def test_a_body_that_is_not_compressed_as_it_says_is_a_400(http: HttpClient, head: int, encoding: str) -> None:
    headers = {"Content-Type": "application/json", "Content-Encoding": encoding}
    answer = await http.request("POST", "/events", data=progress(), headers=headers)
    assert (answer.status, answer.body["success"]) == (400, False)
    assert await http.head() == head
    assert (await http.post_bytes("/events", progress())).status == 200


@pytest.mark.parametrize("path", WRITING_PATHS)
@pytest.mark.parametrize(
    "content_type", [None, "", "text/plain", "application/x-www-form-urlencoded", "text/json", "application/jsonl"]
)
async def test_a_body_that_is_not_said_to_be_json_is_a_415(
    http: HttpClient, head: int, path: str, content_type: str | None
) -> None:
    answer = await http.post_bytes(path, progress(), content_type)
    assert (answer.status, answer.body["success"], answer.body["code"]) == (415, False, "unsupported_media_type")
    assert "application/json" in answer.body["error"]
    assert await http.head() == head


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "Application/JSON"])
async def test_json_may_be_said_in_other_words(http: HttpClient, head: int, content_type: str) -> None:
    assert (await http.post_bytes("/events", progress(), content_type)).status == 200


async def test_a_websocket_message_above_64_kib_closes_the_connection_with_1009(
    socket: SocketClient, http: HttpClient, head: int
) -> None:
    await socket.connection.send(padded(MESSAGE_LIMIT + 1), text=True)
    assert await closing_code(socket) == CloseCode.MESSAGE_TOO_BIG
    assert await http.head() == head


@pytest.mark.parametrize("size", [1024 * 1024, 2**40, 2**63 - 1])
async def test_a_websocket_message_of_a_megabyte_is_refused_before_it_has_come(
    socket: SocketClient, http: HttpClient, head: int, size: int
) -> None:
    socket.connection.transport.write(b"\x81\xff" + size.to_bytes(8, "big") + b"\0\0\0\0" + progress())
    assert await closing_code(socket) == CloseCode.MESSAGE_TOO_BIG
    assert await http.head() == head


async def test_fragments_that_are_too_big_together_close_the_connection_with_1009(
    socket: SocketClient, http: HttpClient, head: int
) -> None:
    size = b"\xfe\x04\0" + b"\0\0\0\0"  # 1 KiB, with an empty mask
    frames = [b"\x01" + size + padded(1024), *[b"\0" + size + b" " * 1024] * 64]
    socket.connection.transport.write(b"".join(frames))
    assert await closing_code(socket) == CloseCode.MESSAGE_TOO_BIG
    assert await http.head() == head


async def test_a_websocket_message_of_64_kib_is_read(socket: SocketClient, head: int) -> None:
    await socket.connection.send(padded(MESSAGE_LIMIT), text=True)
    assert (await socket.receive()).items() >= {"type": "ack", "position": head + 1}.items()


async def test_text_that_is_not_utf8_breaks_the_protocol_and_closes_with_1007(
    socket: SocketClient, http: HttpClient, head: int
) -> None:
    await socket.connection.send(b'{"type":"\xff"}', text=True)
    assert await closing_code(socket) == CloseCode.INVALID_DATA
    assert await http.head() == head


@pytest.mark.parametrize("depth", range(900, 1000, 7))
async def test_json_as_deep_as_the_parser_goes_is_refused_wherever_it_stands(
    http: HttpClient, socket: SocketClient, head: int, depth: int
) -> None:
    for deep in (b"[" * depth + b"]" * depth, b'{"a":' * depth + b"1" + b"}" * depth):
        for field in ("type", "job_id", "stage", "progress", "details", "event_id", "photo_id", "extra", "exif"):
            data = progress(**{field: "@"}).replace(b'"@"', deep)
            assert (await http.post_bytes("/events", data)).status == 400, field
            await socket.connection.send(data, text=True)
            assert (await socket.receive())["type"] == "error", field
    assert await http.head() == head


def is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


async def closing_code(socket: SocketClient) -> int | None:
    """What the server closed the connection with."""
    with pytest.raises(ConnectionClosedError) as closed:
        await socket.receive()
    return None if closed.value.rcvd is None else closed.value.rcvd.code
