"""Videos without a message: found, and sent again or failed. One at a time, under the lock of a worker.

The API may die between the row and the send, a queue gives a message up or is purged. A second message for
a video that has one does no harm, so what cannot be known for certain is decided for sending.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, auto
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Row, and_, func, or_, select, true, update

from app.model import CLOCK, Status, Video
from worker.settings import WorkerSettings
from worker.state import AGE_S, TRIES

_OPEN = Video.status.in_((Status.UPLOADED, Status.PROCESSING))

#: Videos looked at in one pass.
_MOST = 1000


class Fate(Enum):
    """What became of a video whose message is gone."""

    SENT = auto()
    FAILED = auto()
    FINISHED = auto()  # it was done or failed already
    HELD = auto()  # a worker is at it
    UNKNOWN = auto()  # there is no such row


@dataclass(frozen=True)
class Lost:
    """The videos of one database and the queue they are sent to.

    Attributes:
        engine: the database.
        worker: how often and how long a video is tried.
        send: puts the task of a video on the queue, or raises.
    """

    engine: Engine
    worker: WorkerSettings
    send: Callable[[str], None]

    def find(self, *, queue_is_empty: bool, overtaken_by_s: float) -> list[str]:
        """The unfinished videos that have lost their message, oldest first.

        Where the queue is empty that is every one that nothing happened to for a while. Where it is not,
        it is one that another has overtaken by far: uploaded so much later, and done; and no worker can be at
        it still, for one whose lock went with its session holds the message without one.

        Args:
            queue_is_empty: it holds no message, in flight ones included.
            overtaken_by_s: what no message can be late by, given that the queue hides it after a delivery.
        """
        idle_s = self.worker.worker_resend_after_s
        latest = select(func.max(Video.uploaded_at)).where(Video.status == Status.DONE).scalar_subquery()
        overtaken = Video.updated_at < latest - timedelta(seconds=overtaken_by_s)
        left = or_(Video.status == Status.UPLOADED, _idle_for(self.worker.longest_s))
        gone = true() if queue_is_empty else and_(overtaken, left)
        query = select(Video.id).where(_OPEN, _idle_for(idle_s), gone).order_by(Video.uploaded_at)
        with self.engine.connect() as session:
            return list(session.scalars(query.limit(_MOST)))

    def settle(self, video_id: str, reason: str, idle_s: float = 0.0) -> Fate:
        """Send the video again, or fail it for *reason* when it was tried or is waiting too long.

        Args:
            video_id: the video.
            reason: what became of its message.
            idle_s: leave it alone, as held, if something happened to it more lately.
        """
        with self.engine.begin() as session:
            key = func.hashtextextended(video_id, 0)
            if not session.scalar(select(func.pg_try_advisory_xact_lock(key))):
                return Fate.HELD
            query = select(Video.status, Video.error, TRIES, AGE_S, _idle_for(idle_s).label("idle"))
            row = session.execute(query.where(Video.id == video_id)).one_or_none()
            fate = self._fate(row)
            if fate is Fate.FAILED and row is not None:
                last = f"; the last fault: {row.error}" if row.error else ""
                _fail(session, video_id, f"gave up after {row.tries} attempts: {reason}{last}")
            if fate is Fate.SENT:
                _touch(session, video_id)
                # Within the transaction: what cannot be sent is found again by the next pass.
                self.send(video_id)
        return fate

    def _fate(self, row: Row[Any] | None) -> Fate:
        if row is None:
            return Fate.UNKNOWN
        if row.status in (Status.DONE, Status.FAILED):
            return Fate.FINISHED
        if not row.idle:
            return Fate.HELD
        old = row.age_s >= self.worker.worker_give_up_after_s
        return Fate.FAILED if old or row.tries >= self.worker.worker_max_attempts else Fate.SENT


def _idle_for(idle_s: float) -> ColumnElement[bool]:
    return Video.updated_at <= CLOCK - timedelta(seconds=idle_s)


def _touch(session: Connection, video_id: str) -> None:
    waits = {"status": Status.UPLOADED, "updated_at": CLOCK}
    session.execute(update(Video).where(Video.id == video_id).values(waits))


def _fail(session: Connection, video_id: str, reason: str) -> None:
    now = select(select(CLOCK.label("at")).cte("clock").c.at).scalar_subquery()
    ended = {"status": Status.FAILED, "error": reason, "finished_at": now, "updated_at": now}
    session.execute(update(Video).where(Video.id == video_id).values(ended))
