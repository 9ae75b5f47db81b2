"""The log's tables. The migrations' metadata; a test holds the two against each other."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)

# SQLite makes only INTEGER PRIMARY KEY the row's own key; a BIGINT one would be a second index.
_Position = BigInteger().with_variant(Integer, "sqlite")
# Compared byte by byte, as SQLite does: a PostgreSQL database has the rules of some language.
_Text = Text().with_variant(Text(collation="C"), "postgresql")

events = Table(
    "events",
    metadata,
    Column("position", _Position, primary_key=True, autoincrement=False),
    Column("job_id", _Text, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("type", _Text, nullable=False),
    Column("recorded_at", BigInteger, nullable=False),  # microseconds UTC
    Column("event_id", _Text),
    Column("payload", _Text, nullable=False),  # JSON, spliced into messages as it is
    UniqueConstraint("job_id", "sequence"),
    Index(
        "uq_events_event_id",
        "event_id",
        unique=True,
        sqlite_where=text("event_id IS NOT NULL"),
        postgresql_where=text("event_id IS NOT NULL"),
    ),
)

jobs = Table(
    "jobs",
    metadata,
    Column("job_id", _Text, primary_key=True),
    Column("status", _Text, nullable=False),
    Column("started_position", BigInteger, nullable=False),
    Column("position", BigInteger, nullable=False),
    # From here on what jobs are listed by: times in microseconds UTC, seconds.
    Column("stage", _Text, nullable=False),
    Column("photo_id", _Text),
    Column("started_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("completed_at", BigInteger),  # what retention goes by, too
    Column("duration", Double),
    Column("error_types", _Text),  # each as JSON between two line ends; NULL for none
    Column("message", _Text),  # folded, while the job is active; then it is in job_texts
    Column("state", _Text, nullable=False),  # the whole Job as JSON
    Index("ix_jobs_started_position", "started_position"),
    Index("ix_jobs_started_at", "started_at", "started_position"),
    Index("ix_jobs_status_started_at", "status", "started_at", "started_position"),
    Index("ix_jobs_stage_started_at", "stage", "started_at", "started_position"),
    Index("ix_jobs_photo_id_started_at", "photo_id", "started_at", "started_position"),
    Index("ix_jobs_updated_at", "updated_at", "started_position"),
    Index("ix_jobs_completed_at", "completed_at", "started_position"),
    Index("ix_jobs_duration", "duration", "started_position"),
    Index(
        "ix_jobs_with_errors",
        "started_at",
        "started_position",
        sqlite_where=text("error_types IS NOT NULL"),
        postgresql_where=text("error_types IS NOT NULL"),
    ),
)

# A job that was pruned. The row is also the door: the database deletes events of no other job.
tombstones = Table(
    "tombstones",
    metadata,
    Column("job_id", _Text, primary_key=True),
    Column("pruned_at", BigInteger, nullable=False),  # microseconds UTC
    Column("last_position", BigInteger, nullable=False),
    Column("emptied", Integer, nullable=False),  # 0 while events of it are still to be deleted
    Index(
        "ix_tombstones_emptied",
        "emptied",
        sqlite_where=text("emptied = 0"),
        postgresql_where=text("emptied = 0"),
    ),
)

# One row. position: of the last event recorded. horizon: the highest position that was pruned.
log_head = Table(
    "log_head",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("position", BigInteger, nullable=False),
    Column("horizon", BigInteger, nullable=False),
    Column("epoch", _Text, nullable=False),
    Column("projection_version", Integer, nullable=False),
)

# What was counted, by the hour and (durations) by the day: see tracker.statistics. The counters of a pruned job stay.
statistics = Table(
    "statistics",
    metadata,
    Column("measure", _Text, primary_key=True),
    Column("span", _Text, primary_key=True),  # hour, day
    Column("at", BigInteger, primary_key=True, autoincrement=False),  # hours or days since 1970, UTC
    Column("name", _Text, primary_key=True),
    Column("bucket", Integer, primary_key=True, autoincrement=False),
    Column("amount", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

# One row. kept_through: the last hour with events of a pruned job, which is not counted anew.
statistics_head = Table(
    "statistics_head",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("kept_through", BigInteger),
)

# Of a token's secret only the hash is here. The name is free again once its token is revoked.
tokens = Table(
    "tokens",
    metadata,
    Column("token_id", _Text, primary_key=True),
    Column("name", _Text, nullable=False),
    Column("secret_hash", _Text, nullable=False),
    Column("scopes", _Text, nullable=False),  # a JSON list, as job_prefixes
    Column("job_prefixes", _Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),  # microseconds UTC, as all times here
    Column("expires_at", BigInteger),
    Column("revoked_at", BigInteger),
    Index(
        "uq_tokens_name",
        "name",
        unique=True,
        sqlite_where=text("revoked_at IS NULL"),
        postgresql_where=text("revoked_at IS NULL"),
    ),
)

# What was done to the tracker itself, by whom: never changed.
audit = Table(
    "audit",
    metadata,
    Column("number", _Position, primary_key=True, autoincrement=True),
    Column("at", BigInteger, nullable=False),
    Column("action", _Text, nullable=False),
    Column("actor", _Text, nullable=False),
    Column("subject", _Text, nullable=False),
    Column("details", _Text, nullable=False),  # JSON
)
