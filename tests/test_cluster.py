from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from tests.cluster import Cluster

KILLED = """
import os, signal
from tests.cluster import Cluster
cluster = Cluster()
print(cluster.port, cluster._folder, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_each_database_is_its_own(cluster: Cluster) -> None:
    first, second = cluster.create_database(), cluster.create_database()
    with psycopg.connect(cluster.url(first)) as connection:
        connection.execute("CREATE TABLE only_here (id int)")
    with psycopg.connect(cluster.url(second)) as connection, pytest.raises(psycopg.errors.UndefinedTable):
        connection.execute("SELECT * FROM only_here")
    for name in (first, second):
        cluster.drop_database(name)


def test_it_compares_as_most_servers_do(cluster: Cluster) -> None:
    with psycopg.connect(cluster.url("postgres")) as connection:
        assert connection.execute("SELECT 'a' < 'B'").fetchone() == (True,)


def test_nothing_is_left_when_the_tests_are_killed() -> None:
    done = subprocess.run([sys.executable, "-c", KILLED], capture_output=True, text=True, check=False)
    port, folder = done.stdout.split()
    deadline = time.monotonic() + 20
    while Path(folder).exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not Path(folder).exists()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(f"postgresql://tester:secret@127.0.0.1:{port}/postgres")


def test_without_the_programs_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    monkeypatch.setattr(Path, "glob", lambda *_: iter(()))
    with pytest.raises(RuntimeError, match="apt-get install postgresql"):
        Cluster()
