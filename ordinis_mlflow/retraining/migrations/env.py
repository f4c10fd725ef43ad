"""Alembic's way in: the connection is handed over by the desk."""

from alembic import context

from ordinis_mlflow.retraining.tables import VERSION_TABLE, metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, version_table=VERSION_TABLE)
with context.begin_transaction():
    context.run_migrations()
