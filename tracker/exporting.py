"""A log, or a part of it, as the lines of an export."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import sha256

from msgspec import Struct

from tracker import export_format
from tracker.errors import InvalidQuery
from tracker.events import RecordedEvent
from tracker.export_format import End, Header, PrunedJob
from tracker.redaction import Redaction
from tracker.replay import Moment, Place
from tracker.replay_request import read_place
from tracker.store.snapshot import Snapshot
from tracker.times import iso


class Selection(Struct, frozen=True, kw_only=True):
    """What to export: of these jobs, or (none named) of all, those with an event from ``since`` to ``until``.

    Both are inclusive. A job that is in comes from its start, so that it can be understood; nothing comes that is
    later than ``until``. ``redact``: the keys whose values are replaced, see :class:`Redaction`.
    """

    job_ids: tuple[str, ...] = ()
    since: Place | None = None
    until: Place | None = None
    redact: tuple[str, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Whether it is the whole log."""
        return not self.job_ids and self.since is None and self.until is None


def read_selection(
    job_ids: Sequence[str], since: str | int | None, until: str | int | None, redact: Sequence[str]
) -> Selection:
    """A selection as a person gives it: places are positions, or times in ISO 8601 with their zone.

    Raises:
        InvalidQuery: If a place is neither.
    """
    return Selection(
        job_ids=tuple(job_ids),
        since=read_place("since", since),
        until=read_place("until", until),
        redact=tuple(redact),
    )


class Export:
    """The export of a snapshot. Iterate :meth:`lines` once, to the end; then ``events`` and ``pruned_jobs`` count."""

    def __init__(self, log: Snapshot, selection: Selection) -> None:
        """Find what is selected.

        Raises:
            InvalidQuery: If a place is beyond the head of the log, or a key cannot be redacted.
            JobNotFound, JobPruned: If a job is not there, or no longer.
        """
        self._log = log
        self._selection = selection
        self._redaction = Redaction(selection.redact, log.head.epoch) if selection.redact else None
        self._first, self._last = _window(log, selection)
        for job_id in selection.job_ids:
            log.demand_job(job_id)
        self.events = 0
        self.pruned_jobs = 0
        self._ends: tuple[int | None, int | None] = (None, None)

    def lines(self) -> Iterator[bytes]:
        """Every line of the file, each with its end."""
        digest = sha256()
        for line in self._proven():
            digest.update(line)
            yield line
        first, last = self._ends
        end = End(
            events=self.events,
            pruned_jobs=self.pruned_jobs,
            first_position=first,
            last_position=last,
            sha256=digest.hexdigest(),
        )
        yield export_format.line_of(end)

    def _proven(self) -> Iterator[bytes]:
        yield export_format.line_of(self._header())
        event: RecordedEvent
        for event in self._log.events(self._selection.job_ids, self._first, self._last):
            self.events += 1
            self._ends = (self._ends[0] or event.position, event.position)
            yield export_format.event_line(self._redaction.event(event) if self._redaction else event)
        if self._selection.is_whole:
            yield from self._pruned()

    def _pruned(self) -> Iterator[bytes]:
        for job_id, pruned_at, last_position in self._log.tombstones():
            self.pruned_jobs += 1
            shown = self._redaction.job_id(job_id) if self._redaction else job_id
            yield export_format.line_of(PrunedJob(shown, iso(pruned_at), last_position))

    def _header(self) -> Header:
        head = self._log.head
        return Header(
            epoch=None if self._redaction else head.epoch,
            whole=self._selection.is_whole,
            redacted=self._redaction.keys if self._redaction else (),
            payload_versions=export_format.versions(),
            position=head.position,
            horizon=head.horizon,
        )


def _window(log: Snapshot, selection: Selection) -> tuple[int, int]:
    first = _position("since", selection.since, log, default=1)
    # With what was recorded at the very time: up to the first event after it.
    until = selection.until
    if isinstance(until, Moment):
        last = log.first_at(until.at + 1) - 1
    else:
        last = _position("until", until, log, default=log.head.position)
    if selection.since is not None and selection.until is not None and first > last + 1:
        raise InvalidQuery.of("since", "is after until: there is nothing between them")
    return first, last


def _position(field: str, place: Place | None, log: Snapshot, *, default: int) -> int:
    if isinstance(place, Moment):
        return log.first_at(place.at)
    if place is not None and place > log.head.position:
        raise InvalidQuery(field, place, f"is beyond the head of the log, {log.head.position}")
    return default if place is None else place
