from __future__ import annotations

import json
from typing import Any

import pytest

from tracker.errors import InvalidQuery
from tracker.events import RecordedEvent
from tracker.redaction import Redaction


def event(job_id: str = "job", event_id: str | None = None, **payload: Any) -> RecordedEvent:
    return RecordedEvent(1, job_id, 1, "photo_info", 0, event_id, json.dumps(payload, ensure_ascii=False))


def redacted(keys: list[str], one: RecordedEvent, secret: str = "epoch") -> dict[str, Any]:
    done: dict[str, Any] = json.loads(Redaction(keys, secret).event(one).payload)
    return done


def test_the_same_value_has_the_same_token_under_every_key_and_another_value_another() -> None:
    done = redacted(["user", "who"], event(user="Zoë", a=[{"who": "Zoë"}, {"who": "Tom"}], free="Zoë"))
    assert done["user"] == done["a"][0]["who"] != done["a"][1]["who"]
    assert done["user"].startswith("redacted-")
    assert done["free"] == "Zoë"


def test_another_log_has_other_tokens() -> None:
    here, there = (redacted(["user"], event(user="Zoë"), secret) for secret in ("epoch", "other"))
    assert here != there


def test_values_of_every_kind_go_and_objects_stay_objects() -> None:
    done = redacted(
        ["k"], event(a={"k": 1}, b={"k": True}, c={"k": [1]}, d={"k": {"x": 1}}, e={"k": None}, f={"k": {}})
    )
    assert len({json.dumps(value) for value in done.values()}) == 6
    assert [type(done[name]["k"]) for name in "abcd"] == [str, str, str, dict]
    assert (done["e"], done["f"]) == ({"k": None}, {"k": {}})


def test_the_order_of_an_objects_keys_is_no_part_of_its_value() -> None:
    assert redacted(["k"], event(k={"a": 1, "b": 2})) == redacted(["k"], event(k={"b": 2, "a": 1}))


def test_a_key_that_is_written_with_an_escape_or_a_space_is_found() -> None:
    one = RecordedEvent(1, "job", 1, "photo_info", 0, None, '{"a":{"\\u0075ser" : "Zoë"},"user" : "Tom"}')
    text = Redaction(["user"], "epoch").event(one).payload
    assert "Zoë" not in text
    assert "Tom" not in text


def test_ids_are_replaced_where_they_are_named() -> None:
    one = event(job_id="kunde-7", event_id="kunde-7/1", parent={"job_id": "kunde-7"})
    done = Redaction(["job_id"], "epoch").event(one)
    assert done.job_id == json.loads(done.payload)["parent"]["job_id"] != "kunde-7"
    assert done.event_id == "kunde-7/1"
    assert Redaction(["event_id"], "epoch").event(one).event_id != "kunde-7/1"


def test_a_payload_without_the_keys_stays_as_it_is() -> None:
    one = RecordedEvent(1, "job", 1, "photo_info", 0, None, '{"a":1.0 ,"b":"user"}')
    assert Redaction(["key"], "epoch").event(one) == one


@pytest.mark.parametrize("key", ["", "stage", "progress", "success", "timestamp", "stages_completed", "v"])
def test_a_key_that_an_event_needs_is_refused(key: str) -> None:
    with pytest.raises(InvalidQuery, match="redact"):
        Redaction([key], "epoch")
