"""The rows, on a real PostgreSQL."""

import uuid
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from app.model import Status, Video, new_id
from app.videos import Cursor, CursorError, get_video, insert_video, mark_failed


def test_a_video_fails_once_and_at_one_instant(engine: Engine) -> None:
    video_id = new_id()
    with Session(engine) as session, session.begin():
        insert_video(session, video_id, "uploads/a.mp4")
    with Session(engine) as session, session.begin():
        assert mark_failed(session, video_id, "first")
        assert not mark_failed(session, video_id, "second")
    with Session(engine) as session:
        video = get_video(session, video_id)
    assert video is not None
    assert (video.status, video.error) == (Status.FAILED, "first")
    assert video.finished_at == video.updated_at


@pytest.mark.parametrize("status", [Status.PROCESSING, Status.DONE])
def test_what_a_worker_has_begun_is_left_alone(engine: Engine, status: Status) -> None:
    video_id = new_id()
    with Session(engine) as session, session.begin():
        session.add(Video(id=video_id, object_key="a", status=status))
    with Session(engine) as session, session.begin():
        assert not mark_failed(session, video_id, "too late")


@given(st.datetimes(timezones=st.just(UTC)), st.uuids())
def test_a_cursor_is_read_as_it_was_written(at: datetime, video_id: uuid.UUID) -> None:
    cursor = Cursor(at, str(video_id))
    assert Cursor.decode(cursor.encode()) == cursor


@given(st.text())
def test_other_text_is_no_cursor(text: str) -> None:
    with pytest.raises(CursorError):
        Cursor.decode(text)
