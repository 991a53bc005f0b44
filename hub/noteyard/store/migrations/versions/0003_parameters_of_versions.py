"""Each version of a dashboard has its own parameters"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("dashboard_versions", schema=None) as batch_op:
        batch_op.add_column(sa.Column("parameters", sa.JSON(), nullable=False, server_default="{}"))
    op.execute(
        "UPDATE dashboard_versions SET parameters = "
        "(SELECT dashboards.parameters FROM dashboards WHERE dashboards.id = dashboard_versions.dashboard)"
    )
