"""A real worker process on the real protocols: what is delivered how often, and what may fail."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

from app.model import Status
from fixtures.processes import ManagedProcess
from tests.worker.rig import Rig, eventually
from worker import state


@pytest.fixture(scope="module")
def worker(shared_rig: Rig) -> Iterator[ManagedProcess]:
    with shared_rig.worker(concurrency=2) as process:
        yield process


def test_a_video_is_processed(shared_rig: Rig, worker: ManagedProcess, clip: Path, tmp_path: Path) -> None:
    video = shared_rig.wait_for(shared_rig.submit(clip), Status.DONE)
    assert video.processed_key == shared_rig.settings.processed_key(video.id)
    shared_rig.storage.download_to(video.processed_key, tmp_path / "result.mp4")
    assert (tmp_path / "result.mp4").stat().st_size > 0
    assert (video.attempts, video.deliveries, video.error) == (1, 1, None)
    assert video.started_at is not None
    assert video.uploaded_at < video.started_at < video.finished_at == video.updated_at
    host, index, pid = (video.worker or "").split("/")
    assert (host, index in "01", int(pid) != worker.pid) == (socket.gethostname(), True, True)
    shared_rig.wait_until_empty()


def test_the_handshake_says_what_the_worker_runs_with(shared_rig: Rig, worker: ManagedProcess) -> None:
    row = shared_rig.worker_row(worker.pid)
    assert row is not None
    assert (row.queue, row.concurrency, row.stopped_at) == (shared_rig.settings.sqs_queue_name, 2, None)
    assert row.settings["prefetch"] == 2
    assert row.settings["queue_visibility_timeout_s"] == 3
    assert row.settings["ffmpeg_version"].startswith("ffmpeg version")
    assert "password" not in str(row.settings)


def test_a_second_delivery_of_a_finished_video_changes_nothing(
    shared_rig: Rig, worker: ManagedProcess, clip: Path
) -> None:
    video_id = shared_rig.submit(clip)
    first = shared_rig.wait_for(video_id, Status.DONE)
    shared_rig.send(video_id)
    second = shared_rig.wait_until(video_id, lambda video: video.deliveries == 2, "a second delivery")
    assert (second.attempts, second.finished_at, second.updated_at, second.worker) == (
        1,
        first.finished_at,
        first.finished_at,
        first.worker,
    )
    shared_rig.wait_until_empty()


def test_an_unreadable_video_fails_at_once(shared_rig: Rig, worker: ManagedProcess, tmp_path: Path) -> None:
    junk = tmp_path / "junk.mp4"
    junk.write_bytes(b"this is no video" * 100)
    video = shared_rig.wait_for(shared_rig.submit(junk), Status.FAILED)
    assert (video.attempts, video.deliveries) == (1, 1)
    assert "UnreadableVideoError: " in (video.error or "")
    assert "Invalid data" in (video.error or "")
    assert video.finished_at == video.updated_at
    shared_rig.wait_until_empty()


def test_a_missing_original_fails_at_once(shared_rig: Rig, worker: ManagedProcess) -> None:
    video = shared_rig.wait_for(shared_rig.submit(None), Status.FAILED)
    assert video.attempts == 1
    assert "ObjectMissingError: " in (video.error or "")


def test_a_message_without_a_row_is_dropped_and_the_worker_goes_on(
    shared_rig: Rig, worker: ManagedProcess, clip: Path
) -> None:
    shared_rig.send("no-such-video")
    shared_rig.wait_for(shared_rig.submit(clip), Status.DONE)
    shared_rig.wait_until_empty()
    assert "There is no video no-such-video" in worker.log.read_text()


def test_a_video_that_killed_its_workers_is_given_up(
    shared_rig: Rig, worker: ManagedProcess, clip: Path
) -> None:
    video_id = shared_rig.add(clip, status=Status.PROCESSING, attempts=3)
    shared_rig.send(video_id)
    video = shared_rig.wait_for(video_id, Status.FAILED)
    assert (video.attempts, video.error) == (3, "gave up: 3 attempts ended with their worker")


def test_two_deliveries_at_once_make_one_result(shared_rig: Rig, worker: ManagedProcess, clip: Path) -> None:
    video_id = shared_rig.add(clip)
    shared_rig.send(video_id, times=2)
    done = shared_rig.wait_for(video_id, Status.DONE)
    shared_rig.wait_until_empty()
    after = shared_rig.video(video_id)
    # The second found the first at it and came back, or found it finished.
    assert after.deliveries in (2, 3)
    assert (after.attempts, after.finished_at, after.updated_at) == (1, done.finished_at, done.finished_at)


def test_a_video_held_elsewhere_is_left_alone_and_its_message_comes_back(
    shared_rig: Rig, worker: ManagedProcess, clip: Path
) -> None:
    video_id = shared_rig.add(clip)
    engine = shared_rig.engine.execution_options(isolation_level="AUTOCOMMIT")
    with state.claim(engine, video_id, "elsewhere/0/1", max_attempts=3) as claim:
        shared_rig.send(video_id)
        shared_rig.wait_until(video_id, lambda video: video.deliveries == 2, "a delivery to the worker")
        assert state.finish(engine, claim, "made elsewhere")
    shared_rig.wait_until(video_id, lambda video: video.deliveries == 3, "the message came back")
    shared_rig.wait_until_empty()
    video = shared_rig.video(video_id)
    assert (video.attempts, video.worker, video.processed_key) == (1, "elsewhere/0/1", "made elsewhere")


def test_a_database_that_is_away_for_a_while_costs_no_video_and_no_worker(
    shared_rig: Rig, worker: ManagedProcess, clip: Path
) -> None:
    video_id = shared_rig.add(clip)
    with _database_closed(shared_rig):
        shared_rig.send(video_id)
        eventually(lambda: "the database did not answer" in worker.log.read_text(), "a task met it")
    video = shared_rig.wait_for(video_id, Status.DONE)
    assert (video.attempts, video.error) == (1, None)
    shared_rig.wait_until_empty()
    assert worker.alive


@contextmanager
def _database_closed(rig: Rig) -> Iterator[None]:
    """The pipeline's database refuses connections, and those it had are ended."""
    url = make_url(rig.settings.sqlalchemy_url)
    admin = create_engine(url.set(database="postgres"), isolation_level="AUTOCOMMIT")
    rig.engine.dispose()
    with admin.connect() as session:
        session.execute(text(f'alter database "{url.database}" allow_connections false'))
        ended = text("select pg_terminate_backend(pid) from pg_stat_activity where datname = :name")
        session.execute(ended, {"name": url.database})
        try:
            yield
        finally:
            session.execute(text(f'alter database "{url.database}" allow_connections true'))
    admin.dispose()


