"""Counters by the hour and the day, written with the events.

Revision ID: 0004
Revises: 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# Compared byte by byte, as SQLite does: a PostgreSQL database has the rules of some language.
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "statistics",
        sa.Column("measure", TEXT, nullable=False),
        sa.Column("span", TEXT, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("bucket", sa.Integer, nullable=False),
        sa.Column("amount", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("measure", "span", "at", "name", "bucket", name="pk_statistics"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "statistics_head",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("kept_through", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="pk_statistics_head"),
    )


def downgrade() -> None:
    for table in ("statistics_head", "statistics"):
        op.drop_table(table)
