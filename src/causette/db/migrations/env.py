"""What Alembic runs to apply migrations: on the connection, and inside the transaction, that it was given."""

from alembic import context
from sqlalchemy import Connection

from causette.db import metadata


def run(connection: Connection) -> None:
    """Apply the migrations that `causette.db.migrating` asked for."""
    context.configure(
        connection=connection,
        target_metadata=metadata,  # lends its naming convention to the migrations
        transactional_ddl=True,
        render_as_batch=connection.dialect.name == "sqlite",
    )
    with context.begin_transaction():
        context.run_migrations()


run(context.config.attributes["connection"])
