"""Encodings belong to a data provider."""
from alembic import op

revision = "9a5d78339327"
down_revision = "e321799791b7"


def upgrade():
    op.execute("""
        ALTER TABLE encodings ADD CONSTRAINT encodings_dp
            FOREIGN KEY (dp) REFERENCES dataproviders ON DELETE CASCADE
    """)


def downgrade():
    op.execute("ALTER TABLE encodings DROP CONSTRAINT encodings_dp")
