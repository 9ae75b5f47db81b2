"""How often one address, or one token, may ask."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from limits import RateLimitItem, RateLimitItemPerMinute, RateLimitItemPerSecond
from limits.storage import Storage
from limits.strategies import FixedWindowRateLimiter

from tracker.errors import TrackerError

REFUSED_TOKENS_A_MINUTE = 30
_Clock = Callable[[], float]


class TooManyRequests(TrackerError):
    """This address, or this token, asks too often; ``retry_after`` in whole seconds, from 1."""

    code = "too_many_requests"
    public_fields = ("retry_after",)

    def __init__(self, text: str, retry_after: int) -> None:
        super().__init__(text)
        self.retry_after = retry_after


class RateLimits:
    """Counted in windows of a second, so that a burst of a second's worth is fine. Event loop only.

    What is counted is forgotten when its window is over: memory is bounded by what asks within a minute.
    """

    def __init__(self, requests_per_second: int, clock: _Clock = time.monotonic) -> None:
        """``clock``: seconds, from anywhere, never set back."""
        self._requests = _Limit(RateLimitItemPerSecond(requests_per_second), clock)
        self._refusals = _Limit(RateLimitItemPerMinute(REFUSED_TOKENS_A_MINUTE), clock)
        self._a_second = requests_per_second

    def demand_address(self, address: str) -> None:
        """Count a request of an address, else raise :class:`TooManyRequests`."""
        self._demand("address", address, "This address")

    def demand_token(self, token_id: str) -> None:
        """Count a request of a token, else raise :class:`TooManyRequests`."""
        self._demand("token", token_id, "This token")

    def refused_token(self, address: str) -> None:
        """Count a token that was not good; raises :class:`TooManyRequests` where too many came from this address."""
        if not self._refusals.hit(address):
            seconds = self._refusals.seconds_left()
            sent = f"{address} sent {REFUSED_TOKENS_A_MINUTE} tokens within a minute that are not good"
            raise TooManyRequests(f"{sent}. Wait {seconds} s.", seconds)

    def _demand(self, kind: str, key: str, who: str) -> None:
        if not self._requests.hit(kind, key):
            text = f"{who} may ask {self._a_second} times a second. Send events in batches, or wait a second."
            raise TooManyRequests(text, self._requests.seconds_left())


class _Limit:
    def __init__(self, item: RateLimitItem, clock: _Clock) -> None:
        self._item = item
        self._clock = clock
        self._window = _Window(clock)
        self._limiter = FixedWindowRateLimiter(self._window)

    def hit(self, *key: str) -> bool:
        return self._limiter.hit(self._item, *key)

    def seconds_left(self) -> int:
        return max(1, math.ceil(self._window.ends - self._clock()))


class _Window(Storage):
    """Counts of one limit. Everybody's window is the same one, and all counts go when it is over.

    Not the library's own memory. That one has a thread look at every key a hundred times a second: after a flood from
    many addresses it takes most of a processor, and it fails on a key that the event loop forgets meanwhile. And it
    believes the wall clock: when that is set back an hour, whoever was just asking is refused for an hour.
    """

    STORAGE_SCHEME = None

    def __init__(self, clock: _Clock) -> None:
        super().__init__()
        self._clock = clock
        self._counts: dict[str, int] = {}
        self.ends = clock()

    @property
    def base_exceptions(self) -> tuple[type[Exception], ...]:
        return ()

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        if self._is_over():
            self.ends = self._clock() + expiry
        count = self._counts[key] = self._counts.get(key, 0) + amount
        return count

    def get(self, key: str) -> int:
        return 0 if self._is_over() else self._counts.get(key, 0)

    def get_expiry(self, key: str) -> float:  # noqa: ARG002  # the same for all
        return self.ends

    def check(self) -> bool:
        return True

    def reset(self) -> int:
        counted, self._counts = len(self._counts), {}
        return counted

    def clear(self, key: str) -> None:
        self._counts.pop(key, None)

    def _is_over(self) -> bool:
        is_over = self._clock() >= self.ends
        if is_over and self._counts:
            self._counts = {}
        return is_over
