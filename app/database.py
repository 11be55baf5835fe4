"""Engines and the schema."""

from __future__ import annotations

from functools import partial
from typing import Any

from psycopg2.extensions import connection
from sqlalchemy import Connection, Engine, Table, create_engine, event, inspect, make_url, text
from sqlalchemy.schema import CreateColumn

from app.model import Base
from app.settings import Settings
from app.silence import BoundedConnection

#: Any fixed number will do: it keeps two processes from creating the tables at once.
_SCHEMA_LOCK = 0x766964656F


#: How much longer than a statement may take its answer is waited for: the server's own word says more.
_GRACE_S = 1.0

#: For the kernel of the client and that of the server: seconds until a dead connection is noticed, the one
#: by libpq's options and the other by the session's settings. Where a worker's host is lost, its session
#: holds the lock of a video until the server notices.
_KEEPALIVES = {"keepalives_idle": 5, "keepalives_interval": 3, "keepalives_count": 3}
_USER_TIMEOUT = {"tcp_user_timeout": 10_000}


def make_engine(
    settings: Settings, pool_size: int = 5, application: str = "video-pipeline", answer_within_s: float = 10.0
) -> Engine:
    """A pooled engine whose connections are tried before use, and given up when they fall silent.

    Args:
        settings: where the database is; what its URL says of a connection is not changed.
        pool_size: connections kept; as many as 10 more may be opened.
        application: as it is shown in pg_stat_activity.
        answer_within_s: how long a statement may take, and, with a second more, how long connecting may.
    """
    url = make_url(settings.sqlalchemy_url)
    ours = _KEEPALIVES | _USER_TIMEOUT | {"application_name": application}
    connect_args: dict[str, Any] = {name: value for name, value in ours.items() if name not in url.query}
    connect_args["connection_factory"] = partial(BoundedConnection, silence_s=answer_within_s + _GRACE_S)
    engine = create_engine(url, pool_size=pool_size, pool_pre_ping=True, connect_args=connect_args)
    event.listen(engine, "connect", partial(_set_limits, answer_within_s))
    return engine


def _set_limits(answer_within_s: float, session: connection, _: object) -> None:
    """By a statement and not by libpq's ``options``, which poolers refuse."""
    limits = {"statement_timeout": round(answer_within_s * 1000), **_USER_TIMEOUT}
    limits |= {f"tcp_{name}": value for name, value in _KEEPALIVES.items()}
    session.autocommit = True
    with session.cursor() as cursor:  # one round trip for all
        named = (text for name, value in limits.items() for text in (name, str(value)))
        cursor.execute("select set_config(%s, %s, false);" * len(limits), list(named))
    session.autocommit = False


def create_schema(engine: Engine) -> None:
    """Create the tables and columns that are missing; safe to call from several processes at once."""
    with engine.begin() as connection:
        connection.execute(text("select pg_advisory_xact_lock(:key)"), {"key": _SCHEMA_LOCK})
        Base.metadata.create_all(connection)
        for table in Base.metadata.sorted_tables:
            _add_missing_columns(connection, table)


def _add_missing_columns(connection: Connection, table: Table) -> None:
    """A table of an earlier version gets what came since; a column that may not be null has its default."""
    there = {column["name"] for column in inspect(connection).get_columns(table.name)}
    for column in table.columns:
        if column.name not in there:
            definition = CreateColumn(column).compile(dialect=connection.dialect)
            connection.execute(text(f"alter table {table.name} add column {definition}"))
