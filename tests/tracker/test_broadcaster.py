from __future__ import annotations

import logging
import threading
from typing import Any

import pytest

from tests.builders import photo_info, progressed, started
from tests.tracker.doubles import WAIT, GatedWriter, MemoryWriter, recording, until
from tracker.broadcaster import Broadcaster
from tracker.events import RecordedEvent
from tracker.progress_reporter import ProgressReporter
from tracker.recorder import Recorder
from tracker.settings import Settings


class Receiver:
    """Keeps what it is passed; ``expects`` messages set ``complete``."""

    def __init__(self, expects: int = 0) -> None:
        self.passed: list[tuple[dict[str, Any], str | None]] = []
        self.complete = threading.Event()
        self._expects = expects

    def broadcast(self, message: dict[str, Any], channel: str | None = None) -> None:
        self.passed.append((message, channel))
        if len(self.passed) == self._expects:
            self.complete.set()

    @property
    def positions(self) -> list[int]:
        return [message["position"] for message, _ in self.passed]


class Blocked(Receiver):
    """Waits with each message until the test opens the gate."""

    def __init__(self) -> None:
        super().__init__()
        self.entered = threading.Event()
        self.gate = threading.Event()

    def broadcast(self, message: dict[str, Any], channel: str | None = None) -> None:
        self.entered.set()
        assert self.gate.wait(WAIT)
        super().broadcast(message, channel)


class Failing(Receiver):
    def broadcast(self, message: dict[str, Any], channel: str | None = None) -> None:
        super().broadcast(message, channel)
        if len(self.passed) % 2:
            raise ConnectionError("gone")


def write(recorder: Recorder, count: int) -> int:
    recorder.record(started("a"))
    for _ in range(count - 1):
        recorder.record(progressed("a"))
    recorder.flush(WAIT)
    return count


def test_each_event_is_passed_once_in_order_with_its_channel() -> None:
    receiver = Receiver(expects=3)
    with recording(MemoryWriter()) as recorder:
        broadcaster = Broadcaster(receiver, recorder, 0)
        for event in (started("a"), progressed("a"), photo_info("a")):
            broadcaster.advance(recorder.record(event).wait(WAIT))
        assert receiver.complete.wait(WAIT)
        broadcaster.finish(WAIT)
    assert [(message["type"], message["position"], channel) for message, channel in receiver.passed] == [
        ("job_started", 1, "jobs"),
        ("job_progress", 2, "jobs"),
        ("photo_info", 3, "photos"),
    ]


def test_what_was_there_before_is_not_passed() -> None:
    receiver = Receiver()
    with recording(MemoryWriter()) as recorder:
        head = write(recorder, 5)
        broadcaster = Broadcaster(receiver, recorder, head)
        broadcaster.advance(recorder.record(progressed("a")).wait(WAIT))
        broadcaster.finish(WAIT)
    assert receiver.positions == [6]


def test_finishing_passes_on_everything_that_was_accepted() -> None:
    receiver = Receiver()
    broadcasters: list[Broadcaster] = []

    def tell(rows: list[RecordedEvent]) -> None:
        broadcasters[0].advance(rows[-1].position)

    with recording(MemoryWriter(), on_commit=tell) as recorder:
        broadcasters.append(Broadcaster(receiver, recorder, 0))
        for number in range(1200):
            recorder.record(started(str(number)))
        broadcasters[0].finish(WAIT)
    assert receiver.positions == list(range(1, 1201))


def test_a_slow_receiver_holds_nobody_up() -> None:
    receiver = Blocked()
    with recording(MemoryWriter()) as recorder:
        broadcaster = Broadcaster(receiver, recorder, 0)
        broadcaster.advance(write(recorder, 3))
        assert receiver.entered.wait(WAIT)
        assert recorder.record(progressed("a")).wait(WAIT) == 4
        broadcaster.advance(4)
        broadcaster.finish(0.01)
        assert receiver.passed == []
        receiver.gate.set()
        until(lambda: receiver.positions == [1, 2, 3, 4])


def test_a_receiver_that_fails_is_logged_and_gets_the_next_event(caplog: pytest.LogCaptureFixture) -> None:
    receiver = Failing()
    with recording(MemoryWriter()) as recorder, caplog.at_level(logging.ERROR, "tracker"):
        broadcaster = Broadcaster(receiver, recorder, 0)
        broadcaster.advance(write(recorder, 4))
        broadcaster.finish(WAIT)
    assert receiver.positions == [1, 2, 3, 4]
    assert caplog.text.count("The receiver of broadcasts failed") == 2


def test_what_was_pruned_before_it_was_passed_is_passed_over() -> None:
    class Pruned(MemoryWriter):
        reads = 0

        def read(self, after: int, limit: int) -> list[RecordedEvent]:
            self.reads += 1
            return [row for row in self.rows if row.position > after and row.job_id == "later"]

    writer, receiver = Pruned(), Receiver(expects=1)
    with recording(writer) as recorder:
        broadcaster = Broadcaster(receiver, recorder, 0)
        broadcaster.advance(write(recorder, 3))
        until(lambda: writer.reads > 0)
        broadcaster.advance(recorder.record(started("later")).wait(WAIT))
        assert receiver.complete.wait(WAIT)
        broadcaster.finish(WAIT)
    assert receiver.positions == [4]
    assert writer.reads <= 3  # and not one read after another


def test_finishing_gives_up_on_a_log_that_is_unavailable(caplog: pytest.LogCaptureFixture) -> None:
    writer = GatedWriter()
    with recording(writer) as recorder:
        recorder.record(started("a"))
        Broadcaster(Receiver(), recorder, 0).finish(0.01)
        writer.gate.set()
    assert "Events may not have been passed on at the end" in caplog.text


def test_a_receiver_that_is_still_behind_when_the_log_closes_gets_no_more(caplog: pytest.LogCaptureFixture) -> None:
    receiver = Blocked()
    with recording(MemoryWriter()) as recorder:
        broadcaster = Broadcaster(receiver, recorder, 0)
        broadcaster.advance(write(recorder, 1))
        assert receiver.entered.wait(WAIT)
        broadcaster.advance(recorder.record(progressed("a")).wait(WAIT))
        recorder.close(WAIT)
        receiver.gate.set()
        until(lambda: "Events are no longer passed on" in caplog.text)
    assert receiver.positions == [1]


def test_a_coroutine_function_is_refused() -> None:
    class Asynchronous:
        async def broadcast(self, message: dict[str, Any], channel: str | None = None) -> None: ...

    with recording(MemoryWriter()) as recorder, pytest.raises(TypeError, match="plain function"):
        Broadcaster(Asynchronous(), recorder, 0)


def test_a_reporter_passes_its_events_to_a_receiver_until_it_is_closed(settings: Settings) -> None:
    receiver = Receiver()
    with ProgressReporter(receiver, settings=settings) as reporter:
        reporter.start_job("a", 456)
        reporter.update_progress("a", "importing", 5)
    assert receiver.positions == [1, 2]
    again = Receiver()
    with ProgressReporter(again, settings=settings) as reporter:
        reporter.update_progress("a", "importing", 10)
    assert again.positions == [3]


def test_an_object_without_broadcast_is_refused_and_the_log_is_free_again(settings: Settings) -> None:
    with pytest.raises(TypeError, match="no broadcast"):
        ProgressReporter(object(), settings=settings)  # type: ignore[arg-type]
    ProgressReporter(settings=settings).close()
