"""What is read of a spool file, however it was cut."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tracker.remote.records import HEADER, decode, encode

texts = st.lists(st.binary(min_size=1, max_size=60), max_size=8)


@given(texts)
def test_what_was_written_is_read(written: list[bytes]) -> None:
    contents = decode(HEADER + encode(written))
    assert (contents.records, contents.damaged_bytes, contents.is_ours) == (written, 0, True)


@given(texts, st.integers(0, 10**6))
def test_a_file_that_was_cut_anywhere_has_every_record_before_the_cut(written: list[bytes], place: int) -> None:
    whole = HEADER + encode(written)
    cut = whole[: place % (len(whole) + 1)]
    contents = decode(cut)
    assert contents.is_ours
    expected = max(
        (count for count in range(len(written) + 1) if len(HEADER + encode(written[:count])) <= len(cut)), default=0
    )
    assert contents.records == written[:expected]
    assert (contents.damaged_bytes == 0) == (cut == HEADER + encode(contents.records) or len(cut) < len(HEADER))


@given(texts.filter(bool), st.data())
def test_a_record_that_was_changed_is_not_read(written: list[bytes], data: st.DataObject) -> None:
    whole = bytearray(HEADER + encode(written))
    place = data.draw(st.integers(len(HEADER), len(whole) - 1))
    whole[place] ^= 0x41
    contents = decode(bytes(whole))
    assert len(contents.records) < len(written)
    assert contents.records == written[: len(contents.records)]


def test_what_is_of_another_version_is_left_alone() -> None:
    assert not decode(b"jobreel spool 2\n" + encode([b"x"])).is_ours
    assert not decode(b"PK\x03\x04").is_ours


@given(texts, st.integers(1, 5000))
def test_zeros_that_a_loss_of_power_left_are_damage_and_no_other_version(written: list[bytes], count: int) -> None:
    contents = decode(bytes(count))
    assert (contents.records, contents.damaged_bytes, contents.is_ours) == ([], max(0, count - len(HEADER)), True)
    contents = decode(HEADER + encode(written) + bytes(count))
    assert (contents.records, contents.damaged_bytes, contents.is_ours) == (written, count, True)
    contents = decode(bytes(len(HEADER)) + encode(written))
    assert (contents.records, contents.damaged_bytes, contents.is_ours) == (written, 0, True)
