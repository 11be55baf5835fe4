"""Errors of the database and of AWS as errors of ours: one line, and no secret in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError
from sqlalchemy.exc import SQLAlchemyError

from perf.deploy.errors import FixtureError
from perf.deploy.remedies import remedy

FAULTS: tuple[type[Exception], ...] = (SQLAlchemyError, BotoCoreError, ClientError)


@contextmanager
def reported(
    tried: str, secret: str | None = None, *, faults: tuple[type[Exception], ...] = FAULTS
) -> Iterator[None]:
    """A fault of the block leaves it as a FixtureError.

    Args:
        tried: what the block does, after the words "tried to".
        secret: what must not be told, such as the database's password.
        faults: what counts as one.

    Raises:
        FixtureError: what was tried, the first line of why it failed, and what to do about it.
    """
    try:
        yield
    except faults as error:
        right = remedy(error)
        said = f"tried to {tried}: {first_line(error, secret)}"
        raise FixtureError(f"{said}; {right}" if right else said) from error


def first_line(error: BaseException, secret: str | None = None) -> str:
    """Why it failed, in one line: SQLAlchemy tells statement and parameters in those that follow."""
    line = next(iter(str(error).splitlines()), "") or type(error).__name__
    return line.replace(secret, "***") if secret else line
