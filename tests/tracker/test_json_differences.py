from __future__ import annotations

from typing import Any

import pytest

from tracker.json_differences import MAX_SHOWN, differences


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ({}, {}, []),
        ({"a": [1, {"b": 2}]}, {"a": [1, {"b": 2}]}, []),
        ({"a": 1}, {"a": 2}, [("r.a", 1, 2)]),
        ({"a": 1}, {"a": 1.0}, []),
        ({"a": 1}, {"a": True}, [("r.a", 1, True)]),
        ({"a": 0}, {"a": False}, [("r.a", 0, False)]),
        ({"a": 1}, {}, [("r.a", 1, None)]),
        ({"a": 1}, {"b": 1}, [("r.a", 1, None), ("r.b", None, 1)]),
        ({"a": None}, {}, [("r.a", None, None)]),
        ({"a": [1, 2]}, {"a": [1]}, [("r.a[1]", 2, None)]),
        ({"a": [{"b": 1}]}, {"a": [{"b": 2}]}, [("r.a[0].b", 1, 2)]),
        ({"a": {}}, {"a": []}, [("r.a", {}, [])]),
        ({"a b": 1}, {}, [('r["a b"]', 1, None)]),
        ({"a.b": {"c": 1}}, {"a.b": {"c": 2}}, [('r["a.b"].c', 1, 2)]),
    ],
)
def test_each_place_that_differs(one: Any, other: Any, expected: list[Any]) -> None:
    found = list(differences("r", one, other))
    assert found == expected
    assert [list(map(type, each)) for each in found] == [list(map(type, each)) for each in expected]


def test_a_long_value_is_cut() -> None:
    ((_, left, right),) = differences("", {"a": "x" * MAX_SHOWN}, {"a": "x"})
    assert (len(left), right) == (MAX_SHOWN + 1, "x")
    ((path, left, _),) = differences("", {"a": "x" * (MAX_SHOWN - 2)}, {"a": "x"})
    assert (path, left) == ("a", "x" * (MAX_SHOWN - 2))
