"""What a run found of the fleet, in the deployment's database: a run that is killed cannot put it back."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import Engine, text

from perf.deploy.errors import FixtureError
from perf.deploy.faults import reported
from perf.deploy.fleet import State

TABLE = "perf_fleet"
_THERE = text("select to_regclass(:name)::text")
_MAKE = text(
    f"create table if not exists {TABLE} (control text not null, found text not null, state jsonb not null, "
    "at timestamptz not null default clock_timestamp())"
)
_WRITE = text(f"insert into {TABLE} (control, found, state) values (:control, :found, :state)")  # noqa: S608
_READ = text(
    f"select control, found, state, to_char(at at time zone 'utc', 'YYYY-MM-DD HH24:MI') as at from {TABLE}"  # noqa: S608
)
_EMPTY = text(f"delete from {TABLE}")  # noqa: S608
#: Who made it removes it: an administrator may have made it for a user who may not.
_OURS = text("select pg_get_userbyid(relowner) = current_user from pg_class where oid = to_regclass(:name)")


@dataclass(frozen=True)
class Noted:
    """A fleet that was not put back.

    Attributes:
        control: the name of what has set it.
        found: what was there, for people.
        state: what was there, for the control.
        at: when, in UTC, for people.
    """

    control: str
    found: str
    state: State
    at: str

    def __str__(self) -> str:
        return f"{self.found}, as {self.control} found it at {self.at} UTC"


class Note(Protocol):
    """Where it is written down before a fleet is touched, and struck out when it has been put back."""

    def write(self, control: str, found: str, state: State) -> None:
        """Write it down."""

    def erase(self) -> None:
        """It is as it was found."""


class FleetNote:
    """The note in a table of its own, which is there only while there is one. See Note.

    All methods may raise FixtureError.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def write(self, control: str, found: str, state: State) -> None:
        """See Note.

        Raises:
            FixtureError: there is one, of a run that was killed a moment ago: it is not to be lost.
        """
        if noted := self.read():
            raise FixtureError(
                f"a run that was killed left the fleet; `python -m perf clean --yes` puts it back: {noted}"
            )
        row = {"control": control, "found": found, "state": json.dumps(state)}
        with self._asked("note how the fleet was found"), self._engine.begin() as connection:
            if connection.scalar(_THERE, {"name": TABLE}) is None:
                connection.execute(_MAKE)
            connection.execute(_WRITE, row)

    def read(self) -> Noted | None:
        """What was noted and not erased; None where there is nothing."""
        with self._asked("look for a fleet that was not put back"), self._engine.connect() as connection:
            if connection.scalar(_THERE, {"name": TABLE}) is None:
                return None
            row = connection.execute(_READ).first()
        return Noted(row.control, row.found, row.state, row.at) if row else None

    def erase(self) -> None:
        """See Note."""
        with self._asked("erase how the fleet was found"), self._engine.begin() as connection:
            if connection.scalar(_OURS, {"name": TABLE}):
                connection.execute(text(f"drop table {TABLE}"))
            elif connection.scalar(_THERE, {"name": TABLE}) is not None:
                connection.execute(_EMPTY)

    def _asked(self, tried: str) -> AbstractContextManager[None]:
        return reported(tried, self._engine.url.password)
