"""Alembic's environment: runs on the connection that store.migrate hands over."""

from alembic import context
from noteyard.store.tables import Base
from noteyard.store.workload_tables import S3Key

assert S3Key.metadata is Base.metadata

context.configure(
    connection=context.config.attributes["connection"], target_metadata=Base.metadata, render_as_batch=True
)
with context.begin_transaction():
    context.run_migrations()
