"""Events of one job that are written on several nodes stay consistent."""

from __future__ import annotations

import random
from functools import partial
from operator import methodcaller

import pytest

from tests.builders import completed, progressed, started
from tests.tracker.doubles import WAIT, in_threads
from tracker.errors import DuplicateEvent, JobExists, JobFinished, TrackerError
from tracker.events import Event
from tracker.projection import fold
from tracker.receipt import Receipt
from tracker.runtime import Tracker
from tracker.times import now

Nodes = tuple[Tracker, Tracker]
_ROUNDS = 30


def _both(nodes: Nodes, *events: Event) -> list[int | TrackerError]:
    """The same moment, an event on each node: where it was recorded, or why it was not."""
    outcomes: dict[int, int | TrackerError] = {}

    def record(node: int) -> None:
        receipt: Receipt = nodes[node].recorder.record(events[node])
        try:
            outcomes[node] = receipt.wait(WAIT)
        except TrackerError as refusal:
            outcomes[node] = refusal

    in_threads(partial(record, 0), partial(record, 1))
    return [outcomes[0], outcomes[1]]


def _demand_consistency(node: Tracker, count: int) -> None:
    rows = node.recorder.ask(lambda writer: writer.read(0, count + 1))
    assert [row.position for row in rows] == list(range(1, count + 1))
    for job_id in {row.job_id for row in rows}:
        own = [row for row in rows if row.job_id == job_id]
        assert [row.sequence for row in own] == list(range(1, len(own) + 1))
        assert node.recorder.ask(methodcaller("load_job", job_id)) == fold(own)


def test_jobs_that_both_nodes_report_on_are_the_fold_of_their_events(nodes: Nodes) -> None:
    jobs = [f"job-{number}" for number in range(5)]
    for job_id in jobs:
        nodes[0].recorder.record(started(job_id)).wait(WAIT)

    def work(name: int) -> None:
        rng = random.Random(name)
        for _ in range(_ROUNDS):
            # Several jobs in one transaction, in any order: nodes that wait for each other would never end.
            picked = rng.sample(jobs, 3)
            nodes[name % 2].recorder.record(*(progressed(job_id, rng.randrange(100)) for job_id in picked)).wait(WAIT)

    in_threads(*(partial(work, name) for name in range(8)))
    for node in nodes:
        _demand_consistency(node, len(jobs) + 8 * _ROUNDS * 3)


@pytest.mark.parametrize("attempt", range(5))
def test_a_job_that_is_started_on_both_at_once_is_one_job(nodes: Nodes, attempt: int) -> None:
    assert _both(nodes, started("a"), started("a")) == [1, 1]
    _demand_consistency(nodes[attempt % 2], 1)


@pytest.mark.parametrize("attempt", range(5))
def test_of_two_jobs_with_one_id_the_second_is_refused(nodes: Nodes, attempt: int) -> None:
    outcomes = _both(nodes, started("a", photo_id=1), started("a", photo_id=2))
    assert sorted(map(type, outcomes), key=str) == sorted([int, JobExists], key=str)
    _demand_consistency(nodes[attempt % 2], 1)


@pytest.mark.parametrize("attempt", range(5))
def test_an_event_id_is_taken_once(nodes: Nodes, attempt: int) -> None:
    nodes[0].recorder.record(started("a")).wait(WAIT)
    nodes[0].recorder.record(started("b")).wait(WAIT)
    same = _both(nodes, progressed("a", 1, event_id="e1"), progressed("a", 1, event_id="e1"))
    assert same == [3, 3]
    other = _both(nodes, progressed("a", 1, event_id="e2"), progressed("b", 1, event_id="e2"))
    assert sorted(map(type, other), key=str) == sorted([int, DuplicateEvent], key=str)
    _demand_consistency(nodes[attempt % 2], 4)


def test_what_one_node_finished_the_other_refuses(nodes: Nodes) -> None:
    here, there = nodes
    here.recorder.record(started("a")).wait(WAIT)
    there.recorder.record(progressed("a")).wait(WAIT)
    here.recorder.record(completed("a")).wait(WAIT)
    with pytest.raises(JobFinished):
        there.recorder.record(progressed("a")).wait(WAIT)
    assert there.recorder.ask(lambda writer: writer.load_job("a")).status == "completed"


def test_nodes_that_prune_and_write_at_once_wait_for_nobody_in_vain(nodes: Nodes) -> None:
    def write(name: int) -> None:
        for number in range(_ROUNDS):
            job_id = f"{name}-{number}"
            nodes[name].recorder.record(started(job_id), progressed(job_id), completed(job_id)).wait(WAIT)

    def prune(name: int) -> None:
        for _ in range(_ROUNDS):
            nodes[name].recorder.ask(lambda writer: writer.prune(now(), now(), 10))

    in_threads(*(partial(work, name) for work in (write, prune) for name in (0, 1)))
    everything = now() + 1
    for node in nodes:
        while not node.recorder.ask(lambda writer: writer.prune(everything, everything, 100)).done:
            pass
    assert nodes[0].recorder.ask(lambda writer: writer.read(0, 10)) == []
    head = nodes[1].recorder.ask(lambda writer: writer.head())
    assert (head.position, head.horizon) == (2 * _ROUNDS * 3, 2 * _ROUNDS * 3)
