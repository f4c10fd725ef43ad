"""Alembic revisions of the loop's tables."""
