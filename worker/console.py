"""How the worker's commands speak to a person: one line, whatever is wrong."""

from __future__ import annotations

import signal
import sys
from typing import NoReturn

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from app.database import make_engine
from app.errors import one_line
from app.settings import Settings, get_settings
from worker.settings import WorkerSettings, get_worker_settings


def begin(application: str) -> tuple[Settings, WorkerSettings, Engine]:
    """The settings, and the engine of a command that makes one connection at a time.

    Raises:
        SystemExit: 2, where they make no sense.
    """
    try:
        settings, worker = get_settings(), get_worker_settings()
    except ValueError as error:
        give_up(2, f"The settings make no sense: {one_line(error)}")
    try:
        return settings, worker, make_engine(settings, pool_size=1, application=application)
    except (SQLAlchemyError, ValueError, ImportError):  # whose words may quote the password
        give_up(2, "DATABASE_URL is not the URL of a PostgreSQL database")


def end_by_ctrl_c() -> None:
    """From now on Ctrl-C ends the process as it ends any command, and not by a traceback."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def give_up(code: int, message: str) -> NoReturn:
    """End the process with a line on standard error."""
    print(message, file=sys.stderr)  # noqa: T201 - logging may not be set up yet
    raise SystemExit(code)
