"""What is done to a PostgreSQL server of the run's own."""

from __future__ import annotations

import signal
from collections.abc import Sequence

from sqlalchemy import Engine, text

from perf.deploy.faults import reported
from perf.deploy.postgres import PostgresServer
from perf.deploy.strikes.strike import Done, Strike

_END_SESSIONS = text("select pid, pg_terminate_backend(pid) from pg_stat_activity where usename = :role")


def stopped(postgres: PostgresServer, by: signal.Signals) -> Done:
    """The database's server ends: in order by SIGINT, as in a crash by SIGQUIT."""

    def stop() -> Sequence[str]:
        postgres.halt(by)
        return [f"ended by {by.name}"]

    return Done("database", f"PostgreSQL gets {by.name}, and is started in the end", stop, postgres.resume)


def used_up(engine: Engine, role: str) -> Done:
    """The sessions of the role are ended, and the database gives it no other one."""

    def limit(connections: int) -> None:
        with reported("limit the database's connections"), engine.begin() as session:
            session.execute(text(f'alter role "{role}" connection limit {connections}'))

    def end() -> Sequence[str]:
        limit(0)
        with reported("end the database's sessions"), engine.begin() as session:
            return [f"session {pid} ended" for pid in session.scalars(_END_SESSIONS, {"role": role})]

    return Done("database", f"{role}: sessions ended, connection limit 0", end, lambda: limit(-1))


def database_strikes(postgres: PostgresServer, engine: Engine, workers_role: str) -> dict[str, Strike]:
    """By the fault. A superuser is never refused a connection: the workers need a role of their own."""
    return {
        "database-full": used_up(engine, workers_role),
        "database-restart": stopped(postgres, signal.SIGINT),
        "database-crash": stopped(postgres, signal.SIGQUIT),
    }
