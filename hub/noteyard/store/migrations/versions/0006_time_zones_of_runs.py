"""Runs remember the time zone that they were fired in"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("runs", schema=None) as batch_op:
        batch_op.add_column(sa.Column("timezone", sa.String(length=64), nullable=True))
    op.execute(
        "UPDATE runs SET timezone = (SELECT schedules.timezone FROM schedules WHERE schedules.id = runs.schedule) "
        "WHERE schedule IS NOT NULL"
    )
