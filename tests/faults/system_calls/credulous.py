"""The controls' writer: a commit that failed is taken for done."""

from __future__ import annotations

from collections.abc import Sequence

from tracker.errors import StoreError
from tracker.store.base import Append, Committed
from tracker.store.writer import SqlWriter


def take_failures_for_done() -> None:
    """From here on, for every log of this process."""
    SqlWriter.append = _append  # type: ignore[method-assign,assignment]


def _append(writer: SqlWriter, appends: Sequence[Append]) -> Committed:
    try:
        return _honest(writer, appends)
    except StoreError:
        draft = writer._unsettled
        if draft is None:
            raise
        writer._disconnect()
        writer._cache.update(draft.jobs)
        writer._unsettled = None
        return draft.committed()


_honest = SqlWriter.append
