"""What jobs are searched by. ``jobs`` is made anew: it follows from the events, and is folded when the log is opened.

Revision ID: 0003
Revises: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

# Compared byte by byte, as SQLite does: a PostgreSQL database has the rules of some language.
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.drop_table("jobs")
    op.create_table(
        "jobs",
        sa.Column("job_id", TEXT, nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("started_position", sa.BigInteger, nullable=False),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("stage", TEXT, nullable=False),
        sa.Column("photo_id", TEXT),
        sa.Column("started_at", sa.BigInteger, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
        sa.Column("completed_at", sa.BigInteger),
        sa.Column("duration", sa.Double),
        sa.Column("error_types", TEXT),
        sa.Column("message", TEXT),
        sa.Column("state", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("job_id", name="pk_jobs"),
    )
    op.create_index("ix_jobs_started_position", "jobs", ["started_position"])
    op.create_index("ix_jobs_started_at", "jobs", ["started_at", "started_position"])
    for column in ("status", "stage", "photo_id"):
        op.create_index(f"ix_jobs_{column}_started_at", "jobs", [column, "started_at", "started_position"])
    for column in ("updated_at", "completed_at", "duration"):
        op.create_index(f"ix_jobs_{column}", "jobs", [column, "started_position"])
    op.create_index(
        "ix_jobs_with_errors",
        "jobs",
        ["started_at", "started_position"],
        sqlite_where=sa.text("error_types IS NOT NULL"),
        postgresql_where=sa.text("error_types IS NOT NULL"),
    )
    if op.get_bind().dialect.name == "sqlite":
        op.execute("CREATE VIRTUAL TABLE job_texts USING fts5(text, tokenize='trigram case_sensitive 1', columnsize=0)")
    else:
        op.create_table(
            "job_texts",
            sa.Column("rowid", sa.BigInteger, primary_key=True, autoincrement=False),
            sa.Column("text", TEXT, nullable=False),
        )
        _index_texts()
    op.execute("UPDATE log_head SET projection_version = 0")


def _index_texts() -> None:
    # An extension that the server may not have, or this user may not make: texts are then found by reading them all.
    op.execute(
        """
        DO $$
        BEGIN
            CREATE EXTENSION IF NOT EXISTS pg_trgm;
            CREATE INDEX ix_job_texts_text ON job_texts USING gin (text gin_trgm_ops);
        EXCEPTION WHEN OTHERS THEN
            RAISE NOTICE 'jobs are searched without an index: %', SQLERRM;
        END $$
        """
    )


def downgrade() -> None:
    op.drop_table("job_texts")
    op.drop_table("jobs")
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
    op.execute("UPDATE log_head SET projection_version = 0")
