"""Those who ask too often are told to wait, and the others are not."""

from __future__ import annotations

import threading
import time
import tracemalloc
from collections import Counter

import aiohttp
import pytest
import time_machine

from api.limits import REFUSED_TOKENS_A_MINUTE, RateLimits, TooManyRequests
from api.websocket_server import WebSocketServer
from tests.api.clients import PATIENCE_SECONDS
from tests.api.test_gate import Guest, Keys
from tracker.progress_reporter import ProgressReporter
from tracker.settings import Settings

_CROWD = [f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}" for number in range(100_000)]


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 5000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def refused(limits: RateLimits, address: str, asked: int) -> int:
    count = 0
    for _ in range(asked):
        try:
            limits.demand_address(address)
        except TooManyRequests:
            count += 1
    return count


def guess(limits: RateLimits, address: str) -> None:
    for _ in range(REFUSED_TOKENS_A_MINUTE):
        limits.refused_token(address)


def test_a_second_has_so_many_requests_and_the_next_one_again(clock: Clock) -> None:
    limits = RateLimits(5, clock)
    assert refused(limits, "a", 8) == 3
    assert refused(limits, "b", 5) == 0
    clock.now += 0.99
    assert refused(limits, "a", 5) == 5
    clock.now += 0.02
    assert refused(limits, "a", 6) == 1


def test_a_token_and_an_address_are_counted_apart(clock: Clock) -> None:
    limits = RateLimits(1, clock)
    limits.demand_address("a")
    limits.demand_token("a")
    with pytest.raises(TooManyRequests, match="This token may ask 1 times a second") as caught:
        limits.demand_token("a")
    assert caught.value.fields() == {"retry_after": 1}


def test_who_guesses_is_stopped_for_the_rest_of_the_minute(clock: Clock) -> None:
    limits = RateLimits(10**6, clock)
    guess(limits, "a")
    clock.now += 20.5
    with pytest.raises(TooManyRequests, match=r"a sent 30 tokens .* Wait 40 s") as caught:
        limits.refused_token("a")
    assert caught.value.retry_after == 40
    limits.refused_token("b")
    clock.now += 39
    with pytest.raises(TooManyRequests):
        limits.refused_token("a")
    clock.now += 1
    guess(limits, "a")


def test_there_is_always_at_least_a_second_to_wait(clock: Clock) -> None:
    limits = RateLimits(1, clock)
    limits.demand_address("a")
    clock.now += 0.999
    with pytest.raises(TooManyRequests) as caught:
        limits.demand_address("a")
    assert caught.value.retry_after == 1


def test_what_was_counted_is_forgotten_with_its_window(clock: Clock) -> None:
    limits = RateLimits(5, clock)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for address in _CROWD:
            limits.demand_address(address)
            limits.refused_token(address)
        crowded = tracemalloc.get_traced_memory()[0] - before
        clock.now += 61
        limits.demand_address("a")
        limits.refused_token("a")
        left = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert crowded > 100 * len(_CROWD)  # the control: they were counted
    assert left < 10_000


def test_no_thread_is_kept_busy_by_who_asked() -> None:
    before = set(threading.enumerate())
    limits = RateLimits(10**6)
    for address in _CROWD[:1000]:
        limits.demand_address(address)
        limits.refused_token(address)
    assert set(threading.enumerate()) == before


def test_a_wall_clock_that_is_set_back_stops_nobody() -> None:
    limits = RateLimits(5)
    with time_machine.travel(1_800_000_000) as wall:
        assert refused(limits, "a", 8) == 3
        wall.shift(-3600)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while refused(limits, "a", 1) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert refused(limits, "a", 1) == 0


class TestServer:
    @pytest.fixture
    def settings(self, database_url: str) -> Settings:
        return Settings(database_url=database_url, require_token=True, requests_per_second=3)

    async def test_it_answers_429_with_the_time_to_wait_and_counts_it(
        self, served: ProgressReporter, server: WebSocketServer, settings: Settings
    ) -> None:
        keys = Keys(settings.database_url)
        token = keys.make("admin")
        keys.close()
        async with aiohttp.ClientSession() as session:
            guest = Guest(server.url, session, token)
            answers = [await guest.ask("GET", "/jobs") for _ in range(12)]
            body = next(body for status, body in answers if status == 429)
            assert (body["success"], body["code"], body["retry_after"]) == (False, "too_many_requests", 1)
            status = 0
            while status != 200:
                status, text = await guest.ask("GET", "/metrics")
        assert 'jobreel_requests_total{method="GET",route="/jobs",status="429"}' in text
        assert 'jobreel_refused_total{code="too_many_requests"}' in text


class TestGuessing:
    @pytest.fixture
    def settings(self, database_url: str) -> Settings:
        return Settings(database_url=database_url, require_token=True)

    async def test_it_is_stopped(self, served: ProgressReporter, server: WebSocketServer, settings: Settings) -> None:
        keys = Keys(settings.database_url)
        good = keys.make("read")
        keys.close()
        async with aiohttp.ClientSession() as session:
            guest = Guest(server.url, session, "nonsense")
            seen = Counter([(await guest.ask("GET", "/jobs"))[0] for _ in range(REFUSED_TOKENS_A_MINUTE + 5)])
            assert seen == {401: REFUSED_TOKENS_A_MINUTE, 429: 5}
            # Good tokens are not held up by bad ones of the same address.
            assert (await Guest(server.url, session, good).ask("GET", "/jobs"))[0] == 200

    async def test_it_is_stopped_in_a_first_message_as_well(
        self, served: ProgressReporter, server: WebSocketServer
    ) -> None:
        seen: Counter[str] = Counter()
        for _ in range(REFUSED_TOKENS_A_MINUTE + 5):
            async with aiohttp.ClientSession() as session, session.ws_connect(f"{server.url}/ws") as socket:
                await socket.send_json({"type": "auth", "token": "nonsense"})
                seen[(await socket.receive_json())["code"]] += 1
        assert seen == {"unauthorized": REFUSED_TOKENS_A_MINUTE, "too_many_requests": 5}


async def test_programs_of_this_machine_are_trusted(served: ProgressReporter, server: WebSocketServer) -> None:
    async with aiohttp.ClientSession() as session:
        guest = Guest(server.url, session, None)
        assert {(await guest.ask("GET", "/healthz"))[0] for _ in range(600)} == {200}
