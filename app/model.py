"""The state of the pipeline in PostgreSQL. Every instant is taken by the database's clock."""

from __future__ import annotations

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import DateTime, Index, String, Text, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Status(StrEnum):
    """The states of a task, in their order; the last two are final."""

    UPLOADED = "uploaded"
    PROCESSING = "processing"
    DONE = "done"
    FAILED = "failed"


#: The instant of the statement, not of the transaction's start as ``now()`` is.
CLOCK = func.clock_timestamp()

#: As many characters as a UUID has.
ID_LENGTH = 36


def new_id() -> str:
    """A fresh id for a video or a worker."""
    return str(uuid.uuid4())


class Base(DeclarativeBase):
    """All tables."""

    type_annotation_map = {datetime: DateTime(timezone=True), dict[str, Any]: JSONB}  # noqa: RUF012


class Video(Base):
    """One video and the task that processes it."""

    __tablename__ = "videos"
    __table_args__ = (Index("videos_status_uploaded_at_id", "status", "uploaded_at", "id"),)

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True, default=new_id)
    object_key: Mapped[str] = mapped_column(Text)
    processed_key: Mapped[str | None] = mapped_column(Text)
    status: Mapped[str] = mapped_column(String(16), default=Status.UPLOADED)
    uploaded_at: Mapped[datetime] = mapped_column(server_default=CLOCK)
    #: The start of the last attempt, the one that made the result.
    started_at: Mapped[datetime | None]
    #: When the task became done or failed; never changed afterwards.
    finished_at: Mapped[datetime | None]
    #: Any change of state. Equal to finished_at for a finished task, whatever is delivered later.
    updated_at: Mapped[datetime] = mapped_column(server_default=CLOCK)
    #: How often processing was begun.
    attempts: Mapped[int] = mapped_column(default=0, server_default="0")
    #: How many of them do not count: they ended by a fault of the storage or the disk, not of the video.
    excused: Mapped[int] = mapped_column(default=0, server_default="0")
    #: How often SQS delivered the message to a worker; more than one is a duplicate or a redelivery.
    deliveries: Mapped[int] = mapped_column(default=0, server_default="0")
    #: ``host/pool-child-index/pid`` of the last attempt.
    worker: Mapped[str | None] = mapped_column(Text)
    error: Mapped[str | None] = mapped_column(Text)
    #: What is wrong with a video that is done all the same: its original was damaged.
    warning: Mapped[str | None] = mapped_column(Text)


class Worker(Base):
    """A worker's handshake: it inserts its row when it is ready to consume and closes it as it stops."""

    __tablename__ = "workers"

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True, default=new_id)
    host: Mapped[str] = mapped_column(Text)
    pid: Mapped[int]
    queue: Mapped[str] = mapped_column(Text)
    concurrency: Mapped[int]
    #: What the worker really runs with: versions, prefetch, polling interval, ffmpeg arguments.
    settings: Mapped[dict[str, Any]]
    ready_at: Mapped[datetime] = mapped_column(server_default=CLOCK)
    #: Renewed every few seconds; a worker whose row is stale was killed.
    seen_at: Mapped[datetime] = mapped_column(server_default=CLOCK)
    stopped_at: Mapped[datetime | None]
    #: How many of its processes are at a task, and when one began the last of them.
    running: Mapped[int] = mapped_column(default=0, server_default="0")
    taken_at: Mapped[datetime] = mapped_column(server_default=CLOCK)
