"""From a file in a request to a task on the queue: store, insert, enqueue, and what a failure undoes."""

from __future__ import annotations

import contextlib
import logging
import time
from pathlib import PurePosixPath

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from app.model import Video, new_id
from app.queue import EnqueueError, TaskQueue
from app.settings import Settings
from app.storage import ObjectTooLargeError, Readable, Storage, StorageError
from app.upload_body import UploadRefusedError
from app.videos import insert_video, mark_failed

VIDEO_SUFFIXES = (
    *(".3gp", ".avi", ".flv", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4"),
    *(".mpeg", ".mpg", ".mts", ".mxf", ".ogv", ".ts", ".webm", ".wmv"),
)
#: Pauses before each try to write down that an upload failed: its row must not wait for ever.
MARK_FAILED_PAUSES_S = (0.0, 0.5, 2.0)

_log = logging.getLogger(__name__)


def video_suffix(filename: str, content_type: str) -> str:
    """The lower-case suffix under which to store an upload.

    The two must not contradict a video; what the bytes really are, ffmpeg finds out.

    Raises:
        UploadRefusedError: 415, neither name nor type says that this is a video, or one says it is not.
    """
    suffix = PurePosixPath(filename).suffix.lower()
    says_video = content_type.startswith("video/")
    says_nothing = content_type in ("", "application/octet-stream", "binary/octet-stream")
    if (suffix in VIDEO_SUFFIXES and (says_video or says_nothing)) or (not suffix and says_video):
        return suffix
    raise UploadRefusedError(
        415, f"not a video by its name and type: send one of {' '.join(VIDEO_SUFFIXES)} as video/*"
    )


class Uploads:
    """Takes uploads in; blocking, for threads."""

    def __init__(self, settings: Settings, engine: Engine, storage: Storage, queue: TaskQueue) -> None:
        self._settings = settings
        self._engine = engine
        self._storage = storage
        self._queue = queue

    def accept(self, source: Readable, suffix: str) -> Video:
        """Store *source*, insert its row, enqueue its task; in this order, so that no task lacks its parts.

        Raises:
            UploadRefusedError: the file is too long, or its body broke. Nothing stays of it.
            StorageError, SQLAlchemyError: it could not be stored or written down. Nothing stays of it.
            EnqueueError: its row stays, as failed with the reason. Should the process end before it is
                written, or the database be away, the row stays as uploaded, without a message.
        """
        video_id = new_id()
        key = self._settings.upload_key(f"{video_id}{suffix}")
        self._store(source, key)
        video = self._insert(video_id, key)
        try:
            self._queue.enqueue(video_id)
        except EnqueueError as error:
            failed = self._fail(video_id, str(error))
            if failed is False:  # SQS took the message and the answer was lost: a worker is at it
                return video
            if failed:
                self._discard(key)
            raise
        return video

    def _store(self, source: Readable, key: str) -> None:
        limit = self._settings.max_upload_bytes
        try:
            self._storage.upload_stream(key, source, limit)
        except ObjectTooLargeError as error:
            raise UploadRefusedError(413, f"the file is longer than the limit of {limit} bytes") from error

    def _insert(self, video_id: str, key: str) -> Video:
        try:
            with Session(self._engine, expire_on_commit=False) as session, session.begin():
                return insert_video(session, video_id, key)
        except SQLAlchemyError:
            self._discard(key)
            self._fail(video_id, "the database failed while the upload was written down: send it again")
            raise

    def _discard(self, key: str) -> None:
        with contextlib.suppress(StorageError):
            self._storage.delete(key)
            return
        _log.error("could not remove %s, which no video refers to: remove it by hand", key)

    def _fail(self, video_id: str, reason: str) -> bool | None:
        """Write the failure down; also after an insert that failed, for its commit may have come through.

        Returns:
            Whether there was such a video that nobody had begun; None where the database did not say.
        """
        for pause_s in MARK_FAILED_PAUSES_S:
            time.sleep(pause_s)
            with contextlib.suppress(SQLAlchemyError), Session(self._engine) as session, session.begin():
                return mark_failed(session, video_id, reason)
        _log.error("could not mark %s as failed (%s): should it be a row, it has no task", video_id, reason)
        return None
