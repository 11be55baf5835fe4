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
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Any

from sqlalchemy import Connection, Engine, Float, TextClause, cast, extract, func, select, text, update
from sqlalchemy.exc import SQLAlchemyError

from app.model import CLOCK, Status, Video

#: How many attempts at a video count, and how long ago it was uploaded.
TRIES = (Video.attempts - Video.excused).label("tries")
AGE_S = cast(extract("epoch", CLOCK - Video.uploaded_at), Float).label("age_s")


class Outcome(Enum):
    """What a delivery found."""

    CLAIMED = auto()  # ours; this process is to make the video
    FINISHED = auto()  # done or failed already
    HELD = auto()  # another process is at it
    EXHAUSTED = auto()  # ours, but tried too often without an end: its processes died
    UNKNOWN = auto()  # no such row


@dataclass(frozen=True)
class Claim:
    """A delivery's right to a video.

    Attributes:
        video_id: the video's id.
        outcome: what the delivery found.
        attempts: how many were begun, this one included; names the attempt.
        object_key: where the original is.
        tries: how many attempts count, this one included.
        age_s: seconds since the upload.
    """

    video_id: str
    outcome: Outcome
    attempts: int = 0
    object_key: str = ""
    tries: int = 0
    age_s: float = 0.0


@contextmanager
def claim(
    engine: Engine, video_id: str, worker: str, max_attempts: int, unanswered: set[int] | None = None
) -> Iterator[Claim]:
    """Count the delivery and, if the video is free and unfinished, begin an attempt; hold the lock meanwhile.

    Args:
        engine: one that commits each statement by itself.
        video_id: the video's id.
        worker: who begins, as ``host/pool-child-index/pid``.
        max_attempts: how many attempts may be begun.
        unanswered: the attempts that this delivery has asked for; to be given again when it asks again. What
            the database began although its answer was lost is then gone on with, and counts once.

    Raises:
        SQLAlchemyError: the database did not answer.
    """
    key = func.hashtextextended(video_id, 0)
    asked = set() if unanswered is None else unanswered
    with engine.connect() as session:
        process: Any = session.connection.driver_connection
        backend = process.info.backend_pid
        with _ended_if_lost(engine, session, backend):
            got = bool(session.scalar(select(func.pg_try_advisory_lock(key))))
            begun = _begin(session, video_id, worker, max_attempts, got, asked)
        try:
            yield begun
        finally:
            if got:
                with contextlib.suppress(SQLAlchemyError), _ended_if_lost(engine, session, backend):
                    session.execute(select(func.pg_advisory_unlock(key)))


@contextmanager
def _ended_if_lost(engine: Engine, session: Connection, backend: int) -> Iterator[None]:
    """When the block fails, see to it that the session ends on the server's side too, and its lock with it.

    The server would otherwise hold the lock of a connection that died without a word until it notices.
    """
    try:
        yield
    except SQLAlchemyError:
        with contextlib.suppress(SQLAlchemyError):
            session.invalidate()
            with engine.connect() as another:
                another.execute(_END_SESSION, {"pid": backend})
        raise


def _begin(
    session: Connection, video_id: str, worker: str, max_attempts: int, got: bool, asked: set[int]
) -> Claim:
    counted = (
        update(Video)
        .where(Video.id == video_id)
        .values(deliveries=Video.deliveries + 1)
        .returning(Video.status, Video.attempts, Video.object_key, Video.worker, TRIES, AGE_S)
    )
    row = session.execute(counted).one_or_none()
    if row is None:
        return Claim(video_id, Outcome.UNKNOWN)
    claim = Claim(video_id, Outcome.CLAIMED, row.attempts, row.object_key, row.tries, row.age_s)
    if row.status in (Status.DONE, Status.FAILED):
        return replace(claim, outcome=Outcome.FINISHED)
    if not got:
        return replace(claim, outcome=Outcome.HELD)
    if row.attempts in asked and row.worker == worker:
        return claim
    if row.tries >= max_attempts:
        return replace(claim, outcome=Outcome.EXHAUSTED)
    begun = {
        "status": Status.PROCESSING,
        "attempts": Video.attempts + 1,
        "worker": worker,
        "started_at": CLOCK,
        "updated_at": CLOCK,
    }
    asked.add(row.attempts + 1)
    session.execute(update(Video).where(Video.id == video_id).values(begun))
    return replace(claim, attempts=row.attempts + 1, tries=row.tries + 1)


def finish(engine: Engine, claim: Claim, processed_key: str, warning: str | None = None) -> bool:
    """Mark the video done; False when the attempt is no longer the current one, and nothing was changed.

    May be repeated when its answer was lost.
    """
    return _end(engine, claim, Status.DONE, processed_key=processed_key, warning=warning)


def fail(engine: Engine, claim: Claim, reason: str) -> bool:
    """Mark the video failed for good; False as for finish."""
    return _end(engine, claim, Status.FAILED, error=reason)


def release(engine: Engine, claim: Claim, reason: str, *, excused: bool) -> bool:
    """Give the video back to be tried again, *reason* kept to be read meanwhile; False as for finish.

    Args:
        engine: as for claim.
        claim: the attempt that ends.
        reason: why.
        excused: the video was not at fault, so the attempt does not count.
    """
    return _change(engine, _RELEASE, claim, {"error": reason, "excused": int(excused)})


def is_known(engine: Engine, claim: Claim) -> bool:
    """Whether there still is such a video."""
    with engine.connect() as session:
        return session.scalar(select(Video.id).where(Video.id == claim.video_id)) is not None


def _end(engine: Engine, claim: Claim, status: Status, **values: str | None) -> bool:
    texts = dict.fromkeys(("processed_key", "error", "warning")) | values
    return _change(engine, _END, claim, {"status": status, **texts})


def _change(engine: Engine, statement: TextClause, claim: Claim, values: dict[str, Any]) -> bool:
    named = {"id": claim.video_id, "attempts": claim.attempts, **values}
    with engine.connect() as session:
        if session.execute(statement, named).rowcount == 1:
            return True
        # The same change, whose answer did not arrive: a finished row is never changed again.
        return "status" in values and bool(session.scalar(_ENDED_SO, named))


#: Only one of ours: a pooler may have made the number up.
_END_SESSION = text("""
    select pg_terminate_backend(pid) from pg_stat_activity
    where pid = :pid and datname = current_database()
      and application_name = current_setting('application_name')
""")

#: The claim's row as long as nobody ended it or began a later attempt.
_CURRENT = "id = :id and attempts = :attempts and status in ('uploaded', 'processing')"

# clock_timestamp() differs from call to call; one row of it makes two columns one instant.
_END = text(f"""
    with now as materialized (select clock_timestamp() as at)
    update videos set status = :status, processed_key = :processed_key, error = :error, warning = :warning,
                      finished_at = now.at, updated_at = now.at
    from now where {_CURRENT}
""")  # noqa: S608 - no outside text in it

_ENDED_SO = text("select true from videos where id = :id and attempts = :attempts and status = :status")

_RELEASE = text(f"""
    update videos set status = 'uploaded', error = :error, updated_at = clock_timestamp(),
                      excused = excused + case status when 'processing' then :excused else 0 end
    where {_CURRENT}
""")  # noqa: S608 - no outside text in it
