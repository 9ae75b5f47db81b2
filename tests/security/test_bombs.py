"""S3: JSON made to keep the server busy is answered as fast as any other, over HTTP and over a WebSocket."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys

import msgspec
import pytest

from tests.security.bombing import REACH_SECONDS, Costs

_EVERY = 1 if os.environ.get("JOBREEL_TORTURE") else 8
_MOST_SECONDS = 280
# A server that is slow in everything is on a slow machine: an ordinary report takes it 0.4 ms elsewhere.
_ORDINARY_REQUESTS = 100
_REFUSALS = {
    "/events": {"400 invalid_event", "413 event_too_large"},
    "/ws": {"invalid_event", "invalid_query", "event_too_large"},
    "/ws/send": {
        "200 invalid_event",
        "200 invalid_query",
        "200 job_not_found",
        "400 invalid_event",
        "400 invalid_query",
        "413 event_too_large",
    },
}
_ACCEPTED = {
    "/events": {"200 recorded"},
    "/ws": {"ack", "pong"},
    "/ws/send": {"200 ack", "200 pong", "200 subscription_confirmed"},
}
_RECORDED = {"200 recorded", "ack", "200 ack"}


@pytest.fixture(scope="module")
def costs(tmp_path_factory: pytest.TempPathFactory) -> Costs:
    database = tmp_path_factory.mktemp("bombs") / "log.db"
    run = subprocess.run(
        [sys.executable, "-m", "tests.security.bombing", database, str(_EVERY)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=_MOST_SECONDS,
        check=False,
    )
    assert (run.returncode, run.stderr) == (0, ""), "the server logged something"
    return msgspec.json.decode(run.stdout, type=Costs)


def test_every_bomb_is_answered_as_it_should_be_and_what_is_refused_leaves_nothing(costs: Costs) -> None:
    wrong = [
        bomb
        for bomb in costs.bombs
        if bomb.outcome not in _REFUSALS[bomb.way] | _ACCEPTED[bomb.way]
        or (bomb.recorded > 0) != (bomb.outcome in _RECORDED)
    ]
    assert wrong == []


def test_no_bomb_costs_the_server_more_than_50_ms(costs: Costs) -> None:
    enough = max(REACH_SECONDS, _ORDINARY_REQUESTS * costs.ordinary)
    slow = [f"{bomb.name}, {bomb.way}: {bomb.seconds * 1000:.0f} ms" for bomb in costs.bombs if bomb.seconds > enough]
    seconds = [bomb.seconds for bomb in costs.bombs]
    refused = sum(bomb.outcome in _REFUSALS[bomb.way] for bomb in costs.bombs)
    print(
        f"S3: {len(seconds)} JSON bombs, {refused} refused and the others valid and harmless; the server's own time "
        f"for one: median {statistics.median(seconds) * 1000:.1f} ms, at most {max(seconds) * 1000:.1f} ms (reach: 50 "
        f"ms); an ordinary report: {costs.ordinary * 1000:.2f} ms"
    )
    assert statistics.median(seconds) <= REACH_SECONDS
    assert slow == []
