"""A start that cannot succeed ends in one line that says what to change, and tells no secret."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from app.database import create_schema
from app.errors import first_line, one_line
from app.storage import StorageError

#: uvicorn's own code for an app that cannot start: a supervisor of several processes gives up on it.
EXIT_CODE = 3

_PAUSE_S = 0.5


class StartupError(Exception):
    """The process cannot begin; the message is one line and whole."""


@contextmanager
def or_exit() -> Iterator[None]:
    """End the process with one line where the settings inside make no sense, or a part does not answer.

    Raises:
        SystemExit: EXIT_CODE, after the line has been printed.
    """
    try:
        yield
    except StartupError as error:
        line = str(error)
    except (StorageError, BotoCoreError, SQLAlchemyError, ValueError, ImportError) as error:
        line = f"the settings make no sense: {one_line(error)}"
    else:
        return
    print(f"The web tier cannot start: {line}", file=sys.stderr)  # noqa: T201 - logging may not be set up yet
    raise SystemExit(EXIT_CODE)


def wait_for_database(
    engine: Engine,
    seconds: float,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Create the tables that are missing, asking until the database answers: it may start later than we.

    Raises:
        StartupError: it did not within *seconds*.
    """
    end_s = clock() + seconds
    while True:
        try:
            create_schema(engine)
        except SQLAlchemyError as error:
            if clock() + _PAUSE_S > end_s:
                where = engine.url.render_as_string(hide_password=True)
                raise StartupError(
                    f"{where} did not answer within {seconds:g} s: {first_line(error)}; "
                    "is DATABASE_URL right, does the server run?"
                ) from error
            sleep(_PAUSE_S)
        else:
            return
