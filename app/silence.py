"""A deadline for a database that falls silent.

libpq waits for an answer as long as the connection stands. The kernel ends one whose other end is gone, but
not one that a NAT or a proxy keeps up in between, so psycopg2 is made to wait by a function of ours, which
gives up.
"""

from __future__ import annotations

import select
from typing import Any

from psycopg2 import OperationalError
from psycopg2.extensions import POLL_OK, POLL_READ, POLL_WRITE, connection, parse_dsn, set_wait_callback

_EVENTS = {POLL_READ: select.POLLIN, POLL_WRITE: select.POLLOUT}


class BoundedConnection(connection):
    """A connection that is given up when nothing is heard for *silence_s* seconds, while connecting too."""

    def __init__(self, dsn: str, *args: Any, silence_s: float, **options: Any) -> None:
        self.silence_s = silence_s
        try:
            super().__init__(dsn, *args, **options)
        except OperationalError as error:
            # libpq names the address only to those who wait inside it.
            where = parse_dsn(dsn)
            at = f"{where.get('host', 'localhost')}, port {where.get('port', '5432')}"
            raise OperationalError(f"connection to server at {at} failed: {error}") from None


def _wait(waiting: connection) -> None:
    """Wait for what *waiting* has to send or to hear; psycopg2 closes it when this raises."""
    silence_s = waiting.silence_s if isinstance(waiting, BoundedConnection) else None
    while (state := waiting.poll()) != POLL_OK:
        poll = select.poll()
        poll.register(waiting.fileno(), _EVENTS[state])
        if not poll.poll(silence_s and silence_s * 1000):
            raise OperationalError(f"the database was silent for {silence_s:g} s")


# One for the process: connections that are not bounded wait as they always did.
set_wait_callback(_wait)
