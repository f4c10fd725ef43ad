"""The first tables: feature sets, data sets, snapshots, ingests and their verdicts."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

MOMENT = sa.BigInteger()


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "ordinis_feature_sets",
        sa.Column("name", sa.String(128), primary_key=True),
        sa.Column("version", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("written_by", sa.String(64), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
    )
    op.create_table(
        "ordinis_snapshots",
        sa.Column("name", sa.String(32), primary_key=True),
        sa.Column("dataset", sa.String(128), nullable=False, index=True),
        sa.Column("bars", sa.String(32), nullable=False, index=True),
        sa.Column("features", sa.String(160), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("store", sa.Text(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
    )
    op.create_table(
        "ordinis_datasets",
        sa.Column("name", sa.String(128), primary_key=True),
        sa.Column("head", sa.String(32), nullable=False),
        sa.Column("known_after", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
    )
    op.create_table(
        "ordinis_ingests",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("dataset", sa.String(128), nullable=False, index=True),
        sa.Column("snapshot", sa.String(32), nullable=False, index=True),
        sa.Column("parent", sa.String(32), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("quarantined", sa.BigInteger(), nullable=False),
        sa.Column("quarantine", sa.Text(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
    )
    op.create_table(
        "ordinis_verdicts",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("ingest", sa.Integer(), sa.ForeignKey("ordinis_ingests.id"), index=True),
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("passed", sa.Boolean(), nullable=False),
        sa.Column("observed", sa.Float(), nullable=False),
        sa.Column("limit", sa.Float(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
    )


def downgrade() -> None:
    """Drop them, newest first."""
    for table in ("verdicts", "ingests", "datasets", "snapshots", "feature_sets"):
        op.drop_table(f"ordinis_{table}")
