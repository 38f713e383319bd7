import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade():
    op.create_table(
        "alembic_notes",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("customer_id", sa.Integer, nullable=False),
        sa.Column("body", sa.Text, server_default="", nullable=False),
    )
    op.create_index("alembic_notes_customer_id_idx", "alembic_notes", ["customer_id"])
    op.add_column("alembic_notes", sa.Column("done", sa.Boolean, server_default=sa.false(), nullable=False))