def test_a_passing_storage_fault_is_tried_again_a_bounded_number_of_times(
    rig: Rig, clip: Path, tmp_path: Path
) -> None:
    local = Rig(
        rig.env | {"STORAGE_BACKEND": "local", "LOCAL_STORAGE_DIR": str(tmp_path / "store")}, tmp_path
    )
    # Nothing can be stored below a file, not even by root.
    obstacle = tmp_path / "store" / "processed"
    obstacle.write_text("in the way")
    with local.worker(WORKER_MAX_ATTEMPTS="2", S3_DELETE_ORIGINAL="true") as worker:
        passing = local.submit(clip)
        waiting = local.wait_until(passing, lambda video: bool(video.error), "a first failure")
        assert waiting.status == Status.UPLOADED
        assert "StorageUnavailableError: " in (waiting.error or "")
        obstacle.unlink()
        passed = local.wait_for(passing, Status.DONE)
        assert (passed.attempts, passed.error) == (2, None)

        obstacle.rename(tmp_path / "results")
        obstacle.write_text("in the way again")
        given_up = local.wait_for(local.submit(clip), Status.FAILED)
        assert given_up.attempts == 2
        assert "gave up after 2 attempts: StorageUnavailableError" in (given_up.error or "")

        local.wait_until_empty()
        eventually(lambda: not local.storage.exists(passed.object_key), "the original of the done one goes")
        assert local.storage.exists(given_up.object_key)
        assert worker.alive
    local.close()
