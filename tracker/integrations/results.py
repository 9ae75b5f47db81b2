"""What a function returned, as the result of a job."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from tracker.error_texts import clean_text
from tracker.errors import InvalidEvent

if TYPE_CHECKING:
    from tracker.job_context import ReportedJob
    from tracker.receipt import Receipt

_LONGEST_REPR = 500


def complete(job: ReportedJob, returned: object) -> Receipt:
    """End a job well: with a dictionary as it is, any other value as ``{"returned": …}``, None as nothing.

    What no event can hold is told in words.
    """
    with suppress(InvalidEvent):
        return job.complete(_result(returned))
    return job.complete({"returned": _shown(returned)})


def _result(returned: object) -> dict[str, Any]:
    if returned is None:
        return {}
    return returned if isinstance(returned, dict) else {"returned": returned}


def _shown(value: object) -> str:
    try:
        return clean_text(repr(value), _LONGEST_REPR)
    except Exception:  # noqa: BLE001  # a repr() that fails says nothing about the work that was done
        return f"an unprintable {type(value).__name__}"
