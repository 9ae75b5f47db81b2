from __future__ import annotations

from collections import OrderedDict, defaultdict, namedtuple
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Any

import pytest

from tracker.errors import InvalidEvent
from tracker.events import ProcessingStage
from tracker.json_values import (
    MAX_INTEGER,
    MAX_NESTING,
    check_identifier,
    check_number,
    check_object,
    check_text,
    plain,
)


class Colour(Enum):
    RED = "red"


class Size(IntEnum):
    LARGE = 3


class Angle(float):
    pass


Point = namedtuple("Point", "x y")


def nested(levels: int) -> dict[str, Any]:
    """An object of so many levels, the outermost counted."""
    value: dict[str, Any] = {}
    for _ in range(levels - 1):
        value = {"in": value}
    return value


@pytest.mark.parametrize("value", ["a", "a" * 200, "Süß 東京", "two words", "😀"])
def test_an_identifier_of_1_to_200_printable_characters_is_taken(value: str) -> None:
    check_identifier("job_id", value)


@pytest.mark.parametrize("value", ["", "a" * 201, "a\0", "a\n", "\x7f", "\ud800", "a\u202eb"])
def test_an_identifier_outside_that_is_refused(value: str) -> None:
    with pytest.raises(InvalidEvent) as refused:
        check_identifier("job_id", value)
    assert refused.value.field == "job_id"


@pytest.mark.parametrize("value", [None, 5, True, b"job", ["job"], ProcessingStage.IMPORTING])
def test_an_identifier_is_a_plain_string(value: object) -> None:
    with pytest.raises(InvalidEvent, match="must be a string"):
        check_identifier("job_id", value)


@pytest.mark.parametrize("value", ["", "line\nbreak", "\x01", "Süß 東京 😀", "\uffff"])
def test_text_may_hold_whatever_databases_and_json_can(value: str) -> None:
    check_text("message", value)


@pytest.mark.parametrize("value", ["\0", "end\0", "ü\0", "\ud800", "ok \udfff"])
def test_text_with_nul_or_a_lone_surrogate_is_refused(value: str) -> None:
    with pytest.raises(InvalidEvent) as refused:
        check_text("message", value)
    str(refused.value).encode()  # the sentence itself can be sent


@pytest.mark.parametrize("value", [0, -1, 1.5, MAX_INTEGER, -MAX_INTEGER, 1e300])
def test_a_finite_number_is_taken_as_a_float(value: float) -> None:
    assert check_number("duration", value) == value
    assert type(check_number("duration", value)) is float


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf"), MAX_INTEGER + 1, -MAX_INTEGER - 1])
def test_a_number_that_json_readers_do_not_keep_is_refused(value: float) -> None:
    with pytest.raises(InvalidEvent):
        check_number("duration", value)


@pytest.mark.parametrize("value", [True, False, "5", None, [], 1j, Decimal(1), 10**400])
def test_what_is_no_number_is_refused(value: object) -> None:
    with pytest.raises(InvalidEvent):
        check_number("duration", value)


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"": None, "a": True, "b": [1, 2.5, "x", [{}]], "c": (1, 2)},
        {"largest": MAX_INTEGER, "smallest": -MAX_INTEGER},
        OrderedDict(b=1, a=2),
        defaultdict(list, a=[1]),
        {"stage": ProcessingStage.IMPORTING, "size": Size.LARGE, "angle": Angle(1.5), "at": Point(1, 2)},
        {"inner": OrderedDict(a=OrderedDict())},
    ],
)
def test_an_object_of_json_values_is_taken(value: dict[str, Any]) -> None:
    check_object("details", value)


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ({"a": float("nan")}, "details.a"),
        ({"a": [0, float("inf")]}, "details.a[1]"),
        ({"a": Angle("nan")}, "details.a"),
        ({"a": MAX_INTEGER + 1}, "details.a"),
        ({"a": -MAX_INTEGER - 1}, "details.a"),
        ({"a": 10**5000}, "details.a"),
        ({"a": "\0"}, "details.a"),
        ({"a": {"b": "\udc00"}}, "details.a.b"),
        ({"\0": 1}, "details key"),
        ({"\ud800": 1}, "details key"),
        ({1: "a"}, "details"),
        ({None: "a"}, "details"),
        ({"a": {2.5: "b"}}, "details.a"),
        ({"a": b"bytes"}, "details.a"),
        ({"a": {1, 2}}, "details.a"),
        ({"a": object()}, "details.a"),
        ({"a": Colour.RED}, "details.a"),
        ({"a": Decimal(1)}, "details.a"),
    ],
)
def test_a_value_that_is_not_json_is_refused_by_its_place(value: dict[Any, Any], field: str) -> None:
    with pytest.raises(InvalidEvent) as refused:
        check_object("details", value)
    assert refused.value.field == field


@pytest.mark.parametrize("value", [None, [], "text", 5, [("a", 1)]])
def test_an_object_is_a_dictionary(value: object) -> None:
    with pytest.raises(InvalidEvent, match="must be a dictionary"):
        check_object("details", value)


def test_32_levels_are_taken_and_33_are_not() -> None:
    check_object("details", nested(MAX_NESTING))
    with pytest.raises(InvalidEvent, match="32 levels"):
        check_object("details", nested(MAX_NESTING + 1))


def test_lists_count_as_levels() -> None:
    value: Any = []
    for _ in range(MAX_NESTING - 2):
        value = [value]
    check_object("details", {"a": value})
    with pytest.raises(InvalidEvent, match="32 levels"):
        check_object("details", {"a": [value]})


def test_a_dictionary_that_holds_itself_is_refused() -> None:
    endless: dict[str, Any] = {}
    endless["again"] = endless
    with pytest.raises(InvalidEvent, match="32 levels"):
        check_object("details", endless)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(ProcessingStage.FAILED, "failed"), (Size.LARGE, 3), (Angle(2), 2.0), (Point(1, 2), [1, 2])],
)
def test_the_value_behind_a_subclass_is_plain(value: object, expected: object) -> None:
    found = plain("a", value)
    assert found == expected or list(found) == expected
    assert type(found) in (str, int, float, tuple)
