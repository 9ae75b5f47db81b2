"""The model of a disk itself: what was synced stays, what was not may go, in any part."""

from __future__ import annotations

import random

from tests.faults.power_loss.disk import Disk, Left
from tests.faults.power_loss.trace import Kind, Record

_NEW = Record(Kind.CREATED, "a")
_OLD_TEXT = Record(Kind.WRITTEN, "a", 0, b"1" * 1024)
_NEW_TEXT = Record(Kind.WRITTEN, "a", 0, b"2" * 1024)
_SYNCED = [Record(Kind.SYNCED, "a"), Record(Kind.FOLDER_SYNCED, "")]
_IN_FOLDER = [Record(Kind.FOLDER_CREATED, "f"), Record(Kind.CREATED, "f/a"), Record(Kind.SYNCED, "f/a")]


def _all_left(*records: Record, lies: bool = False) -> list[Left]:
    disk, chance = Disk(lies=lies), random.Random(1)
    for record in records:
        disk.do(record)
    return [disk.after_crash(chance) for _ in range(1_000)]


def _contents(left: list[Left]) -> set[bytes | None]:
    return {files.get("a") for files in left}


def test_what_was_synced_is_always_there() -> None:
    assert _contents(_all_left(_NEW, _OLD_TEXT, *_SYNCED)) == {b"1" * 1024}


def test_what_was_not_synced_is_there_gone_or_torn_at_a_sector() -> None:
    parts = {old + new for old in (b"1" * 512, b"2" * 512) for new in (b"1" * 512, b"2" * 512)}
    assert _contents(_all_left(_NEW, _OLD_TEXT, *_SYNCED, _NEW_TEXT)) == parts


def test_writes_that_were_not_synced_reach_the_disk_in_any_order() -> None:
    third = Record(Kind.WRITTEN, "a", 0, b"3" * 1024)
    assert _contents(_all_left(_NEW, *_SYNCED, _NEW_TEXT, third)) >= {b"2" * 1024, b"3" * 1024, b""}


def test_a_size_that_was_not_synced_is_the_old_or_the_new_one() -> None:
    cut = Record(Kind.TRUNCATED, "a", 100)
    assert _contents(_all_left(_NEW, _OLD_TEXT, *_SYNCED, cut)) == {b"1" * 1024, b"1" * 100}


def test_a_synced_file_whose_folder_was_not_may_be_gone() -> None:
    assert _contents(_all_left(_NEW, _OLD_TEXT, _SYNCED[0])) == {b"1" * 1024, None}


def test_a_file_that_was_removed_may_be_back() -> None:
    removed = Record(Kind.REMOVED, "a")
    assert _contents(_all_left(_NEW, *_SYNCED, removed)) == {b"", None}
    assert _contents(_all_left(_NEW, *_SYNCED, removed, _SYNCED[1])) == {None}


def test_a_file_has_the_old_name_or_the_new_one_and_never_both_or_none() -> None:
    renamed = Record(Kind.RENAMED, "a", 0, b"b")
    names = {frozenset(left) for left in _all_left(_NEW, *_SYNCED, renamed)}
    assert names == {frozenset({"a"}), frozenset({"b"})}


def test_a_folder_of_whose_name_nothing_was_synced_may_be_gone_with_all_in_it() -> None:
    in_it = Record(Kind.FOLDER_SYNCED, "f")
    assert {frozenset(left) for left in _all_left(*_IN_FOLDER, in_it)} == {frozenset({"f", "f/a"}), frozenset[str]()}
    assert {frozenset(left) for left in _all_left(*_IN_FOLDER, in_it, _SYNCED[1])} == {frozenset({"f", "f/a"})}


def test_a_disk_that_lies_keeps_nothing_for_sure() -> None:
    assert None in _contents(_all_left(_NEW, _OLD_TEXT, *_SYNCED, lies=True))
