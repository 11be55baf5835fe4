"""Looks around a case: the workers' reports, tasks of others, what is left in the queue. Changes nothing."""

from __future__ import annotations

import time
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import Engine, or_, select

from app.model import Video, Worker
from perf.measure.evidence import Crew

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient

#: A worker renews its row every two seconds; one that was silent for so long is gone.
SILENT_S = 15.0


def crew_since(engine: Engine, queue: str, begin_s: float, now_s: float) -> dict[str, Crew]:
    """The workers of a queue that were there at any time since *begin_s*, by id; Unix times."""
    begin, silent = _instant(begin_s), _instant(now_s - SILENT_S)
    there = or_(Worker.stopped_at >= begin, Worker.seen_at >= _instant(begin_s - SILENT_S))
    query = select(Worker).where(Worker.queue == queue, there)
    with engine.connect() as connection:
        rows = connection.execute(query).all()
    return {
        row.id: Crew(
            f"{row.host}/{row.pid}",
            row.concurrency,
            tuple(row.settings.get("ffmpeg_args", ())),
            stopped=row.stopped_at is not None or row.seen_at < silent,
        )
        for row in rows
        if row.stopped_at is None or row.stopped_at >= begin
    }


def strangers_since(engine: Engine, begin_s: float, ours: Collection[str]) -> tuple[str, ...]:
    """Tasks in the table that are not ours and that changed since *begin_s*."""
    query = select(Video.id).where(Video.updated_at >= _instant(begin_s))
    with engine.connect() as connection:
        return tuple(sorted(set(connection.scalars(query)) - set(ours)))


def messages_left(sqs: SQSClient, url: str, deadline_s: float = 3.0, poll_s: float = 0.2) -> int:
    """Messages in the queue, waiting or in flight, once the workers had *deadline_s* to delete their last."""
    end = time.monotonic() + deadline_s
    while True:
        counts = sqs.get_queue_attributes(
            QueueUrl=url,
            AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
        )["Attributes"]
        count = sum(map(int, counts.values()))
        if count == 0 or time.monotonic() >= end:
            return count
        time.sleep(poll_s)


def _instant(unix_s: float) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=unix_s)
