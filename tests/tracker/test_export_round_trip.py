"""Whatever can be recorded comes back from an export, byte for byte."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.builders import NOON, SECOND, completed, error, failed, photo_info, progressed, stage_completed, started
from tracker import export_file
from tracker.events import STANDARD_STAGES, Event
from tracker.exporting import Export, Selection
from tracker.importing import import_file
from tracker.json_values import MAX_INTEGER
from tracker.store import open_snapshot, open_store
from tracker.store.base import Append

_text = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
_name = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=20).filter(str.isprintable)
_scalar = (
    st.none()
    | st.booleans()
    | st.integers(-MAX_INTEGER, MAX_INTEGER)
    | st.floats(allow_nan=False, allow_infinity=False)
    | _text
)
_value = st.recursive(_scalar, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_text, inner, max_size=3))
_object = st.dictionaries(_text, _value, max_size=4)
_stage = st.sampled_from(STANDARD_STAGES)
_percent = st.floats(0, 100) | st.integers(0, 100)
_event_id = st.none() | _name
_photo_id = st.none() | st.integers(-MAX_INTEGER, MAX_INTEGER) | _name


def _of(job_id: str) -> st.SearchStrategy[Event]:
    job = st.just(job_id)
    return st.one_of(
        st.builds(started, job, photo_info=_object, photo_id=_photo_id, event_id=_event_id),
        st.builds(progressed, job, _percent, stage=_stage, message=_text, details=_object, event_id=_event_id),
        st.builds(stage_completed, job, _stage, result=_object),
        st.builds(photo_info, job, photo_data=_object, extra=_object),
        st.builds(error, job, error_type=_name, error_message=_text, stage=st.none() | _stage),
        st.builds(completed, job, result=_object, event_id=_event_id),
        st.builds(failed, job, result=_object, duration=st.floats(0, 1e6)),
    )


_jobs: st.SearchStrategy[str] = st.sampled_from(["a", "b", "ü/“x”", "d\\e"])
_history = st.lists(_jobs.flatmap(_of), max_size=30)
_times = st.integers(-5 * SECOND, 5 * SECOND)


def _lines(url: str, **chosen: Any) -> list[bytes]:
    with open_snapshot(url) as log:
        return list(Export(log, Selection(**chosen)).lines())


def _record(url: str, history: list[Event], step: int, pruned: int) -> None:
    """All that the log takes of it; what makes no sense for its job is refused, as ever."""
    store = open_store(url)
    begin = [Append((started(job_id),), NOON) for job_id in ("a", "ü/“x”")]
    later = [Append((event,), NOON + index * step) for index, event in enumerate(history)]
    store.writer.append([*begin, *later])
    store.writer.prune(NOON + 9 * SECOND, NOON, pruned)
    store.close()


@settings(max_examples=25, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_history, _times, st.sampled_from([1, 1000]))
def test_a_log_is_the_same_after_export_and_import(history: list[Event], step: int, pruned: int) -> None:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        url, again = (f"sqlite:///{(folder / file).as_posix()}" for file in ("log.db", "again.db"))
        _record(url, history, step, pruned)
        lines = _lines(url)
        export_file.write(folder / "a.jsonl.zst", lines)
        import_file(folder / "a.jsonl.zst", again)
        assert _lines(again) == lines
        _import_part(folder, _lines(url, until=2))


def _import_part(folder: Path, lines: list[bytes]) -> None:
    export_file.write(folder / "part.jsonl", lines)
    part = f"sqlite:///{(folder / 'part.db').as_posix()}"
    imported = import_file(folder / "part.jsonl", part)
    assert imported.head.position == imported.events == len(lines) - 2
    assert imported.events <= 2
