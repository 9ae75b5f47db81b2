"""Those who ask too often are told to wait, and the others are not."""

from __future__ import annotations

import aiohttp
import pytest
import time_machine

from api.limits import REFUSED_TOKENS_A_MINUTE, RateLimits, TooManyRequests
from api.websocket_server import WebSocketServer
from tests.api.test_gate import Guest, Keys
from tracker.progress_reporter import ProgressReporter
from tracker.settings import Settings


def refused(limits: RateLimits, address: str, asked: int) -> int:
    count = 0
    for _ in range(asked):
        try:
            limits.demand_address(address)
        except TooManyRequests:
            count += 1
    return count


def test_a_second_has_so_many_requests_and_the_next_one_again() -> None:
    with time_machine.travel(1_000_000, tick=False) as clock:
        limits = RateLimits(5)
        assert refused(limits, "a", 8) == 3
        assert refused(limits, "b", 5) == 0
        clock.shift(1.5)
        assert refused(limits, "a", 5) == 0


def test_a_token_and_an_address_are_counted_apart() -> None:
    with time_machine.travel(1_000_000, tick=False):
        limits = RateLimits(1)
        limits.demand_address("a")
        limits.demand_token("a")
        with pytest.raises(TooManyRequests) as caught:
            limits.demand_token("a")
    assert caught.value.fields() == {"retry_after": 1}


def test_who_guesses_is_stopped_for_a_minute() -> None:
    with time_machine.travel(1_000_020, tick=False) as clock:
        limits = RateLimits(10**6)
        for _ in range(REFUSED_TOKENS_A_MINUTE):
            limits.refused_token("a")
        with pytest.raises(TooManyRequests):
            limits.refused_token("a")
        limits.refused_token("b")
        clock.shift(61)
        limits.refused_token("a")


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

    async def test_it_is_stopped(self, served: ProgressReporter, server: WebSocketServer) -> None:
        async with aiohttp.ClientSession() as session:
            guest = Guest(server.url, session, "nonsense")
            seen: set[str] = set()
            while "tokens within a minute" not in str(seen):
                seen.add((await guest.ask("GET", "/jobs"))[1]["error"])


async def test_programs_of_this_machine_are_trusted(served: ProgressReporter, server: WebSocketServer) -> None:
    async with aiohttp.ClientSession() as session:
        guest = Guest(server.url, session, None)
        assert {(await guest.ask("GET", "/healthz"))[0] for _ in range(600)} == {200}
