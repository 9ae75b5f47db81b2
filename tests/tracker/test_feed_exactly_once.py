"""Every follower of the feed, however slow, sees every event of its filter once, in order, and can prove it."""

from __future__ import annotations

import json
from random import Random

import pytest

from tests.builders import completed, photo_info, progressed, started
from tests.tracker.readers import FollowedLog
from tests.tracker.recordings import recorded
from tracker import feed as feed_module
from tracker.events import Event, RecordedEvent
from tracker.feed import Delivery, Feed
from tracker.filters import EVERYTHING, EventFilter

FILTERS = [
    EVERYTHING,
    EventFilter(frozenset({"jobs"})),
    EventFilter(frozenset({"photos"})),
    EventFilter(frozenset({"job:0"})),
    EventFilter(frozenset({"job:1", "photos"})),
    EventFilter(frozenset({"jobs"}), frozenset({"job_completed"})),
]


class Client:
    """Reads pages while it is behind and takes commits at the tail; now and then it has no room."""

    def __init__(self, feed: Feed, wanted: EventFilter, after: int, last: int, random: Random) -> None:
        self.filter = wanted
        self.seen: list[tuple[int, int]] = []  # position, prev
        self.is_live = False
        self.cursor = self.began = after
        self._feed = feed
        self._last = last
        self._random = random

    def offer(self, delivery: Delivery) -> bool:
        assert self.is_live
        if self._random.random() < 0.3:
            self.is_live = False
            self.cursor = delivery.first - 1
            return False
        self._take(delivery)
        return True

    async def step(self) -> None:
        """One page, or the tail."""
        if self.is_live:
            return
        if self.cursor < self._feed.tail:
            self._take(await self._feed.page(self.cursor, self._last, self.filter))
        if self.cursor >= self._feed.tail:
            self.is_live = True
            self._feed.follow(self, self._last)

    def _take(self, delivery: Delivery) -> None:
        assert delivery.last >= self.cursor
        for event in delivery.events:
            self.seen.append((event.position, json.loads(event.text)["prev"]))
            self._last = event.position
        self.cursor = delivery.last


def some_log(random: Random, count: int) -> list[RecordedEvent]:
    events: list[Event] = [started(str(job)) for job in range(4)]
    for _ in range(count):
        job = str(random.randrange(4))
        events.append(random.choice([progressed(job), photo_info(job), progressed(job, message="x" * 50)]))
    return recorded(*events, *[completed(str(job)) for job in range(4)])


async def settle(log: FollowedLog, clients: list[Client]) -> None:
    while log.feed.tail < len(log.rows):
        log.commit(len(log.rows))
    while any(not client.is_live for client in clients):
        for client in clients:
            await client.step()


@pytest.mark.parametrize("seed", range(60))
async def test_each_client_sees_each_event_once_in_order_with_an_unbroken_chain(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = Random(seed)
    monkeypatch.setattr(feed_module, "PAGE_EVENTS", random.choice([3, 10, 500]))
    monkeypatch.setattr(feed_module, "PIECE_BYTES", random.choice([300, 2000, 10**6]))
    monkeypatch.setattr(feed_module, "PAGE_BYTES", random.choice([300, 2000, 10**6]))
    rows = some_log(random, 150)
    log = FollowedLog(rows, known=random.choice([0, 20]), ring_events=random.choice([0, 5, 40, 1000]))
    clients: list[Client] = []
    while log.feed.tail < len(rows):
        match random.choice(["commit", "commit", "step", "step", "step", "join", "during"]):
            case "commit":
                log.commit(min(len(rows), log.feed.tail + random.randint(1, 12)))
            case "during":
                head = min(len(rows), log.feed.tail + 3)
                log.reader.before_read = lambda head=head: log.commit(head) if log.feed.tail < head else None
            case "join":
                wanted = random.choice(FILTERS)
                after = random.randint(0, log.feed.tail)
                last = max([row.position for row in rows[:after] if wanted.matches(row)], default=0)
                clients.append(Client(log.feed, wanted, after, last, random))
            case _ if clients:
                await random.choice(clients).step()
    await settle(log, clients)
    assert clients
    for client in clients:
        wanted_positions = [row.position for row in rows if client.filter.matches(row)]
        assert [position for position, _ in client.seen] == [one for one in wanted_positions if one > client.began]
        chain = dict(zip(wanted_positions, [0, *wanted_positions], strict=False))
        assert all(prev == chain[position] for position, prev in client.seen)


async def test_the_check_above_sees_a_lost_event() -> None:
    rows = some_log(Random(0), 10)
    log = FollowedLog(rows)
    client = Client(log.feed, EVERYTHING, 0, 0, Random(0))
    client.is_live = True
    log.commit(5)  # it believes to be live, and follows nothing
    log.feed.follow(client, 0)
    while log.feed.tail < len(rows):
        log.commit(log.feed.tail + 1)
    assert [position for position, _ in client.seen] != list(range(1, len(rows) + 1))
