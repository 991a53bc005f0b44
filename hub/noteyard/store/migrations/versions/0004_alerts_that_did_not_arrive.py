"""The outbox knows a message's schedule, and when it could not be delivered"""

import sqlalchemy as sa
from alembic import op
from noteyard.store.types import Instant

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.add_column(sa.Column("schedule", sa.String(length=32), nullable=True))
        batch_op.add_column(sa.Column("failed", Instant(), nullable=True))
        batch_op.create_index(batch_op.f("ix_outbox_schedule"), ["schedule"], unique=False)
    outbox = sa.table("outbox", sa.column("schedule", sa.String()), sa.column("payload", sa.JSON()))
    op.execute(outbox.update().values(schedule=outbox.c.payload["schedule"].as_string()))
