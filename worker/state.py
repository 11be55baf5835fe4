"""The changes of a task's state, each one statement, each instant by the database's clock.

Who works on a video holds an advisory lock named by its id, on a session of its own. The lock dies with
the process, so a killed worker blocks nobody, and nothing has to time out. Each change also names the
attempt it belongs to: should the lock's session be lost while ffmpeg runs, and another worker begin, the
first one's change finds no row.

The lock belongs to a session: a pooler that shares sessions between transactions must not stand between.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from sqlalchemy import Connection, Engine, TextClause, func, select, text, update
from sqlalchemy.exc import SQLAlchemyError

from app.model import CLOCK, Status, Video


class Outcome(Enum):
    """What a delivery found."""

    CLAIMED = auto()  # ours; this process is to make the video
    FINISHED = auto()  # done or failed already
    HELD = auto()  # another process is at it
    EXHAUSTED = auto()  # ours, but begun too often without an end: its processes died
    UNKNOWN = auto()  # no such row


@dataclass(frozen=True)
class Claim:
    """A delivery's right to a video; *attempts* includes the one it began."""

    video_id: str
    outcome: Outcome
    attempts: int = 0
    object_key: str = ""


@contextmanager
def claim(engine: Engine, video_id: str, worker: str, max_attempts: int) -> Iterator[Claim]:
    """Count the delivery and, if the video is free and unfinished, begin an attempt; hold the lock meanwhile.

    Args:
        engine: one that commits each statement by itself.
        video_id: the video's id.
        worker: who begins, as ``host/pool-child-index/pid``.
        max_attempts: how many attempts may be begun.

    Raises:
        SQLAlchemyError: the database did not answer.
    """
    with engine.connect() as session:
        key = func.hashtextextended(video_id, 0)
        got = bool(session.scalar(select(func.pg_try_advisory_lock(key))))
        try:
            yield _begin(session, video_id, worker, max_attempts, got)
        finally:
            if got:
                _unlock(session, key)


def _begin(session: Connection, video_id: str, worker: str, max_attempts: int, got: bool) -> Claim:
    counted = (
        update(Video)
        .where(Video.id == video_id)
        .values(deliveries=Video.deliveries + 1)
        .returning(Video.status, Video.attempts, Video.object_key)
    )
    row = session.execute(counted).one_or_none()
    if row is None:
        return Claim(video_id, Outcome.UNKNOWN)
    if row.status in (Status.DONE, Status.FAILED):
        return Claim(video_id, Outcome.FINISHED, row.attempts, row.object_key)
    if not got:
        return Claim(video_id, Outcome.HELD, row.attempts, row.object_key)
    if row.attempts >= max_attempts:
        return Claim(video_id, Outcome.EXHAUSTED, row.attempts, row.object_key)
    begun = {
        "status": Status.PROCESSING,
        "attempts": Video.attempts + 1,
        "worker": worker,
        "started_at": CLOCK,
        "updated_at": CLOCK,
    }
    session.execute(update(Video).where(Video.id == video_id).values(begun))
    return Claim(video_id, Outcome.CLAIMED, row.attempts + 1, row.object_key)


def _unlock(session: Connection, key: Any) -> None:
    """Free the lock; a session that cannot is closed, which frees it too."""
    try:
        session.execute(select(func.pg_advisory_unlock(key)))
    except SQLAlchemyError:
        with contextlib.suppress(SQLAlchemyError):
            session.invalidate()


def finish(engine: Engine, claim: Claim, processed_key: str) -> bool:
    """Mark the video done; False when the attempt is no longer the current one, and nothing was changed."""
    return _end(engine, claim, Status.DONE, processed_key=processed_key)


def fail(engine: Engine, claim: Claim, reason: str) -> bool:
    """Mark the video failed for good; False as for finish."""
    return _end(engine, claim, Status.FAILED, error=reason)


def release(engine: Engine, claim: Claim, reason: str) -> bool:
    """Give the video back to be tried again, *reason* kept to be read meanwhile; False as for finish."""
    return _change(engine, _RELEASE, claim, {"error": reason})


def _end(
    engine: Engine, claim: Claim, status: Status, processed_key: str | None = None, error: str | None = None
) -> bool:
    values = {"status": status, "processed_key": processed_key, "error": error}
    return _change(engine, _END, claim, values)


def _change(engine: Engine, statement: TextClause, claim: Claim, values: dict[str, str | None]) -> bool:
    with engine.connect() as session:
        named = {"id": claim.video_id, "attempts": claim.attempts}
        return session.execute(statement, named | values).rowcount == 1


#: The claim's row as long as nobody ended it or began a later attempt.
_CURRENT = "id = :id and attempts = :attempts and status in ('uploaded', 'processing')"

# clock_timestamp() differs from call to call; one row of it makes two columns one instant.
_END = text(f"""
    with now as materialized (select clock_timestamp() as at)
    update videos set status = :status, processed_key = :processed_key, error = :error,
                      finished_at = now.at, updated_at = now.at
    from now where {_CURRENT}
""")  # noqa: S608 - no outside text in it

_RELEASE = text(f"""
    update videos set status = 'uploaded', error = :error, updated_at = clock_timestamp() where {_CURRENT}
""")  # noqa: S608 - no outside text in it
