"""A PostgreSQL server of the tests' own: in a temporary folder, on a free port, gone when they are."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import psycopg
from psycopg import sql

from tests.ports import free_port

_MISSING = (
    "The tests need PostgreSQL's server programs (initdb, pg_ctl), 15 or newer: on Debian and Ubuntu "
    "`apt-get install postgresql`, on macOS `brew install postgresql`."
)
# Enough for every test, little enough to start in a second.
_CONFIGURATION = """
listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = '{folder}'
max_connections = 60
shared_buffers = 16MB
min_wal_size = 32MB
max_wal_size = 64MB
autovacuum_naptime = 5s
fsync = {fsync}
synchronous_commit = on
"""
# Ends the server and removes the folder once its input closes: also when the tests are killed.
_KEEPER = 'cat >/dev/null; "$0" -D "$1/data" -m immediate stop >/dev/null 2>&1; rm -rf "$1"'


class Cluster:
    """A running server; ``url(name)`` names a database of it."""

    def __init__(self, *, syncs: bool = True, primary: Cluster | None = None) -> None:
        """``syncs``: whether commits outlive the machine; a kill of the server they outlive anyway.

        ``primary``: the server that this one is a standby of, until it is promoted.
        """
        self._syncs = syncs
        self._programs = _programs()
        self._user = _unprivileged()
        self._folder = Path(tempfile.mkdtemp(prefix="jobreel-postgres-"))
        if self._user is not None:
            shutil.chown(self._folder, self._user)
        self._keeper = subprocess.Popen(
            ["sh", "-c", _KEEPER, self._programs / "pg_ctl", self._folder],
            stdin=subprocess.PIPE,
            user=self._user,
            cwd=self._folder,
            start_new_session=True,  # Ctrl-C is for the tests: they close its input
        )
        self._databases = 0
        try:
            self._create() if primary is None else self._follow(primary)
            self.start()
        except BaseException:
            self.close()
            raise

    def url(self, database: str, user: str = "tester", password: str = "secret") -> str:
        """Where a database of this server is."""
        return f"postgresql://{user}:{password}@127.0.0.1:{self.port}/{database}"

    def execute(self, statement: sql.SQL | sql.Composed, database: str = "postgres") -> None:
        """Run a statement outside of a transaction."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            connection.execute(statement)

    def create_database(self, template: str = "template0") -> str:
        """A new database, a copy of another; returns its name."""
        self._databases += 1
        name = f"log{self._databases}"
        create = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        self.execute(create.format(sql.Identifier(name), sql.Identifier(template)))
        return name

    def drop_database(self, name: str) -> None:
        """Remove a database, whoever is still connected to it."""
        self.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    def copy_by_dump(self, source: str, target: str) -> None:
        """What ``pg_dump`` makes of a database, put in the place of another one by ``pg_restore``."""
        dump = self._folder / "dump"
        self._run("pg_dump", "--format=custom", f"--file={dump}", source)
        in_its_place = ("--clean", "--if-exists", "--single-transaction", "--exit-on-error")
        self._run("pg_restore", *in_its_place, f"--dbname={target}", dump)

    def start(self) -> None:
        """Start the server; returns when it answers."""
        self._run("pg_ctl", "-D", self._folder / "data", "-l", self._folder / "log", "-w", "start")

    def stop(self, mode: str = "immediate") -> None:
        """Stop the server: ``immediate`` is what a crash is, ``fast`` ends the sessions first."""
        self._run("pg_ctl", "-D", self._folder / "data", "-m", mode, "-w", "stop")

    def promote(self) -> None:
        """Make a standby a server that takes writes; returns when it does."""
        self._run("pg_ctl", "-D", self._folder / "data", "-w", "promote")

    def close(self) -> None:
        """Stop the server and remove everything."""
        self._keeper.communicate()

    def _create(self) -> None:
        password = self._folder / "password"
        password.write_text("secret")
        password.chmod(0o644)
        # The rules of a language, as most servers have them: what must be compared byte by byte says so itself.
        locale = ("--encoding=UTF8", "--locale=C", "--locale-provider=icu", "--icu-locale=en-US")
        access = ("--username=tester", "--auth=scram-sha-256", f"--pwfile={password}")
        self._run("initdb", "-D", self._folder / "data", "--no-sync", *locale, *access)
        self._configure()

    def _follow(self, primary: Cluster) -> None:
        origin = f"postgresql://tester:secret@127.0.0.1:{primary.port}/?application_name=standby"
        self._run("pg_basebackup", "-d", origin, "-D", self._folder / "data", "-R", "--checkpoint=fast", "--no-sync")
        self._configure()

    def _configure(self) -> None:
        self.port = free_port()
        settings = _CONFIGURATION.format(port=self.port, folder=self._folder, fsync="on" if self._syncs else "off")
        with (self._folder / "data" / "postgresql.conf").open("a") as file:
            file.write(settings)

    def _run(self, program: str, *arguments: str | Path) -> None:
        output = self._folder / "output"
        # Into a file, not a pipe: the server keeps what it inherits open, and the end of a pipe would never come.
        with output.open("w") as file:
            done = subprocess.run(
                [self._programs / program, *arguments],
                stdout=file,
                stderr=file,
                stdin=subprocess.DEVNULL,
                user=self._user,
                cwd=self._folder,
                check=False,
            )
        if done.returncode != 0:
            raise RuntimeError(f"{program} failed: {output.read_text()}")


def _programs() -> Path:
    found = shutil.which("initdb")
    if found is not None:
        return Path(found).resolve().parent
    # Debian keeps them off the path, a folder for each version.
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    if not versions:
        raise RuntimeError(_MISSING)
    return versions[-1].parent


def _unprivileged() -> str | None:
    """Whom to run the server as: it refuses root."""
    if sys.platform == "win32" or os.getuid() != 0:
        return None
    import pwd

    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"
