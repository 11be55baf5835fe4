"""The rows of videos, as the web tier writes and reads them. All instants are the database's."""

from __future__ import annotations

import base64
import binascii
import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple, Self

from sqlalchemy import select, tuple_, update
from sqlalchemy.orm import Session

from app.model import CLOCK, Status, Video


class CursorError(ValueError):
    """A cursor that this service did not make."""


class Cursor(NamedTuple):
    """The place after one video in the order of `list_videos`."""

    uploaded_at: datetime
    id: str

    @classmethod
    def after(cls, video: Video) -> Self:
        """The place after *video*."""
        return cls(video.uploaded_at, video.id)

    def encode(self) -> str:
        """As text for a URL, opaque to clients."""
        return base64.urlsafe_b64encode(f"{self.uploaded_at.isoformat()} {self.id}".encode()).decode()

    @classmethod
    def decode(cls, text: str) -> Self:
        """The cursor that `encode` made.

        Raises:
            CursorError: it is none.
        """
        try:
            at, _, video_id = base64.urlsafe_b64decode(text.encode()).decode().partition(" ")
            cursor = cls(datetime.fromisoformat(at), str(uuid.UUID(video_id)))
        except (ValueError, binascii.Error) as error:
            raise CursorError("after is not a cursor: take it from 'next' of the page before") from error
        if cursor.encode() != text or cursor.uploaded_at.tzinfo is None:
            raise CursorError("after is not a cursor: take it from 'next' of the page before")
        return cursor


def insert_video(session: Session, video_id: str, object_key: str) -> Video:
    """A new video whose original is stored; `uploaded_at` is the instant of this statement."""
    video = Video(id=video_id, object_key=object_key, status=Status.UPLOADED)
    session.add(video)
    session.flush()
    return video


def get_video(session: Session, video_id: str) -> Video | None:
    """The video, or None."""
    return session.get(Video, video_id)


def list_videos(
    session: Session, *, limit: int, status: Status | None = None, after: Cursor | None = None
) -> Sequence[Video]:
    """At most *limit* videos by upload, oldest first, from *after* on.

    A page is found by its key and not by an offset, so late pages cost what the first one does.
    """
    query = select(Video).order_by(Video.uploaded_at, Video.id).limit(limit)
    if status is not None:
        query = query.where(Video.status == status)
    if after is not None:
        query = query.where(tuple_(Video.uploaded_at, Video.id) > after)
    return session.scalars(query).all()


def mark_failed(session: Session, video_id: str, error: str) -> bool:
    """End a video that no worker has begun as failed, with one instant for both of its columns.

    Returns:
        Whether it was so; a video that is past ``uploaded`` is left alone.
    """
    clock = select(CLOCK.label("at")).cte("clock")  # volatile, so PostgreSQL evaluates it once
    now = select(clock.c.at).scalar_subquery()
    ended = (
        update(Video)
        .where(Video.id == video_id, Video.status == Status.UPLOADED)
        .values(status=Status.FAILED, error=error, finished_at=now, updated_at=now)
        .returning(Video.id)
        .execution_options(synchronize_session=False)
    )
    return session.scalar(ended) is not None
