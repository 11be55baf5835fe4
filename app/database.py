"""Engines and the schema."""

from __future__ import annotations

from sqlalchemy import Engine, create_engine, text

from app.model import Base
from app.settings import Settings

#: Any fixed number will do: it keeps two processes from creating the tables at once.
_SCHEMA_LOCK = 0x766964656F


def make_engine(settings: Settings, pool_size: int = 5, application: str = "video-pipeline") -> Engine:
    """A pooled engine whose connections are tried before use and give up connecting after 5 s."""
    return create_engine(
        settings.sqlalchemy_url,
        pool_size=pool_size,
        pool_pre_ping=True,
        connect_args={"connect_timeout": 5, "application_name": application},
    )


def create_schema(engine: Engine) -> None:
    """Create the tables that are missing; safe to call from several processes at once."""
    with engine.begin() as connection:
        connection.execute(text("select pg_advisory_xact_lock(:key)"), {"key": _SCHEMA_LOCK})
        Base.metadata.create_all(connection)
