"""HTTP to one server, over one connection that is kept open."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import msgspec

from tracker.errors import ServerRefused, ServerUnreachable
from tracker.remote.answers import Later, Meaning, meaning

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse

_CONNECT_SECONDS, _ANSWER_SECONDS = 5.0, 30.0
_decode = msgspec.json.Decoder(dict[str, Any]).decode


class Connection:
    """Asks a server; ``token`` goes with every request. Any thread."""

    def __init__(self, url: str, token: str | None) -> None:
        """``url`` as :func:`tracker.server_url.base_url` writes it."""
        from urllib3 import PoolManager, Timeout

        self._url = url
        self._headers = {"Content-Type": "application/json", "User-Agent": "jobreel"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        # Two: the sender's, and that of who asks for a job meanwhile. Nothing is tried again, or followed elsewhere,
        # behind our back.
        self._pool = PoolManager(
            num_pools=1, maxsize=2, retries=False, timeout=Timeout(connect=_CONNECT_SECONDS, read=_ANSWER_SECONDS)
        )

    def post_events(self, texts: Sequence[bytes]) -> Meaning:
        """Have events recorded, in one transaction or not at all; what came of it."""
        from urllib3.exceptions import HTTPError

        body = b"[" + b",".join(texts) + b"]"
        try:
            answer = self._pool.request("POST", f"{self._url}/events", body=body, headers=self._headers)
        except HTTPError as error:
            return Later(_problem(error))
        return meaning(answer.status, answer.headers, answer.data, len(texts))

    def get(self, path: str, *names: str) -> dict[str, Any] | None:
        """The JSON at a path, to which ``names`` are added; None where there is nothing.

        Raises:
            ServerUnreachable: If no server of ours answers.
            ServerRefused: If it does not answer this.
        """
        from urllib3.exceptions import HTTPError

        place = "/".join([f"{self._url}{path}", *(quote(name, safe="") for name in names)])
        try:
            answer = self._pool.request("GET", place, headers=self._headers)
        except HTTPError as error:
            raise ServerUnreachable(self._url, f"No answer from {self._url}: {_problem(error)}.") from None
        body = self._body(answer)
        if answer.status in (404, 410):
            return None
        if answer.status != 200:
            raise ServerRefused(self._url, str(body.get("error")), str(body.get("code")))
        return body

    def close(self) -> None:
        """Close the connections."""
        self._pool.clear()

    def _body(self, answer: BaseHTTPResponse) -> dict[str, Any]:
        try:
            return _decode(answer.data)
        except (msgspec.DecodeError, UnicodeDecodeError):
            text = f"What answers at {self._url} is not a tracker's server (HTTP status {answer.status})."
            raise ServerUnreachable(self._url, text) from None


def _problem(error: Exception) -> str:
    from urllib3.exceptions import MaxRetryError, NameResolutionError, NewConnectionError, TimeoutError

    cause = error.reason if isinstance(error, MaxRetryError) and error.reason else error
    match cause:
        case NameResolutionError():
            return "there is no host of this name"
        case NewConnectionError():
            return "nobody listens there"
        case TimeoutError():
            return "no answer in time"
        case _:
            return f"the connection failed ({type(cause).__name__})"
