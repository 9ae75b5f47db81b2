"""Messages of the protocol, right ones and nearly right ones, and what may be answered to them."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from tracker.events import FACTS, STANDARD_STAGES
from tracker.replay_request import CONTROLS

JOB = "fuzzed"
"""The job that the right ones are about."""

_ERROR = frozenset({"error"})
_ANY: frozenset[str] = frozenset()
# An error, where the client has its 1,000 channels already.
_SUBSCRIBED = frozenset({"subscription_confirmed", "error"})
_MAX_INTEGER = 2**53 - 1
Answers = frozenset[str]
Made = tuple[dict[str, Any] | bytes, Answers]


def message(random: Random) -> Made:
    """A message, as a value or as bytes, and the types of which an answer must be one; nothing: any of the protocol."""
    return random.choice(_KINDS)(random)


def _odd(random: Random) -> Any:
    """A value that nothing in the protocol is."""
    return random.choice(
        (
            None,
            True,
            -1,
            0.5,
            -0.0,
            2**53,
            2**70,
            1e300,
            "",
            "\0",
            "\u202e",
            "x" * 201,
            "\U0001d54f",
            [],
            [[]],
            {},
            {"": ""},
            {"type": "ping"},
            [None] * 50,
            _deep(random.randint(2, 500)),
        )
    )


def _deep(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value] if levels % 2 else {"a": value}
    return value


def _ping(random: Random) -> Made:
    return {"type": "ping", "ref": random.choice((1, "a", None, _odd(random)))}, frozenset({"pong"})


def _register(random: Random) -> Made:
    return {"type": "register", "client_type": "gui", "client_name": "Wand"}, frozenset({"registration_confirmed"})


def _register_oddly(random: Random) -> Made:
    name: Any = random.choice((1, True, "", "\n", "x" * 201, [], {}))
    return {"type": "register", random.choice(("client_type", "client_name")): name}, _ERROR


def _channels(random: Random) -> list[str]:
    known = ["jobs", "photos", "system", f"job:{JOB}", f"job:{random.randrange(10**6)}"]
    return random.sample(known, random.randint(1, len(known)))


def _subscribe(random: Random) -> Made:
    # Rarely from the beginning: each such one is told the whole log.
    after = {"after": 0} if random.random() < 0.05 else {}
    return {"type": "subscribe", "channels": _channels(random), **after}, _SUBSCRIBED


def _subscribe_after_what_never_was(random: Random) -> Made:
    after: Any = random.choice(
        (-1, 0.5, -0.5, 1e300, 2**53, 2**63, 2**64, 2**200, _MAX_INTEGER, "0", [], {}, True, [0])
    )
    return {"type": "subscribe", "channels": ["jobs"], "after": after}, _ERROR


def _subscribe_of_another_log(random: Random) -> Made:
    asked = {"type": "subscribe", "channels": ["system"], "epoch": random.choice(("", "another", "\0", "x" * 5_000))}
    return {**asked, "after": random.randrange(10**9)}, _SUBSCRIBED


def _subscribe_oddly(random: Random) -> Made:
    channels: Any = random.choice(("jobs", None, 1, {}, {"jobs": 1}, [None], [[]], ["job:"], ["job:\n"], ["Jobs"], [1]))
    return {"type": "subscribe", "channels": channels}, _ERROR


def _wrong_types(random: Random) -> Made:
    types: Any = random.choice(("job_started", ["nothing"], [None], [[]], {"job_started": 1}, 5))
    return {"type": "subscribe", "channels": ["jobs"], "types": types}, _ERROR


def _ten_thousand_channels(random: Random) -> Made:
    channels: Any = random.choice((["x"] * 10_000, [""] * 10_000, list(range(10_000)), [None] * 10_000))
    return {"type": random.choice(("subscribe", "unsubscribe")), "channels": channels}, _ERROR


def _many_channels(random: Random) -> Made:
    first = random.randrange(10**6)
    channels = [f"job:{number}" for number in range(first, first + random.randint(500, 1_500))]
    return {"type": "subscribe", "channels": channels}, _ANY


def _unsubscribe(random: Random) -> Made:
    return {"type": "unsubscribe", "channels": _channels(random)}, frozenset({"unsubscription_confirmed"})


def token(random: Random) -> dict[str, Any]:
    """A token that is none: a client is sent away for it, unless it says it too late."""
    wrong: Any = random.choice((None, "", "jobreel", "x" * 10_000, 5, [], "\0", "jr_aaaaaaaa_bbbbbbbb"))
    return {"type": "auth", "token": wrong}


def _replay(random: Random) -> Made:
    part: Any = random.choice(({"job_id": JOB}, {"since": 0}, {"after": random.randrange(100)}, {"job_id": "nobody"}))
    return {"type": "replay", **part, "speed": random.choice((1, 1000)), "max_gap_seconds": 0.001}, _ANY


def _replay_oddly(random: Random) -> Made:
    field = random.choice(("speed", "max_gap_seconds", "since", "until", "after", "job_id", "paused"))
    wrong: Any = random.choice((-1, "soon", [], {}, "\0", 2**70, "2025-11-09", 1e300, [None] * 50))
    return {"type": "replay", "since": 0, field: wrong}, _ERROR


def _replay_control(random: Random) -> Made:
    kind = random.choice(CONTROLS)
    names: Any = random.choice(({}, {"replay_id": f"r{random.randrange(9)}"}, {"replay_id": _odd(random)}))
    return {"type": kind, **names, "to": random.choice((1, _odd(random))), "speed": random.choice((9, "", 0))}, _ANY


def _event(random: Random) -> Made:
    good = {"type": "job_progress", "job_id": JOB, "stage": random.choice(STANDARD_STAGES[:-2])}
    return {**good, "progress": random.uniform(0, 100), "message": "weiter", "event_id": None}, _ANY


def _event_of_an_unknown_job(random: Random) -> Made:
    event = {"type": random.choice(list(FACTS)), "job_id": "nobody", **_content(random), "progress": 1}
    return event, _ANY


def _event_with_something_odd(random: Random) -> Made:
    event = {"type": random.choice(list(FACTS)), "job_id": random.choice((JOB, "nobody")), **_content(random)}
    for name in random.sample(list(event), random.randint(1, 3)):
        if random.random() < 0.2:
            del event[name]
        else:
            event[name] = _odd(random)
    # A start of a job by another name would be fine, and a completion would end the fuzzed job for good.
    return {**event, "type": "job_exploded"} if event.get("type") in ("job_completed", "job_failed") else event, _ANY


def _content(random: Random) -> dict[str, Any]:
    content = {"stage": "importing", "progress": 5, "details": {}, "result": {}, "photo_data": {"iso": 100}}
    return {**content, "error_type": "io", "error_message": "lost", "photo_info": {}, "extra": {"a": [1]}, "ref": "r"}


def _of_no_kind(random: Random) -> Made:
    return {"type": random.choice(("", "PING", "pong", "ack", "error", None, 1, [], {}, "x" * 1_000))}, _ERROR


def _no_object(random: Random) -> Made:
    return random.choice((b"1", b'"ping"', b"null", b"true", b"[]", b'[{"type":"ping"}]', b"{}", b"1e5")), _ERROR


def _not_json(random: Random) -> Made:
    wrong = (b"", b" ", b"{", b"}", b'{"type":"ping"', b"{'type':'ping'}", b"NaN", b"[1,]", b'"\\ud800"', b"1e999")
    return random.choice((*wrong, b"[" * 30_000, b'{"a":' * 10_000, b"\0", b"// ping", b'{"type":"ping"}{}')), _ERROR


_KINDS: tuple[Callable[[Random], Made], ...] = (
    _ping,
    _register,
    _register_oddly,
    _subscribe,
    _subscribe_after_what_never_was,
    _subscribe_of_another_log,
    _subscribe_oddly,
    _wrong_types,
    _ten_thousand_channels,
    _many_channels,
    _unsubscribe,
    _replay,
    _replay_oddly,
    _replay_control,
    _event,
    _event_of_an_unknown_job,
    _event_with_something_odd,
    _of_no_kind,
    _no_object,
    _not_json,
)
