"""Why a run failed."""
from alembic import op

revision = "e321799791b7"
down_revision = "292d2f2d3939"


def upgrade():
    op.execute("ALTER TABLE runs ADD COLUMN error_msg text")


def downgrade():
    op.execute("ALTER TABLE runs DROP COLUMN error_msg")
