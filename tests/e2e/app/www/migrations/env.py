"""Runs the migrations. Its own names for the database and the user are part of the contract: the
application says DATABASE and DATABASE_USER. The password goes into a URL as it is."""
import os

from alembic import context
from sqlalchemy import create_engine, pool

# The package's logging is set up by importing it, so a wrong LOG_CFG fails the migration too.
import entityservice  # noqa: F401


def url():
    return "postgresql://{}:{}@{}/{}".format(
        os.getenv("POSTGRES_USER", "postgres"),
        os.getenv("DATABASE_PASSWORD", ""),
        os.getenv("DATABASE_SERVER", "db"),
        os.getenv("POSTGRES_DB", "postgres"),
    )


def run():
    engine = create_engine(url(), poolclass=pool.NullPool)
    with engine.connect() as connection:
        context.configure(connection=connection)
        with context.begin_transaction():
            context.run_migrations()


run()
