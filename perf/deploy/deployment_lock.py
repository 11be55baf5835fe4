"""One run at a time on a deployment: a lock in its database, which ends with the run, however that ends."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import URL, Connection, create_engine, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from perf.deploy.errors import FixtureError
from perf.deploy.faults import reported

#: "perf" and "run1" as numbers: what else locks in this database uses others.
_KEY = {"a": 0x70657266, "b": 0x72756E31}
_TRY = text("select pg_try_advisory_lock(:a, :b)")
_HOLDER = text("""
    select s.application_name, s.pid, to_char(s.backend_start at time zone 'utc', 'HH24:MI:SS') as since
    from pg_locks l join pg_stat_activity s on s.pid = l.pid
    where l.locktype = 'advisory' and l.granted and l.classid = :a and l.objid = :b and l.objsubid = 2
      and l.database = (select oid from pg_database where datname = current_database())
""")
#: A connection that says nothing for hours: whatever stands between must not forget it.
_KEPT_ALIVE = {"connect_timeout": 5, "keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 6}
#: PostgreSQL keeps so many bytes of a session's name.
_NAME_BYTES = 63


@dataclass
class DeploymentLock:
    """The lock while it is held."""

    session: Connection

    def require(self) -> None:
        """See to it that it is still held.

        Raises:
            FixtureError: its session was ended, and another run may have begun.
        """
        try:
            self.session.execute(text("select 1"))
        except SQLAlchemyError:
            raise FixtureError(
                "the run's lock on the deployment is gone: its session in the database was ended, and "
                "another run may have begun; see what ends idle sessions there"
            ) from None


@contextmanager
def only_run(url: URL) -> Iterator[DeploymentLock]:
    """Hold the deployment of this database for one run.

    Raises:
        FixtureError: another run holds it, or the database does not answer.
    """
    engine = create_engine(
        url,
        isolation_level="AUTOCOMMIT",
        poolclass=NullPool,
        connect_args=_KEPT_ALIVE | {"application_name": _own_name()},
    )
    with reported("lock the deployment", url.password):
        session = engine.connect()
    try:
        with reported("lock the deployment", url.password):
            if not session.scalar(_TRY, _KEY):
                raise FixtureError(
                    "another run is under way on this deployment, and two would measure each other: wait for "
                    f"it to end ({holder(session) or 'it has just ended'})"
                )
        yield DeploymentLock(session)
    finally:
        session.invalidate()  # closes it for good, and the lock with it
        session.close()


def _own_name() -> str:
    """Who holds it, as others read it: where, and which process."""
    pid = f" pid {os.getpid()}"
    host = socket.gethostname().encode()[: _NAME_BYTES - len(f"perf run on {pid}")].decode(errors="ignore")
    return f"perf run on {host}{pid}"


def holder(session: Connection) -> str:
    """Which run holds the deployment, and how it is ended should its host be gone; empty where none does."""
    found = session.execute(_HOLDER, _KEY).first()
    if found is None:
        return ""
    end = f"should its host be gone: select pg_terminate_backend({found.pid})"
    return f"{found.application_name}, since {found.since} UTC; {end}"
