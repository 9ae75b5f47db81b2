"""``/events``: messages recorded alone and in lists, and the log read in pages."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.api.clients import HttpClient, SocketClient, is_unbroken, positions
from tracker.progress_reporter import ProgressReporter

MAX_EVENTS = 1000
STARTED = {"type": "job_started", "job_id": "j", "photo_id": 456}


def report(progress: float = 1, job_id: str = "j", **fields: Any) -> dict[str, Any]:
    return {"type": "job_progress", "job_id": job_id, "stage": "importing", "progress": progress, **fields}


async def recorded(http: HttpClient) -> list[tuple[str, int, int]]:
    """The job, the position and the sequence of every event of the log."""
    events = (await http.get("/events", limit=1000)).body["events"]
    return [(event["job_id"], event["position"], event["sequence"]) for event in events]


async def test_one_message_is_answered_with_its_place(http: HttpClient) -> None:
    answer = await http.post("/events", STARTED)
    assert (answer.status, answer.body) == (200, {"success": True, "position": 1, "sequence": 1})
    answer = await http.post("/events", report())
    assert (answer.status, answer.body) == (200, {"success": True, "position": 2, "sequence": 2})


async def test_a_list_is_answered_with_every_place_and_the_last(http: HttpClient) -> None:
    answer = await http.post("/events", [STARTED, {**STARTED, "job_id": "k"}, report()])
    assert answer.status == 200
    events = answer.body.pop("events")
    assert answer.body == {"success": True, "position": 3, "sequence": 2}
    assert [(event["position"], event["sequence"]) for event in events] == [(1, 1), (2, 1), (3, 2)]
    recorded = (await http.get("/events")).body["events"]
    assert [event["timestamp"] for event in events] == [event["timestamp"] for event in recorded]


async def test_a_list_of_one_is_a_list(http: HttpClient) -> None:
    answer = await http.post("/events", [STARTED])
    place = {"position": 1, "sequence": 1}
    (event,) = answer.body.pop("events")
    assert answer.body == {"success": True, **place}
    assert event == {**place, "timestamp": event["timestamp"]}


async def test_a_list_has_one_to_a_thousand_events(http: HttpClient) -> None:
    tiny = {"type": "job_progress", "job_id": "j", "stage": "failed", "progress": 1}
    for count in (0, MAX_EVENTS + 1):
        answer = await http.post("/events", [STARTED, *[tiny] * (count - 1)] if count else [])
        assert (answer.status, answer.body["code"]) == (400, "invalid_event")
    assert await http.head() == 0
    answer = await http.post("/events", [STARTED, *[tiny] * (MAX_EVENTS - 1)])
    assert (answer.status, answer.body["position"]) == (200, MAX_EVENTS)


@pytest.mark.parametrize(
    ("refused", "status", "code"),
    [
        (report(101), 400, "invalid_event"),
        (5, 400, "invalid_event"),
        (report(job_id="nobody"), 404, "job_not_found"),
        (report(stage="polishing"), 400, "invalid_event"),
        ({**STARTED, "photo_id": 9}, 409, "job_exists"),
        (report(2, event_id="e"), 409, "duplicate_event"),
        (report(message="x" * 65_536), 413, "event_too_large"),
        (report(job_id="pruned"), 410, "job_pruned"),
        (report(job_id="done"), 409, "job_finished"),
    ],
)
@pytest.mark.parametrize("index", [0, 1, 2])
async def test_one_refused_event_refuses_the_list_and_is_named_by_its_index(
    http: HttpClient, served: ProgressReporter, index: int, refused: Any, status: int, code: str
) -> None:
    served.start_job("pruned")
    served.complete_job("pruned")
    served.flush()
    served.tracker.retention.prune_once(2**60)
    await http.post("/events", [STARTED, report(1, event_id="e"), {"type": "job_started", "job_id": "done"}])
    await http.post("/events", {"type": "job_completed", "job_id": "done"})
    head = await http.head()
    events: list[Any] = [{"type": "job_started", "job_id": "new"}, report(5)]
    events.insert(index, refused)
    answer = await http.post("/events", events)
    assert (answer.status, answer.body["success"], answer.body["code"]) == (status, False, code)
    assert answer.body["index"] == index
    assert await http.head() == head
    assert (await http.get("/jobs/new")).status == 404


async def test_a_list_of_one_refused_event_names_its_index_too(http: HttpClient) -> None:
    for refused in (report(101), report()):
        assert (await http.post("/events", [refused])).body["index"] == 0
        assert "index" not in (await http.post("/events", refused)).body


async def test_events_of_a_list_build_on_each_other(http: HttpClient) -> None:
    events = [STARTED, report(5), {"type": "job_completed", "job_id": "j"}]
    assert (await http.post("/events", events)).status == 200
    again = await http.post("/events", [*events, report(6)])
    assert (again.status, again.body["code"], again.body["index"]) == (409, "job_finished", 1)
    assert await http.head() == 3


async def test_an_event_sent_again_with_its_id_has_its_first_place(http: HttpClient) -> None:
    await http.post("/events", STARTED)
    message = report(event_id="e1", details={"iso": 800}, timestamp="2025-11-09T10:30:05Z")
    first = await http.post("/events", message)
    await http.post("/events", report(9))
    assert (await http.post("/events", message)).body == first.body
    events = (await http.post("/events", [message, report(10), message])).body["events"]
    assert [(event["position"], event["sequence"]) for event in events] == [(2, 2), (4, 4), (2, 2)]
    assert await http.head() == 4


async def test_an_event_sent_again_at_the_same_time_is_recorded_once(http: HttpClient) -> None:
    await http.post("/events", STARTED)
    answers = await asyncio.gather(*[http.post("/events", report(event_id="e1")) for _ in range(20)])
    assert {(answer.status, answer.body["position"]) for answer in answers} == {(200, 2)}
    assert await http.head() == 2


async def test_many_writers_get_dense_positions(http: HttpClient) -> None:
    async def write(writer: int) -> list[int]:
        await http.post("/events", {"type": "job_started", "job_id": f"j{writer}"})
        return [(await http.post("/events", report(step, f"j{writer}"))).body["position"] for step in range(20)]

    written = await asyncio.gather(*[write(writer) for writer in range(8)])
    assert await http.head() == 8 * 21
    assert all(places == sorted(places) for places in written)
    log = await recorded(http)
    assert [position for _, position, _ in log] == list(range(1, 8 * 21 + 1))
    for writer in range(8):
        sequences = [sequence for job_id, _, sequence in log if job_id == f"j{writer}"]
        assert sequences == list(range(1, 22))


async def test_a_producers_own_place_and_time_are_never_taken(http: HttpClient) -> None:
    message = {**STARTED, "position": 77, "sequence": 5, "prev": 3, "timestamp": "2001-01-01T00:00:00Z"}
    await http.post("/events", message)
    (event,) = (await http.get("/jobs/j/events")).body["events"]
    assert (event["position"], event["sequence"]) == (1, 1)
    assert "prev" not in event
    assert event["timestamp"] > "2025"
    assert event["occurred_at"] == "2001-01-01T00:00:00Z"


async def test_unknown_fields_are_kept_under_extra(http: HttpClient) -> None:
    await http.post("/events", {**STARTED, "camera": "R5", "extra": {"lens": "85"}})
    (event,) = (await http.get("/jobs/j/events")).body["events"]
    assert event["extra"] == {"lens": "85", "camera": "R5"}


async def write_some(http: HttpClient) -> None:
    """Ten events: two jobs started, seven reports, one photo."""
    events = [STARTED, {"type": "job_started", "job_id": "k"}, *[report(step) for step in range(6)]]
    await http.post("/events", [*events, {"type": "photo_info", "job_id": "k"}, report(7, "k")])


async def test_a_page_of_the_log_has_the_events_and_its_ends(http: HttpClient) -> None:
    await write_some(http)
    answer = await http.get("/events")
    epoch = (await http.get("/ws/status")).body["epoch"]
    assert answer.body.keys() == {"success", "events", "checkpoint", "head", "epoch"}
    assert (answer.body["checkpoint"], answer.body["head"], answer.body["epoch"]) == (10, 10, epoch)
    assert positions(answer.body["events"]) == list(range(1, 11))
    assert is_unbroken(answer.body["events"], 0)


@pytest.mark.parametrize("limit", [1, 3, 9, 10, 11, 1000])
async def test_pages_follow_each_other_by_their_cursors_to_the_end(http: HttpClient, limit: int) -> None:
    await write_some(http)
    found: list[int] = []
    after, pages = 0, 0
    while True:
        body = (await http.get("/events", after=after, limit=limit)).body
        found += positions(body["events"])
        pages += 1
        assert len(body["events"]) <= limit
        if "cursor" not in body:
            break
        after = body["cursor"]
    assert found == list(range(1, 11))
    assert pages == -(-10 // limit)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("channel=jobs", [1, 2, 3, 4, 5, 6, 7, 8, 10]),
        ("channel=photos", [1, 2, 9]),
        ("channel=jobs&channel=photos", [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
        ("channel=system", []),
        ("job_id=k", [2, 9, 10]),
        ("channel=job:k", [2, 9, 10]),
        ("job_id=k&job_id=j", [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
        ("job_id=nobody", []),
        ("type=photo_info", [9]),
        ("type=job_started&type=photo_info", [1, 2, 9]),
        ("job_id=k&type=job_progress", [10]),
        ("channel=photos&after=2", [9]),
        ("after=10", []),
        ("after=9", [10]),
    ],
)
async def test_a_page_may_be_filtered(http: HttpClient, query: str, expected: list[int]) -> None:
    await write_some(http)
    body = (await http.get_encoded(f"/events?{query}")).body
    assert positions(body["events"]) == expected
    assert body["checkpoint"] == 10


@pytest.mark.parametrize(
    "query",
    [
        *[f"limit={value}" for value in ("0", "1001", "-1", "1.5", "many", "", "1e2", "%D9%A1", "1" * 400)],
        *[f"after={value}" for value in ("-1", "1.5", "x", "", "%2B1", "9007199254740992", "11")],
        *[f"wait={value}" for value in ("-1", "31", "soon", "")],
        *[f"channel={value}" for value in ("", "job", "Jobs", "job:", "job:%00", "jobs,photos")],
        *[f"type={value}" for value in ("", "job_exploded", "jobs")],
        "job_id=",
        f"job_id={'x' * 201}",
        "chanel=jobs",
        "Limit=5",
        "limit=5&offset=2",
    ],
)
async def test_a_query_that_makes_no_sense_is_a_400(http: HttpClient, query: str) -> None:
    await write_some(http)
    answer = await http.get_encoded(f"/events?{query}")
    assert (answer.status, answer.body["success"], answer.body["code"]) == (400, False, "invalid_query")
    assert answer.body["error"]


async def test_a_page_waits_for_the_first_commit_that_has_something(http: HttpClient, socket: SocketClient) -> None:
    await write_some(http)
    waiting = asyncio.create_task(http.get("/events", after=10, channel="photos", wait=20))
    # The pages are asked for in turn: when this one is answered, the other is waiting, or will see what follows.
    await http.get("/events")
    await http.post("/events", report(8))
    await http.post("/events", {"type": "photo_info", "job_id": "j"})
    body = (await waiting).body
    assert positions(body["events"]) == [12]


async def test_a_page_with_events_does_not_wait(http: HttpClient) -> None:
    await write_some(http)
    async with asyncio.timeout(10):
        assert len((await http.get("/events", wait=30)).body["events"]) == 10


async def test_a_cursor_of_another_log_starts_again_and_says_so(http: HttpClient) -> None:
    await write_some(http)
    body = (await http.get("/events", after=500, epoch="another")).body
    epoch = body["epoch"]
    assert body["reset"] == {"type": "reset", "epoch": epoch, "head": 10}
    assert positions(body["events"]) == list(range(1, 11))
    assert "reset" not in (await http.get("/events", after=5, epoch=epoch)).body
