"""Logins by a provider: who a person is there, and when all their logins ended"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("people", schema=None) as batch_op:
        batch_op.add_column(sa.Column("subject", sa.String(length=400), nullable=True))
        batch_op.add_column(sa.Column("registered", sa.Boolean(), nullable=False, server_default=sa.true()))
        batch_op.add_column(sa.Column("refused", sa.Boolean(), nullable=False, server_default=sa.false()))
        batch_op.add_column(sa.Column("login_epoch", sa.Integer(), nullable=False, server_default="0"))
        batch_op.create_unique_constraint(batch_op.f("uq_people_subject"), ["subject"])
