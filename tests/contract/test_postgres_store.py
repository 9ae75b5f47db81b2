from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import make_url

from tests.builders import completed, started
from tests.contract.log import Log
from tests.contract.test_sqlite_store import StoreContract
from tracker.errors import StoreError
from tracker.store.postgres import PostgresStore


class TestPostgresStore(StoreContract):
    @pytest.fixture
    def log(self, emptied_postgres_url: str) -> Iterator[Log]:
        url = make_url(emptied_postgres_url).set(drivername="postgresql+psycopg")
        log = Log(lambda: PostgresStore(url))
        yield log
        log.close()

    @pytest.mark.parametrize("table", ["events", "tombstones", "log_head", "audit"])
    def test_history_is_not_truncated(self, log: Log, table: str) -> None:
        log.append(started("a"), completed("a"))
        with pytest.raises(StoreError, match=r"only pruned|never changed"):
            log.execute(f"TRUNCATE {table}")
        assert log.positions() == [1, 2]
