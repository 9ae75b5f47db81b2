from __future__ import annotations

from tests.builders import NOON, SECOND, appends, completed, progressed, started
from tests.tracker.doubles import MemoryWriter
from tracker.errors import JobNotFound
from tracker.store.base import Append
from tracker.store.draft import Draft


def draft(log: MemoryWriter, base: int | None = None) -> Draft:
    return Draft(log, len(log.rows) if base is None else base)


def test_a_draft_changes_nothing_outside_itself() -> None:
    log = MemoryWriter()
    log.append(appends(started("a")))
    taken = draft(log)
    taken.take(Append((progressed("a"),), NOON))
    assert [row.position for row in taken.recorded] == [2]
    assert log.jobs["a"].sequence == 1
    assert taken.jobs["a"].sequence == 2


def test_positions_that_another_node_took_are_made_room_for() -> None:
    log = MemoryWriter()
    log.append(appends(started("old")))
    taken = draft(log)
    for append in appends(progressed("old"), started("new"), progressed("nobody"), progressed("new"), started("old")):
        taken.take(append)
    before = taken.committed()
    taken.rebase(11)
    after = taken.committed()
    assert [row.position for row in before.recorded] == [2, 3, 4]
    assert [row.position for row in after.recorded] == [12, 13, 14]
    assert [row.sequence for row in after.recorded] == [2, 1, 2]
    assert after.outcomes[0] == (after.recorded[0],)
    assert after.outcomes[3] == (after.recorded[2],)
    assert isinstance(after.outcomes[2], JobNotFound)
    assert after.outcomes[4] == before.outcomes[4] == (log.rows[0],)
    assert (taken.jobs["new"].started_position, taken.jobs["new"].position) == (13, 14)
    assert (taken.jobs["old"].started_position, taken.jobs["old"].position) == (1, 12)


def test_a_draft_goes_on_after_it_made_room() -> None:
    log = MemoryWriter()
    taken = draft(log)
    taken.take(Append((started("a"),), NOON))
    taken.rebase(5)
    taken.take(Append((started("a"),), NOON))
    taken.take(Append((progressed("a"),), NOON + SECOND))
    assert [row.position for row in taken.recorded] == [6, 7]
    assert taken.outcomes[1] == (taken.recorded[0],)


def test_no_room_is_made_where_nobody_wrote() -> None:
    log = MemoryWriter()
    taken = draft(log)
    taken.take(Append((started("a"), completed("a")), NOON))
    before = taken.committed()
    taken.rebase(0)
    assert taken.committed() == before
