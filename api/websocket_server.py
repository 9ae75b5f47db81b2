"""The embedded server: a tracker served from a thread of its own."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from tracker import event_loops
from tracker.errors import ServerError, TrackerError
from tracker.settings import Settings

if TYPE_CHECKING:
    from tracker.runtime import Tracker

_FINISH_SECONDS = 5.0


class WebSocketServer:
    """Serves HTTP and WebSocket clients of one tracker, from :meth:`attach` until that tracker is closed."""

    def __init__(self, host: str | None = None, port: int | None = None) -> None:
        """``host`` and ``port`` as in the settings when not given; port 0 takes a free one."""
        settings = Settings.load({"host": host, "port": port})
        self.host = settings.host
        self.port = settings.port
        self._is_secure = bool(settings.tls_cert)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Where it answers, ``http://127.0.0.1:5100``; ``https://`` with a certificate in the settings."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self._is_secure else 'http'}://{host}:{self.port}"

    def attach(self, tracker: Tracker) -> None:
        """Serve ``tracker``; returns when the server answers.

        Raises:
            InvalidSetting: If the certificate that the tracker's settings name cannot be used.
            ServerError: If it serves a tracker already, or cannot listen.
        """
        if self._thread is not None:
            raise ServerError(self.host, self.port, "this server already serves a tracker; make another one")
        ready = threading.Event()
        failure: list[BaseException] = []

        def run() -> None:
            try:
                event_loops.run(self._serve(tracker, ready.set), tracker.settings.database_url)
            except BaseException as error:  # noqa: BLE001  # raised again by attach(), in the caller's thread
                failure.append(error)
            finally:
                ready.set()

        self._thread = threading.Thread(target=run, name="tracker-server", daemon=True)
        self._thread.start()
        ready.wait()
        if failure:
            self._thread.join()
            self._thread = None
            raise failure[0]
        tracker.before_close(lambda: self._finish(tracker))

    def stop(self) -> None:
        """Send every client away, who resume with their cursors, and stop. Any thread; again is harmless."""
        thread, self._thread = self._thread, None
        if thread is not None and self._loop is not None:
            self._loop.call_soon_threadsafe(self._stop.set)
            thread.join(timeout=_FINISH_SECONDS)

    def _finish(self, tracker: Tracker) -> None:
        # The last events of a script that ends are streamed before its clients are sent away.
        with contextlib.suppress(TimeoutError, TrackerError):
            tracker.recorder.flush(_FINISH_SECONDS)
        self.stop()

    async def _serve(self, tracker: Tracker, on_ready: Callable[[], None]) -> None:
        from .serving import serving

        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        async with serving(tracker, self.host, self.port) as port:
            self.port = port
            self._is_secure = bool(tracker.settings.tls_cert)
            on_ready()
            await self._stop.wait()


_server: WebSocketServer | None = None


def get_websocket_server() -> WebSocketServer:
    """The process's server, on the host and port of the settings (127.0.0.1:5100).

    It listens once a reporter is made with it: ``init_progress_reporter(get_websocket_server())``.
    """
    global _server
    if _server is None:
        _server = WebSocketServer()
    return _server
