"""Bytes and values: frames at every length form, and what is refused before it is a message."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api import wire
from tracker.errors import InvalidEvent
from tracker.feed import StreamedEvent


def unframed(data: bytes) -> list[str]:
    """The texts of joined server frames, read by the letter of RFC 6455 section 5.2."""
    texts = []
    while data:
        assert data[0] == 0x81, "a final text frame"
        size, start = data[1], 2
        assert size < 128, "servers do not mask"
        if size == 126:
            size, start = int.from_bytes(data[2:4], "big"), 4
            assert size >= 126, "the shortest form is demanded"
        elif size == 127:
            size, start = int.from_bytes(data[2:10], "big"), 10
            assert size >= 65_536, "the shortest form is demanded"
        assert len(data) >= start + size
        texts.append(data[start : start + size].decode())
        data = data[start + size :]
    return texts


@pytest.mark.parametrize(
    ("size", "head"),
    [
        (0, b"\x81\x00"),
        (125, b"\x81\x7d"),
        (126, b"\x81\x7e\x00\x7e"),
        (65_535, b"\x81\x7e\xff\xff"),
        (65_536, b"\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00"),
    ],
)
def test_a_frame_has_the_shortest_head_for_its_length(size: int, head: bytes) -> None:
    text = "x" * size
    assert wire.websocket_frame(text) == head + text.encode()


@pytest.mark.parametrize("size", [125, 126, 65_535, 65_536])
def test_the_length_of_a_frame_counts_bytes_and_not_characters(size: int) -> None:
    text = "é" * (size // 2) + "x" * (size % 2)
    assert unframed(wire.websocket_frame(text)) == [text]
    assert len(text) < size


@given(st.lists(st.text(max_size=300), max_size=20))
def test_joined_frames_carry_every_text_in_order(texts: list[str]) -> None:
    events = [StreamedEvent(position, text) for position, text in enumerate(texts, 1)]
    assert unframed(wire.websocket_frames(events)) == texts


def test_a_page_is_the_stored_texts_and_the_fields_after_them() -> None:
    body = wire.page_body(['{"a":1}', '{"b":"ü"}'], cursor=7, head=9)
    assert json.loads(body) == {"success": True, "events": [{"a": 1}, {"b": "ü"}], "cursor": 7, "head": 9}


def test_an_empty_page_is_json() -> None:
    assert json.loads(wire.page_body([])) == {"success": True, "events": []}


@given(st.dictionaries(st.text(), st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text()))
def test_what_is_encoded_is_parsed_again(value: dict[str, object]) -> None:
    assert wire.parse(wire.encode(value)) == value
    assert wire.parse(wire.encode_text(value).encode()) == value


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False)))
def test_every_number_is_read_exactly(numbers: list[float]) -> None:
    assert wire.parse(json.dumps(numbers).encode()) == numbers
    assert wire.parse(json.dumps([f"{number:e}" for number in numbers]).replace('"', "").encode()) == [
        float(f"{number:e}") for number in numbers
    ]


@pytest.mark.parametrize("text", ["1e5", "1E5", "1e+5", "1.0e0005", "100000.0", "1000000e-1", "0.00001e10"])
def test_a_number_may_be_written_in_many_ways(text: str) -> None:
    assert wire.parse(f"[{text}]".encode()) == [100_000.0]


@pytest.mark.parametrize("text", ["9e308", "-9e308", "1e999", "1" + "0" * 309 + ".0", "1e" + "9" * 5_000])
def test_a_number_beyond_all_is_refused_however_it_is_written(text: str) -> None:
    with pytest.raises(InvalidEvent, match="range"):
        wire.parse(f'{{"progress":[1e1,{text}]}}'.encode())


@pytest.mark.parametrize(
    "text", ["1e", "1e+", "1.e5", ".5e1", "01e5", "1e5.5", "1_0e5", "0x1e5", "+1e5", "-e5", "1e5e5"]
)
def test_what_python_might_take_for_a_number_is_one_only_if_json_says_so(text: str) -> None:
    with pytest.raises(InvalidEvent):
        wire.parse(f"[{text}]".encode())


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_parsed_or_refused(data: bytes) -> None:
    with suppress(InvalidEvent):
        wire.parse(data)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b" ",
        b"{",
        b'{"a":1,}',
        b"{} {}",
        b"{'a':1}",
        b"\xef\xbb\xbf{}",
        b"NaN",
        b'{"progress":Infinity}',
        b'{"progress":-Infinity}',
        b"1e999",
        b'"\\ud800"',
        b'"\\udc00\\ud800"',
        b'"\xed\xa0\x80"',
        b'"\xff"',
        b'"\xc0\x80"',
        b'"line\nbreak"',
        b"0x10",
    ],
)
def test_what_is_not_json_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidEvent):
        wire.parse(data)


@pytest.mark.parametrize("depth", [900, 1_000, 5_000, 10_000])
def test_deep_json_is_parsed_or_refused_but_never_overflows(depth: int) -> None:
    for data in (b"[" * depth + b"]" * depth, b'{"a":' * depth + b"1" + b"}" * depth, b"[" * depth):
        with suppress(InvalidEvent):
            wire.parse(data)


def test_a_thicket_of_brackets_is_refused_unparsed() -> None:
    assert wire.parse(b"[" + b"[]," * 19_998 + b"[]]")
    with pytest.raises(InvalidEvent, match="too many"):
        wire.parse(b"[" + b"[]," * 19_999 + b"[]]")


def test_of_duplicate_keys_the_last_holds() -> None:
    assert wire.parse(b'{"progress":1,"progress":2}') == {"progress": 2}
