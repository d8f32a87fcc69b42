"""The application of a server of ours: Prefect's own, with a database made quickly and never found locked.

`uvicorn --factory flows.server_app:create_app`, see `flows.server`. Two things are different from Prefect's start, and
only for SQLite; both were measured (`benchmarks/flows_overhead.py`):

- Prefect 3.8 migrates a new database through aiosqlite, which switches threads for every statement. The same
  migrations through the driver of the standard library take less than half the time.
- Prefect begins most transactions as DEFERRED. One that reads, then writes, while another has written in between, can
  only fail (SQLITE_BUSY_SNAPSHOT, https://www.sqlite.org/rescode.html#busy_snapshot): the server answers 503, and the
  client waits two seconds, again and again in one build. A transaction that is begun as IMMEDIATE waits for its
  turn instead, which takes milliseconds.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import warnings
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prefect.server.database.configurations import SQLITE_BEGIN_MODE, AioSqliteConfiguration
from prefect.server.database.dependencies import MODELS_DEPENDENCIES, provide_database_interface
from prefect.settings import get_current_settings
from sqlalchemy import create_engine, event, make_url
from sqlalchemy.exc import SAWarning

if TYPE_CHECKING:
    from fastapi import FastAPI
    from sqlalchemy import Connection
    from sqlalchemy.ext.asyncio import AsyncSession, AsyncSessionTransaction


class ImmediateSqlite(AioSqliteConfiguration):
    """Prefect's SQLite, with every outermost transaction begun as IMMEDIATE."""

    @contextlib.asynccontextmanager
    async def begin_transaction(
        self, session: AsyncSession, with_for_update: bool = False
    ) -> AsyncGenerator[AsyncSessionTransaction, None]:
        """Begin a transaction; one inside another stays as Prefect wants it, since it would wait for the outer one."""
        outermost = SQLITE_BEGIN_MODE.get() is None
        async with super().begin_transaction(session, with_for_update or outermost) as transaction:
            yield transaction


def create_app() -> FastAPI:
    """Return Prefect's application; its database exists when this returns, if it is a file of SQLite."""
    from prefect.server.api.server import create_app as create_prefect_app

    # Prefect makes a SecretStr of it, and a default out of PREFECT_HOME.
    address = get_current_settings().server.database.connection_url
    if address is not None and address.get_secret_value().startswith("sqlite"):
        url = address.get_secret_value()
        MODELS_DEPENDENCIES["database_config"] = ImmediateSqlite(connection_url=url)
        named = make_url(url).database
        if named and not named.startswith((":memory:", "file:")) and not Path(named).exists():
            make_database(Path(named))
    app: FastAPI = create_prefect_app()
    return app


def make_database(file: Path) -> None:
    """Make a new database with Prefect's migrations, whole or not at all: in memory first.

    Args:
        file: where it will be; one that another process has put there meanwhile stays.
    """
    engine = create_engine("sqlite+pysqlite://")
    event.listen(engine, "connect", _own_transactions)
    event.listen(engine, "begin", _begin)
    file.parent.mkdir(parents=True, exist_ok=True)
    with engine.connect() as connection:
        _migrate(connection)
        connection.commit()
        with tempfile.TemporaryDirectory(dir=file.parent) as folder:
            whole = Path(folder) / file.name
            connection.connection.execute("VACUUM INTO ?", (str(whole),))
            try:
                os.link(whole, file)  # unlike a renaming, never over a database that is in use
            except FileExistsError:
                return
            except OSError:  # a file system without links
                whole.replace(file)


def _migrate(connection: Connection) -> None:
    """Run all migrations, in the way of Alembic's documentation for a connection of one's own."""
    from alembic.runtime.environment import EnvironmentContext
    from alembic.script import ScriptDirectory
    from prefect.server.database.alembic_commands import alembic_config

    interface = provide_database_interface()
    config = alembic_config()
    script = ScriptDirectory.from_config(config)
    script.version_locations = [str(interface.orm.versions_dir)]

    def steps(revision: Any, context: Any) -> Any:
        return script._upgrade_revs("head", revision)

    with warnings.catch_warnings(), EnvironmentContext(config, script, fn=steps) as environment:
        warnings.filterwarnings("ignore", "Skipped unsupported reflection", SAWarning)
        environment.configure(
            connection=connection,
            target_metadata=interface.Base.metadata,
            render_as_batch=True,
            transaction_per_migration=True,
            template_args={"dialect": "sqlite"},
        )
        with environment.begin_transaction():
            environment.run_migrations()


def _own_transactions(connection: Any, record: object) -> None:
    """Leave BEGIN to SQLAlchemy, so that a migration's tables are within its transaction."""
    connection.isolation_level = None


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")
