"""A dump that PostgreSQL's own tools make, and a log that they make of it."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from api.cli.group import tracker
from tests.builders import completed, progressed, started
from tests.cluster import Cluster
from tests.tracker.doubles import WAIT
from tracker.runtime import Tracker
from tracker.settings import Settings
from tracker.times import now


def _filled(url: str) -> None:
    with Tracker(Settings(database_url=url)) as node:
        for number in range(20):
            job_id = f"job-{number}"
            node.recorder.record(started(job_id), progressed(job_id), completed(job_id))
        node.recorder.flush(WAIT)
        node.recorder.ask(lambda writer: writer.prune(now() + 1, now() + 1, 10))
        node.recorder.record(started("job ä"), progressed("job ä", message="…")).wait(WAIT)


def _exported(url: str, file: Path) -> bytes:
    done = CliRunner().invoke(tracker, ["--database", url, "export", "--output", str(file)])
    assert done.exit_code == 0, done.output
    return file.read_bytes()


def test_a_dump_in_the_place_of_a_log_is_that_log_and_goes_on(
    cluster: Cluster, postgres_url: str, empty_postgres: str, tmp_path: Path
) -> None:
    _filled(postgres_url)
    again = cluster.url(cluster.create_database(template=empty_postgres))
    with Tracker(Settings(database_url=again)) as node:
        node.recorder.record(started("not in the dump")).wait(WAIT)
    cluster.copy_by_dump(postgres_url, again)
    verified = CliRunner().invoke(tracker, ["--database", again, "verify"])
    assert verified.exit_code == 0, verified.output
    assert _exported(again, tmp_path / "again.jsonl") == _exported(postgres_url, tmp_path / "log.jsonl")
    with Tracker(Settings(database_url=again)) as node:
        head = node.recorder.ask(lambda writer: writer.head())
        assert node.recorder.record(completed("job ä")).wait(WAIT) == head.position + 1
