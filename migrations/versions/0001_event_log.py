"""The event log, its projection, and the triggers that keep history as it was.

Revision ID: 0001
Revises:
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# Compared byte by byte, as SQLite does: a PostgreSQL database has the rules of some language.
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")

POSITION = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "events",
        sa.Column("position", POSITION, autoincrement=False, nullable=False),
        sa.Column("job_id", TEXT, nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("type", TEXT, nullable=False),
        sa.Column("recorded_at", sa.BigInteger, nullable=False),
        sa.Column("event_id", TEXT),
        sa.Column("payload", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("position", name="pk_events"),
        sa.UniqueConstraint("job_id", "sequence", name="uq_events_job_id_sequence"),
    )
    op.create_index(
        "uq_events_event_id",
        "events",
        ["event_id"],
        unique=True,
        sqlite_where=sa.text("event_id IS NOT NULL"),
        postgresql_where=sa.text("event_id IS NOT NULL"),
    )
    op.create_table(
        "jobs",
        sa.Column("job_id", TEXT, nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("started_position", sa.BigInteger, nullable=False),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("completed_at", sa.BigInteger),
        sa.Column("state", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("job_id", name="pk_jobs"),
    )
    op.create_index("ix_jobs_started_position", "jobs", ["started_position"])
    op.create_index("ix_jobs_status_started_position", "jobs", ["status", "started_position"])
    op.create_index("ix_jobs_completed_at", "jobs", ["completed_at"])
    op.create_table(
        "tombstones",
        sa.Column("job_id", TEXT, nullable=False),
        sa.Column("pruned_at", sa.BigInteger, nullable=False),
        sa.Column("last_position", sa.BigInteger, nullable=False),
        sa.Column("emptied", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("job_id", name="pk_tombstones"),
    )
    op.create_index(
        "ix_tombstones_emptied",
        "tombstones",
        ["emptied"],
        sqlite_where=sa.text("emptied = 0"),
        postgresql_where=sa.text("emptied = 0"),
    )
    op.create_table(
        "log_head",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("horizon", sa.BigInteger, nullable=False),
        sa.Column("epoch", TEXT, nullable=False),
        sa.Column("projection_version", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_log_head"),
    )
    if op.get_bind().dialect.name == "sqlite":
        _protect_sqlite()
    else:
        _protect_postgresql()


def _protect_sqlite() -> None:
    op.execute(
        """
        CREATE TRIGGER events_are_immutable BEFORE UPDATE ON events
        BEGIN SELECT RAISE(ABORT, 'an event is never changed'); END
        """
    )
    op.execute(
        """
        CREATE TRIGGER events_are_only_pruned BEFORE DELETE ON events
        WHEN NOT EXISTS (SELECT 1 FROM tombstones WHERE job_id = OLD.job_id)
        BEGIN SELECT RAISE(ABORT, 'only events of a pruned job are deleted'); END
        """
    )
    op.execute(
        """
        CREATE TRIGGER tombstones_stay BEFORE DELETE ON tombstones
        BEGIN SELECT RAISE(ABORT, 'the id of a pruned job is never free again'); END
        """
    )
    op.execute(
        """
        CREATE TRIGGER positions_only_grow BEFORE UPDATE ON log_head
        WHEN NEW.position < OLD.position OR NEW.horizon < OLD.horizon
        BEGIN SELECT RAISE(ABORT, 'positions are never used again'); END
        """
    )


def _protect_postgresql() -> None:
    refusals = (
        ("events_are_immutable", "events", "UPDATE", "true", "an event is never changed"),
        (
            "events_are_only_pruned",
            "events",
            "DELETE",
            "NOT EXISTS (SELECT 1 FROM tombstones WHERE job_id = OLD.job_id)",
            "only events of a pruned job are deleted",
        ),
        ("tombstones_stay", "tombstones", "DELETE", "true", "the id of a pruned job is never free again"),
        (
            "positions_only_grow",
            "log_head",
            "UPDATE",
            "NEW.position < OLD.position OR NEW.horizon < OLD.horizon",
            "positions are never used again",
        ),
    )
    for name, table, action, condition, reason in refusals:
        op.execute(
            f"""
            CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF {condition} THEN RAISE EXCEPTION '{reason}'; END IF;
                IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
                RETURN NEW;
            END $$
            """
        )
        op.execute(f"CREATE TRIGGER {name} BEFORE {action} ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()")
    # TRUNCATE asks no trigger of a row.
    op.execute(
        """
        CREATE FUNCTION history_stays() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'history is only pruned, job by job'; END $$
        """
    )
    for table in ("events", "tombstones", "log_head"):
        op.execute(f"CREATE TRIGGER {table}_stay_whole BEFORE TRUNCATE ON {table} EXECUTE FUNCTION history_stays()")


def downgrade() -> None:
    for table in ("log_head", "tombstones", "jobs", "events"):
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        for name in ("events_are_immutable", "events_are_only_pruned", "tombstones_stay", "positions_only_grow"):
            op.execute(f"DROP FUNCTION {name}()")
        op.execute("DROP FUNCTION history_stays()")
