"""The README's examples of "Write less" and of reporting from other processes, as they stand."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from api.websocket_server import WebSocketServer
from tracker.progress_reporter import ProgressReporter

_ROOT = Path(__file__).resolve().parents[2]
_README = (_ROOT / "README.md").read_text(encoding="utf-8")
_BEFORE = """
from tracker.progress_reporter import ProgressReporter
photos = ["a.CR3", "b.CR3"]
def develop(photo):
    return {"photo": photo}
"""
# What each example leaves in the log: jobs, with how they ended.
_LEAVES = {
    "stage.result": {"job_2"},
    "integrations.tqdm": {"export_1"},
    "integrations.rich": {"export_2"},
    "integrations.logging": {"import_1"},
    "integrations.pools": {"develop a.CR3", "develop b.CR3", "develop all"},
    'init_progress_reporter("http': {"job_4"},
}


def _example(holds: str) -> str:
    found = [block for block in re.findall(r"```python\n(.*?)```", _README, re.DOTALL) if holds in block]
    assert len(found) == 1, f"the README has {len(found)} examples with {holds!r}"
    example: str = found[0]
    return example


@pytest.mark.parametrize("holds", _LEAVES)
def test_an_example_does_what_it_says(
    holds: str, served: ProgressReporter, server: WebSocketServer, tmp_path: Path
) -> None:
    example = _example(holds).replace("http://127.0.0.1:5100", server.url)
    script = tmp_path / "example.py"
    body = f'with ProgressReporter("{server.url}") as reporter:\n' + textwrap.indent(example, "    ")
    script.write_text(_BEFORE + 'if __name__ == "__main__":\n' + textwrap.indent(body, "    "), encoding="utf-8")
    environment = {**os.environ, "TRACKER_SPOOL_FOLDER": str(tmp_path / "spool"), "PYTHONPATH": str(_ROOT)}
    ran = subprocess.run([sys.executable, str(script)], env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    for job_id in _LEAVES[holds]:
        status = served.get_job_status(job_id)
        assert status is not None, f"{job_id} was not reported"
        assert status["status"] == "completed"


_WORK = """
from celery.contrib.testing.worker import start_worker
if __name__ == "__main__":
    with start_worker(app, perform_ping_check=False, pool="solo"):
        print(develop.delay("a.CR3").id)
        import time
        from tracker.client import subscribe
        import asyncio, os
        async def wait():
            async for event in subscribe(os.environ["TRACKER_URL"], after=0):
                if event["type"] in ("job_completed", "job_failed"):
                    return
        asyncio.run(asyncio.wait_for(wait(), 60))
"""


def test_the_celery_example_reports_its_tasks(
    served: ProgressReporter, server: WebSocketServer, tmp_path: Path
) -> None:
    script = tmp_path / "photos.py"
    script.write_text(_example("integrations.celery") + _WORK, encoding="utf-8")
    environment = {**os.environ, "TRACKER_SPOOL_FOLDER": str(tmp_path / "spool"), "PYTHONPATH": str(_ROOT)}
    environment |= {"TRACKER_URL": server.url, "CELERY_BROKER_URL": "memory://"}
    ran = subprocess.run(
        [sys.executable, str(script)], env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    assert ran.returncode == 0, ran.stderr
    status = served.get_job_status(ran.stdout.splitlines()[0])
    assert status is not None
    assert status["status"] == "completed"
