"""How often one address, or one token, may ask."""

from __future__ import annotations

from limits import RateLimitItemPerMinute, RateLimitItemPerSecond
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from tracker.errors import TrackerError

REFUSED_TOKENS_A_MINUTE = 30


class TooManyRequests(TrackerError):
    """This address, or this token, asks too often; ``retry_after`` in whole seconds."""

    code = "too_many_requests"
    public_fields = ("retry_after",)

    def __init__(self, text: str, retry_after: int) -> None:
        super().__init__(text)
        self.retry_after = retry_after


class RateLimits:
    """Counted in windows of a second, so that a burst of a second's worth is fine. Event loop only.

    What is counted is forgotten when its window is over: memory is bounded by what asks within a minute.
    """

    def __init__(self, requests_per_second: int) -> None:
        self._limiter = FixedWindowRateLimiter(MemoryStorage())
        self._requests = RateLimitItemPerSecond(requests_per_second)
        self._refusals = RateLimitItemPerMinute(REFUSED_TOKENS_A_MINUTE)

    def demand_address(self, address: str) -> None:
        """Count a request of an address, else raise :class:`TooManyRequests`."""
        self._demand("address", address, "This address")

    def demand_token(self, token_id: str) -> None:
        """Count a request of a token, else raise :class:`TooManyRequests`."""
        self._demand("token", token_id, "This token")

    def refused_token(self, address: str) -> None:
        """Count a token that was not good; raises :class:`TooManyRequests` where too many came from this address."""
        if not self._limiter.hit(self._refusals, "refused", address):
            most = REFUSED_TOKENS_A_MINUTE
            raise TooManyRequests(f"{address} sent {most} tokens within a minute that are not good. Wait one.", 60)

    def _demand(self, kind: str, key: str, who: str) -> None:
        if not self._limiter.hit(self._requests, kind, key):
            text = f"{who} may ask {self._requests.amount} times a second. Send events in batches, or wait a second."
            raise TooManyRequests(text, 1)
