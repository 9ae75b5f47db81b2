"""A token from its making to its end, by the commands alone."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from pathlib import Path

import aiohttp
import pytest

from tests.api.clients import PATIENCE_SECONDS
from tracker.client import ServerRefused, subscribe

from .conftest import Run, Start


@pytest.fixture
def url(start: Start, run: Run, monkeypatch: pytest.MonkeyPatch) -> str:
    """Where a server is that asks for a token."""
    run("token", "create", "--name", "nobody's", "--scope", "admin")  # without any token it would not start
    monkeypatch.setenv("TRACKER_REQUIRE_TOKEN", "yes")
    return start("serve", "--port", "0").line("Serving on ").split()[-1]


def _create(run: Run, name: str, scope: str = "read") -> str:
    return run("token", "create", "--name", name, "--scope", scope).stdout.strip()


async def _report(url: str, job_id: str, token: str) -> int:
    headers = {"Authorization": f"Bearer {token}"}
    async with aiohttp.request("POST", f"{url}/progress/start", json={"job_id": job_id}, headers=headers) as answer:
        return answer.status


async def test_tail_shows_what_its_token_lets_it_see_until_that_is_revoked(
    start: Start, run: Run, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = await asyncio.to_thread(_create, run, "wall")
    reports = await asyncio.to_thread(_create, run, "lightroom", "report")
    monkeypatch.setenv("TRACKER_TOKEN", reads)
    tail = start("tail", "--url", url, "--after", "0")
    assert await _report(url, "j", reads) == 403
    assert await _report(url, "j", reports) == 200
    assert "j  started" in await asyncio.to_thread(tail.line, "started")
    await asyncio.to_thread(run, "token", "revoke", "wall")
    code, out, err = await asyncio.to_thread(tail.end)
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert err.startswith(
        f"Error: The server at {url} refused: the token was revoked or has expired. Name a good token"
    )
    assert reads not in err
    assert await _report(url, "k", reports) == 200  # the other token is as good as before


async def test_without_a_good_token_tail_says_what_to_do(run: Run, url: str, tmp_path: Path) -> None:
    elsewhere = str(tmp_path / "other.db")
    create = ("token", "create", "--name", "a", "--scope", "read", "--database", elsewhere)
    unknown = (await asyncio.to_thread(run, *create)).stdout.strip()
    for token in (unknown, "anything"):
        refused = await asyncio.to_thread(run, "tail", "--url", url, "--token", token, "--no-follow")
        assert (refused.exit_code, refused.stdout, refused.stderr.count("\n")) == (1, "", 1)
        assert "Name a good token in TRACKER_TOKEN; `tracker token create` makes one." in refused.stderr
        assert token not in refused.stderr


async def test_a_program_sees_the_jobs_of_its_token_and_no_others(run: Run, url: str) -> None:
    create = ("token", "create", "--name", "booth", "--scope", "read,report", "--job-prefix", "booth_")
    token = (await asyncio.to_thread(run, *create)).stdout.strip()
    everything = await asyncio.to_thread(_create, run, "all", "report")
    assert [await _report(url, job_id, everything) for job_id in ("booth_1", "other_1", "booth_2")] == [200] * 3
    assert await _report(url, "other_2", token) == 403
    async with asyncio.timeout(PATIENCE_SECONDS), aclosing(subscribe(url, after=0, token=token)) as events:
        assert [(await anext(events))["job_id"] for _ in range(2)] == ["booth_1", "booth_2"]
        waiting = asyncio.ensure_future(anext(events))
        await asyncio.to_thread(run, "token", "revoke", "booth")
        with pytest.raises(ServerRefused):
            await waiting
