"""Releases remember their profile's image by digest"""

import sqlalchemy as sa
from alembic import op
from noteyard.store.types import Instant

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("releases", schema=None) as batch_op:
        batch_op.add_column(sa.Column("image", sa.Text(), nullable=True))
    op.create_table(
        "profile_images",
        sa.Column("asked", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("seen", Instant(), nullable=False),
        sa.Column("gone", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("asked", "name", name=op.f("pk_profile_images")),
    )
