"""The server's application: its database is Prefect's own, and two transactions never find each other's lock."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest
import sqlalchemy as sa
from prefect.server.database.configurations import AioSqliteConfiguration
from prefect.server.database.dependencies import provide_database_interface, temporary_database_config

from flows.server_app import ImmediateSqlite, make_database


def test_a_new_database_is_what_prefects_own_migrations_make(tmp_path: Path) -> None:
    ours, theirs = tmp_path / "folder" / "ours.db", tmp_path / "theirs.db"
    make_database(ours)
    with temporary_database_config(AioSqliteConfiguration(connection_url=_url(theirs))):
        asyncio.run(provide_database_interface().create_db())
    assert _schema(ours) == _schema(theirs)
    assert len(_schema(ours)) > 200
    assert _rows(ours, "alembic_version") == _rows(theirs, "alembic_version")
    assert [file.name for file in ours.parent.iterdir()] == ["ours.db"]


def test_a_database_that_another_process_has_made_stays(tmp_path: Path) -> None:
    made = tmp_path / "prefect.db"
    made.write_bytes(b"theirs")
    make_database(made)
    assert made.read_bytes() == b"theirs"
    assert [file.name for file in tmp_path.iterdir()] == ["prefect.db"]


@pytest.mark.parametrize(("kind", "locked"), [(ImmediateSqlite, 0), (AioSqliteConfiguration, 1)])
def test_two_transactions_that_read_and_then_write(
    kind: type[AioSqliteConfiguration], locked: int, tmp_path: Path
) -> None:
    """Prefect's own way fails here, which is why ours exists: when it no longer does, ours can go."""
    file = tmp_path / "counts.db"
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE counts (n INTEGER)")
        connection.execute("INSERT INTO counts VALUES (0)")
    assert asyncio.run(_added_twice(kind(connection_url=_url(file)))) == locked
    assert _rows(file, "counts") == [(2 - locked,)]


def test_a_transaction_inside_another_does_not_wait_for_it(tmp_path: Path) -> None:
    file = tmp_path / "counts.db"
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE counts (n INTEGER)")

    async def nested() -> list[int]:
        config = ImmediateSqlite(connection_url=_url(file))
        engine = await config.engine()
        async with await config.session(engine) as outer, config.begin_transaction(outer):
            await outer.execute(sa.text("INSERT INTO counts VALUES (1)"))
            async with await config.session(engine) as inner, config.begin_transaction(inner):
                found = await inner.execute(sa.text("SELECT n FROM counts"))
                return list(found.scalars())

    assert asyncio.run(asyncio.wait_for(nested(), 20)) == []


async def _added_twice(config: AioSqliteConfiguration) -> int:
    """Add one in two transactions that both have read before either writes; return how many failed."""
    engine = await config.engine()

    async def add() -> None:
        async with await config.session(engine) as session, config.begin_transaction(session):
            await session.execute(sa.text("SELECT n FROM counts"))
            await asyncio.sleep(0.5)
            await session.execute(sa.text("UPDATE counts SET n = n + 1"))

    ended = await asyncio.gather(add(), add(), return_exceptions=True)
    await engine.dispose()
    failed = [each for each in ended if each is not None]
    assert all("database is locked" in str(each) for each in failed)
    return len(failed)


def _url(file: Path) -> str:
    return f"sqlite+aiosqlite:///{file}"


def _rows(file: Path, table: str) -> list[tuple[object, ...]]:
    with sqlite3.connect(file) as connection:
        return connection.execute(f"SELECT * FROM {table}").fetchall()


def _schema(file: Path) -> dict[tuple[str, str], list[str]]:
    """Return what a database consists of; the order of a table's constraints means nothing."""
    with sqlite3.connect(file) as connection:
        rows = connection.execute("SELECT type, name, sql FROM sqlite_master").fetchall()
    return {
        (kind, name): sorted(line.strip(" ,") for line in (sql or "").split("\n")) for kind, name, sql in rows
    }
