"""The end of a recorder whose writer takes long: nothing is dropped unsaid, and the log is given up once, and last."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from tests.builders import started
from tests.tracker.doubles import WAIT, GatedWriter, recording
from tracker import recorder as recorder_module
from tracker.errors import RecorderClosed
from tracker.recorder import Recorder


@pytest.fixture
def writer() -> GatedWriter:
    """Each of its transactions lasts until the gate is opened."""
    return GatedWriter()


@pytest.fixture
def recorder(writer: GatedWriter, monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorder]:
    monkeypatch.setattr(recorder_module, "_LAST_SECONDS", 0.01)
    with recording(writer) as recorder:
        yield recorder
        writer.gate.set()


def test_what_came_too_late_is_refused_and_said(
    writer: GatedWriter, recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    written = recorder.record(started("a"))
    assert writer.entered.wait(WAIT)
    late = [recorder.record(started(str(number))) for number in range(5)]
    recorder.close(0.01)
    assert "The log does not answer: 6 accepted events may not be recorded" in caplog.text
    writer.gate.set()
    assert written.wait(WAIT) == 1
    for receipt in late:
        with pytest.raises(RecorderClosed, match="closed before this was written: it is not recorded"):
            receipt.wait(WAIT)
    assert [row.job_id for row in writer.rows] == ["a"]
    recorder.close(WAIT)
    assert "5 events were not recorded: the tracker was closed before their turn came" in caplog.text


def test_the_log_is_given_up_when_its_last_transaction_has_ended_and_once(
    writer: GatedWriter, recorder: Recorder
) -> None:
    given_up: list[int] = []
    recorder.record(started("a"))
    assert writer.entered.wait(WAIT)
    recorder.close(0.01, then=lambda: given_up.append(len(writer.rows)))
    assert given_up == [], "not under the transaction"
    writer.gate.set()
    recorder.close(WAIT)
    assert given_up == [1]
    recorder.close(WAIT, then=lambda: given_up.append(2))
    assert given_up == [1, 2], "another one, of whoever closes it again"


def test_a_failure_to_give_up_the_log_is_logged_where_nobody_waits(
    writer: GatedWriter, recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise OSError("no such folder")

    recorder.record(started("a"))
    assert writer.entered.wait(WAIT)
    recorder.close(0.01, then=fail)
    writer.gate.set()
    recorder.close(WAIT)
    assert "Giving up the log failed" in caplog.text
    assert "no such folder" in caplog.text


def test_many_may_close_it_at_once(writer: GatedWriter, recorder: Recorder) -> None:
    given_up: list[int] = []
    recorder.record(started("a"))
    threads = [
        threading.Thread(target=recorder.close, args=(WAIT,), kwargs={"then": lambda: given_up.append(1)})
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    writer.gate.set()
    for thread in threads:
        thread.join(WAIT)
    assert len(given_up) >= 1
