"""Everything the tracker raises on purpose.

::

    TrackerError
    ├─ InvalidEvent (also ValueError)       field, value
    ├─ InvalidQuery (also ValueError)       field, value
    ├─ InvalidSetting (also ValueError)     setting, value
    ├─ NotInitialized (also RuntimeError)
    ├─ JobNotFound (also LookupError)       job_id
    ├─ JobExists / JobFinished / JobPruned  job_id
    ├─ DuplicateEvent                       event_id
    ├─ StoreError                           driver error in __cause__
    │  ├─ StoreUnavailable                  the only retryable one
    │  ├─ StoreOwned                        path, pid, url
    │  ├─ LogMissing                        place
    │  ├─ LogNotEmpty                       path
    │  └─ SchemaMismatch                    found, expected
    ├─ RecorderFull / RecorderClosed        capacity
    ├─ ClockDoubtful
    ├─ ServerError                          host, port
    ├─ ServerUnreachable (also ConnectionError)  url
    ├─ ServerRefused                        url, refusal
    └─ CursorReset / CursorTruncated        cursor, epoch | horizon

Each carries its fields as attributes, has a ``code`` for programs, and survives pickling.
"""

from __future__ import annotations

from itertools import islice
from typing import Any, ClassVar, Self

_PATH = 1000  # a setting's value is shown up to here: of a path that is cut nobody knows which file is meant


def _restore(cls: type[TrackerError], args: tuple[Any, ...], fields: dict[str, Any]) -> TrackerError:
    error = cls.__new__(cls, *args)
    error.args = args
    error.__dict__.update(fields)
    return error


class TrackerError(Exception):
    """Something the tracker refused, or could not do."""

    code: ClassVar[str] = "tracker_error"
    public_fields: ClassVar[tuple[str, ...]] = ()
    index: int | None = None  # which event of a list was refused, from 0

    def fields(self) -> dict[str, Any]:
        """What a client is shown beside the message and the code."""
        shown = {name: getattr(self, name) for name in self.public_fields}
        return shown if self.index is None else {**shown, "index": self.index}

    def __reduce__(self) -> tuple[Any, ...]:
        # The default would call the class with the message alone; ours take their fields by keyword.
        return _restore, (type(self), self.args, self.__dict__)


def _shown(value: object, limit: int = 80) -> str:
    try:
        text = repr(_beginning(value, limit))
    except RecursionError:
        text = f"a deeply nested {type(value).__name__}"
    except Exception:  # noqa: BLE001  # an integer of 5,000 digits, an object whose repr() fails
        text = f"an unprintable {type(value).__name__}"
    return text if len(text) <= limit else f"{text[:limit]}…"


def _beginning(value: object, most: int) -> object:
    # Of what is shown a little of, little is made: repr() of an array of 40,000 numbers takes 40 ms.
    if type(value) is list or type(value) is tuple:
        return type(value)(_beginning(item, most) for item in value[:most])
    if type(value) is dict:
        return {key: _beginning(item, most) for key, item in islice(value.items(), most)}
    return value


class InvalidEvent(TrackerError, ValueError):
    """A call or message that breaks the contract; nothing was recorded."""

    code = "invalid_event"
    public_fields = ("field",)

    def __init__(self, field: str, value: object, problem: str) -> None:
        self.field = field
        self.value = _shown(value)
        super().__init__(f"{field}: {problem} (got {self.value})")

    @classmethod
    def of(cls, field: str, problem: str) -> Self:
        """The same without a value worth showing."""
        error = cls.__new__(cls)
        Exception.__init__(error, f"{field}: {problem}" if field else problem)
        error.field = field
        error.value = ""
        return error


class InvalidQuery(InvalidEvent):
    """A question that makes no sense: a limit, a cursor or a filter outside its range."""

    code = "invalid_query"


class InvalidSetting(TrackerError, ValueError):
    """A setting from a flag, the environment or the configuration file that cannot be used."""

    code = "invalid_setting"
    public_fields = ("setting",)

    def __init__(self, setting: str, value: object, problem: str) -> None:
        super().__init__(f"{setting}: {problem} (got {_shown(value, _PATH)})")
        self.setting = setting
        self.value = value


class NotInitialized(TrackerError, RuntimeError):
    """``get_progress_reporter()`` was called before ``init_progress_reporter()``."""

    code = "not_initialized"


class JobNotFound(TrackerError, LookupError):
    """The log has no job of this id."""

    code = "job_not_found"
    public_fields = ("job_id",)

    def __init__(self, job_id: str) -> None:
        super().__init__(f"Job {_shown(job_id)} is not known: call start_job first.")
        self.job_id = job_id


class JobExists(TrackerError):
    """A job of this id was started before, with other content."""

    code = "job_exists"
    public_fields = ("job_id",)

    def __init__(self, job_id: str) -> None:
        super().__init__(f"Job {_shown(job_id)} was started before with other content: use a new job_id.")
        self.job_id = job_id


class JobFinished(TrackerError):
    """The job has ended; a finished job takes no more events."""

    code = "job_finished"
    public_fields = ("job_id",)

    def __init__(self, job_id: str) -> None:
        super().__init__(f"Job {_shown(job_id)} has finished and takes no more events: start a new job.")
        self.job_id = job_id


