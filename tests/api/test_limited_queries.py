"""What a token that is limited to some jobs learns by asking for jobs in every way there is: nothing of the others.

Each question is asked twice: by a limited token, and by one that may see all, which shows that there was something to
hide.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote, urlencode

import aiohttp
import pytest

from api.websocket_server import WebSocketServer
from tests.api.clients import PATIENCE_SECONDS
from tests.api.test_gate import Guest, Keys
from tests.api.test_job_routes import ids
from tracker.progress_reporter import ProgressReporter
from tracker.settings import Settings

_OLD, _FAR = "2000-01-01T00:00:00Z", "2999-01-01T00:00:00Z"
# Each finds the hidden job; its twin of the other prefix, or another of it, is found beside it.
_FILTERS: list[dict[str, Any]] = [
    {},
    {"status": "failed"},
    {"status": "active"},
    {"status": "completed"},
    {"stage": "exporting"},
    {"photo_id": "7"},
    {"since": _OLD},
    {"until": _FAR},
    {"since": _OLD, "until": _FAR},
    {"q": "secret"},
    {"q": "b/"},
    {"q": "writ"},
    {"error_type": "disk"},
    *({"sort": sign + name} for name in ("started", "updated", "completed", "duration") for sign in ("", "-")),
    {"status": "failed", "q": "secret", "error_type": "disk", "photo_id": "7", "since": _OLD},
]
_CHANGING = [
    {},
    {"status": "active"},
    {"status": "failed"},
    {"stage": "exif_analysis"},
    {"q": "secret"},
    {"photo_id": "7"},
]


@pytest.fixture
def settings(database_url: str) -> Settings:
    return Settings(database_url=database_url, require_token=True)


def _fill(served: ProgressReporter, prefix: str) -> None:
    """A job that fails, one that completes and one that goes on; positions 1 to 12, or 13 to 24."""
    served.start_job(f"{prefix}failed", 7, {"file_name": "secret.nef"})
    served.update_progress(f"{prefix}failed", "exif_analysis", 30, "Reading")
    served.report_error(f"{prefix}failed", "disk", "The secret is lost", stage="exif_analysis")
    served.complete_job(f"{prefix}failed", success=False)
    served.start_job(f"{prefix}done", 7, {"file_name": "secret.nef"})
    served.complete_stage(f"{prefix}done", "importing")
    served.complete_stage(f"{prefix}done", "exif_analysis")
    served.complete_job(f"{prefix}done")
    served.start_job(f"{prefix}busy", 7, {"file_name": "secret.nef"})
    served.complete_stage(f"{prefix}busy", "importing")
    served.update_progress(f"{prefix}busy", "exporting", 60, "Writing")
    served.update_progress(f"{prefix}busy", "exporting", 90, "Writing")


class Both:
    """A token of ``a/`` and one of everything."""

    def __init__(self, limited: Guest, everyone: Guest) -> None:
        self.limited = limited
        self.everyone = everyone

    async def ask(self, path: str, **query: Any) -> tuple[Any, Any]:
        asked = f"{path}?{urlencode(query)}"
        (status, limited), (control, whole) = [await one.ask("GET", asked) for one in (self.limited, self.everyone)]
        assert (status, control) == (200, 200), (limited, whole)
        return limited, whole


@pytest.fixture
async def both(served: ProgressReporter, server: WebSocketServer, settings: Settings) -> AsyncIterator[Both]:
    for prefix in ("b/", "a/"):
        _fill(served, prefix)
    served.flush()
    keys = Keys(settings.database_url)
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PATIENCE_SECONDS)) as session:
        tokens = keys.make("read", prefixes=("a/",)), keys.make("read")
        yield Both(*(Guest(server.url, session, token) for token in tokens))
    keys.close()


def _own(job_ids: list[str]) -> list[str]:
    return [job_id for job_id in job_ids if job_id.startswith("a/")]


@pytest.mark.parametrize("query", _FILTERS, ids=urlencode)
async def test_every_filter_finds_and_counts_its_own_jobs(both: Both, query: dict[str, Any]) -> None:
    limited, whole = await both.ask("/jobs", **query, total="true")
    assert ids(limited) == _own(ids(whole))
    assert len(ids(limited)) < len(ids(whole))
    assert limited["total"] == len(ids(limited))
    assert "b/" not in str(limited)


@pytest.mark.parametrize("query", [{}, {"sort": "duration"}, {"q": "secret"}, {"as_of": "24"}], ids=urlencode)
async def test_pages_go_on_within_its_own_jobs_also_behind_a_cursor_of_another_token(
    both: Both, query: dict[str, Any]
) -> None:
    found: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = (await both.limited.ask("GET", f"/jobs?{urlencode({**query, **cursor, 'limit': 1})}"))[1]
        found += ids(page)
        if "cursor" not in page:
            break
        cursor = {"cursor": page["cursor"]}
    assert found == ids((await both.ask("/jobs", **query))[0])
    foreign = (await both.ask("/jobs", **query, limit=1))[1]["cursor"]
    assert "b/" not in str((await both.limited.ask("GET", f"/jobs?{urlencode({**query, 'cursor': foreign})}"))[1])


@pytest.mark.parametrize("query", _CHANGING, ids=urlencode)
@pytest.mark.parametrize("position", [3, 6, 12, 15, 22, 24])
async def test_as_of_has_its_own_jobs_as_they_were(both: Both, query: dict[str, Any], position: int) -> None:
    limited, whole = await both.ask("/jobs", **query, as_of=position)
    assert ids(limited) == _own(ids(whole))
    assert "b/" not in str(limited)
    one = await both.limited.ask("GET", f"/jobs/{quote('b/failed', safe='')}?as_of={position}")
    assert (one[0], one[1]["code"]) == (404, "job_not_found")


async def test_a_job_that_it_may_not_see_is_as_one_that_is_not_there(both: Both) -> None:
    paths = ("/jobs/{}", "/jobs/{}/events", "/jobs/{}/timeline", "/jobs/diff?a={}&b=a/done", "/jobs/diff?a=a/done&b={}")
    for path in (*paths, "/jobs/diff?a={0}&b={0}", "/jobs/diff?a={}&b=typical"):
        hidden, nobody = [
            await both.limited.ask("GET", path.format(quote(job_id, safe=""))) for job_id in ("b/done", "b/none")
        ]
        assert (hidden[0], hidden[1]["code"]) == (404, "job_not_found"), path
        assert str(hidden[1]).replace("b/done", "b/none") == str(nobody[1]), path
        if path != "/jobs/diff?a={}&b=typical":
            assert (await both.everyone.ask("GET", path.format(quote("b/done", safe=""))))[0] == 200, path


async def test_its_own_timelines_and_comparisons_are_whole(both: Both) -> None:
    for path in ("/jobs/a%2Fdone/timeline", "/jobs/diff?a=a/failed&b=a/done"):
        (status, limited), (_, whole) = [await one.ask("GET", path) for one in (both.limited, both.everyone)]
        assert (status, limited) == (200, whole)


async def test_what_is_typical_is_of_its_own_jobs(both: Both) -> None:
    # Only the other prefix has a second job like this one.
    typical = "/jobs/diff?a=a/done&b=typical"
    assert (await both.everyone.ask("GET", typical))[1]["diff"]["b"]["jobs"] == 1
    refused = await both.limited.ask("GET", typical)
    assert (refused[0], refused[1]["code"]) == (404, "no_history")


@pytest.mark.parametrize(
    "query", ["", "?group_by=stage", "?group_by=error_type", "?group_by=status", "?as_of=12", f"?since={_OLD}"]
)
async def test_statistics_are_of_all_jobs_and_so_not_for_it(both: Both, query: str) -> None:
    refused = await both.limited.ask("GET", f"/stats{query}")
    assert (refused[0], refused[1]["code"]) == (403, "forbidden")
    assert "b/" not in str(refused[1])
    assert (await both.everyone.ask("GET", f"/stats{query}"))[0] == 200