class JobPruned(TrackerError):
    """The job finished long ago and was removed by the retention policy; its id is not used again."""

    code = "job_pruned"
    public_fields = ("job_id",)

    def __init__(self, job_id: str) -> None:
        super().__init__(f"Job {_shown(job_id)} was removed after its retention period.")
        self.job_id = job_id


class DuplicateEvent(TrackerError):
    """This ``event_id`` was recorded before, with other content."""

    code = "duplicate_event"
    public_fields = ("event_id",)

    def __init__(self, event_id: str) -> None:
        super().__init__(f"Event {_shown(event_id)} was recorded before with other content: use a new event_id.")
        self.event_id = event_id


class StoreError(TrackerError):
    """The log could not be opened, read or written; the driver's error is the cause."""

    code = "store_error"


class StoreUnavailable(StoreError):
    """The log cannot be written or read just now (busy, full disk, I/O error): try again."""

    code = "store_unavailable"


class StoreOwned(StoreError):
    """Another process writes this log."""

    code = "store_owned"
    public_fields = ("pid", "url")

    def __init__(self, path: str, pid: int | None, url: str | None) -> None:
        owner = f"process {pid}" if pid else "another process"
        served = f", which serves it at {url}" if url else ""
        instead = (
            f'Write instead: reporter = init_progress_reporter("{url}")'
            if url
            else "Stop it first, or have it serve the log (`tracker serve`) and report to that"
        )
        super().__init__(f"{path} is being written by {owner}{served}, and a SQLite log has one owner. {instead}.")
        self.path = path
        self.pid = pid
        self.url = url


class SchemaMismatch(StoreError):
    """The log's tables are not those this version of the tracker works with."""

    code = "schema_mismatch"
    public_fields = ("found", "expected")

    def __init__(self, found: str, expected: str, advice: str) -> None:
        super().__init__(f"The log has schema {found}, this version works with {expected}. {advice}")
        self.found = found
        self.expected = expected


class LogMissing(StoreError):
    """There is no log where one was to be read, or nothing is left of it."""

    code = "log_missing"

    def __init__(self, place: str) -> None:
        super().__init__(f"There is no log at {place} yet: `tracker serve` or a reporter makes it.")
        self.place = place


class LogNotEmpty(StoreError):
    """An import needs a log in which nothing was ever recorded."""

    code = "log_not_empty"

    def __init__(self, path: str) -> None:
        super().__init__(f"{path} has events already. Import into a new log: --database FILE names one.")
        self.path = path


class RecorderFull(TrackerError):
    """The queue of events waiting to be written stayed full for ``queue_timeout`` seconds."""

    code = "recorder_full"
    public_fields = ("capacity",)

    def __init__(self, capacity: int, waited_seconds: float) -> None:
        super().__init__(
            f"No room in the queue of {capacity} waiting events after {waited_seconds:g} s: "
            "the log is written more slowly than events arrive. This event was not recorded."
        )
        self.capacity = capacity


class RecorderClosed(TrackerError):
    """The reporter or tracker was closed (or this is a forked child of its process)."""

    code = "recorder_closed"

    def __init__(self, reason: str = "The tracker is closed and records no more events.") -> None:
        super().__init__(reason)


class ClockDoubtful(TrackerError):
    """The system's clock may be wrong, and what is removed by a wrong one is gone: nothing was removed."""

    code = "clock_doubtful"

    def __init__(self, now: str, problem: str) -> None:
        super().__init__(
            f"The clock, at {now}, {problem}. What is pruned by a wrong clock is gone, so nothing was. If it is "
            "right: `tracker prune --trust-clock`; a tracker that runs for a day from then on believes it, too."
        )


class ServerError(TrackerError):
    """The server could not listen."""

    code = "server_error"
    public_fields = ("host", "port")

    def __init__(self, host: str, port: int, problem: str) -> None:
        super().__init__(f"Cannot listen on {host}:{port}: {problem}.")
        self.host = host
        self.port = port


class ServerUnreachable(TrackerError, ConnectionError):
    """Nothing answers at a server's address, or what answers there is no tracker's server."""

    code = "server_unreachable"
    public_fields = ("url",)

    def __init__(self, url: str, text: str) -> None:
        super().__init__(text)
        self.url = url


class ServerRefused(TrackerError):
    """The server refused what it was asked; asking again would not help. ``refusal`` is its code."""

    code = "server_refused"
    public_fields = ("url", "refusal")

    def __init__(self, url: str, text: str, refusal: str) -> None:
        super().__init__(f"The server at {url} refused: {text}")
        self.url = url
        self.refusal = refusal


class CursorReset(TrackerError):
    """The cursor belongs to another log (another epoch): start again from this log's beginning."""

    code = "cursor_reset"
    public_fields = ("cursor", "epoch")

    def __init__(self, cursor: int, epoch: str) -> None:
        super().__init__(f"Cursor {cursor} is of another log; this one has epoch {epoch}.")
        self.cursor = cursor
        self.epoch = epoch


class CursorTruncated(TrackerError):
    """Events after this cursor were pruned."""

    code = "cursor_truncated"
    public_fields = ("cursor", "horizon")

    def __init__(self, cursor: int, horizon: int) -> None:
        super().__init__(f"Cursor {cursor} is below the horizon {horizon}: events after it were pruned.")
        self.cursor = cursor
        self.horizon = horizon
