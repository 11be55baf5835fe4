"""A real worker process on the real protocols: what is delivered how often, and what may fail."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import create_engine, delete, make_url, text

from app.model import Status, Video
from perf.deploy.processes import ManagedProcess
from tests.worker.rig import SLOW, Rig, eventually, make_clip
from worker import state
from worker.settings import find_ffmpeg


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
    assert (row.settings["visibility_timeout_s"], row.settings["visibility_renewed_for_s"]) == (3, 7200)
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
    assert "the original cannot be processed: it is no video that can be read" in (video.error or "")
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
        eventually(lambda: "The database does not work" in worker.log.read_text(), "a task met it")
    video = shared_rig.wait_for(video_id, Status.DONE)
    assert (video.attempts, video.error) == (1, None)
    shared_rig.wait_until_empty()
    assert worker.alive
    # It was waited out, so nobody had to give the message back.
    assert "the database did not answer" not in worker.log.read_text()


def test_a_database_that_is_away_at_the_end_for_longer_than_patience_costs_no_attempt(
    rig: Rig, long_clip: Path
) -> None:
    patience_s = 5
    with rig.worker(**SLOW, WORKER_PATIENCE_S=str(patience_s), WORKER_MAX_ATTEMPTS="1") as worker:
        video_id = rig.submit(long_clip)
        rig.wait_for(video_id, Status.PROCESSING)
        with _database_closed(rig):
            eventually(lambda: "The database does not work" in worker.log.read_text(), "the end met it")
            time.sleep(patience_s + 1)
        video = rig.wait_until(video_id, lambda video: video.status in (Status.DONE, Status.FAILED), "an end")
        assert (video.status, video.attempts, video.error) == (Status.DONE, 1, None)
        rig.wait_until_empty()


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


@pytest.fixture
def local(rig: Rig, tmp_path: Path) -> Iterator[Rig]:
    """A pipeline whose storage is a folder, `store`."""
    store = {"STORAGE_BACKEND": "local", "LOCAL_STORAGE_DIR": str(tmp_path / "store")}
    local = Rig(rig.env | store, tmp_path)
    yield local
    local.close()


def _obstacle(tmp_path: Path) -> Path:
    """Nothing can be stored below a file, not even by root."""
    obstacle = tmp_path / "store" / "processed"
    obstacle.write_text("in the way")
    return obstacle


def test_a_storage_fault_is_waited_out_and_its_attempt_goes_on(
    local: Rig, clip: Path, tmp_path: Path
) -> None:
    obstacle = _obstacle(tmp_path)
    with local.worker(WORKER_MAX_ATTEMPTS="1", S3_DELETE_ORIGINAL="true") as worker:
        video_id = local.submit(clip)
        eventually(lambda: "The upload does not work" in worker.log.read_text(), "a first failure")
        obstacle.unlink()
        video = local.wait_for(video_id, Status.DONE)
        assert (video.attempts, video.excused, video.error) == (1, 0, None)
        local.wait_until_empty()
        eventually(lambda: not local.storage.exists(video.object_key), "the original goes")


def test_a_storage_fault_that_lasts_gives_the_video_back_uncounted(
    local: Rig, clip: Path, tmp_path: Path
) -> None:
    obstacle = _obstacle(tmp_path)
    with local.worker(WORKER_MAX_ATTEMPTS="1", WORKER_PATIENCE_S="0"):
        video_id = local.submit(clip)
        waiting = local.wait_until(
            video_id, lambda video: video.excused >= 2, "two attempts that do not count"
        )
        assert waiting.status != Status.FAILED
        assert "StorageUnavailableError: " in (waiting.error or "")
        obstacle.unlink()
        video = local.wait_for(video_id, Status.DONE)
        assert (video.attempts, video.error) == (video.excused + 1, None)
        local.wait_until_empty()


def test_a_storage_fault_is_not_waited_for_for_ever(local: Rig, clip: Path, tmp_path: Path) -> None:
    _obstacle(tmp_path)
    with local.worker(WORKER_PATIENCE_S="0", WORKER_GIVE_UP_AFTER_S="0.001") as worker:
        video = local.wait_for(local.submit(clip), Status.FAILED)
        assert video.attempts == 1
        assert "gave up 0.0 h after the upload: StorageUnavailableError" in (video.error or "")
        local.wait_until_empty()
        assert local.storage.exists(video.object_key)
        assert worker.alive
    local.close()


def test_a_video_that_is_removed_while_it_is_made_leaves_no_result(rig: Rig, long_clip: Path) -> None:
    with rig.worker(**SLOW) as worker:
        video_id = rig.submit(long_clip)
        rig.wait_for(video_id, Status.PROCESSING)
        with rig.engine.begin() as connection:
            connection.execute(delete(Video).where(Video.id == video_id))
        rig.wait_until_empty()
        assert f"Video {video_id} was removed meanwhile" in worker.log.read_text()
    assert not rig.storage.exists(rig.settings.processed_key(video_id))


def test_an_attempt_that_tried_the_video_counts(local: Rig, clip: Path, tmp_path: Path) -> None:
    """An ffmpeg that kills itself."""
    killed = tmp_path / "ffmpeg"
    killed.write_text("#!/bin/sh\nkill -9 $$\n")
    killed.chmod(0o755)
    with local.worker(WORKER_MAX_ATTEMPTS="2", FFMPEG=str(killed)):
        video = local.wait_for(local.submit(clip), Status.FAILED)
    assert (video.attempts, video.excused) == (2, 0)
    assert "gave up after 2 attempts: TranscodeInterruptedError" in (video.error or "")


def test_a_worker_that_stops_does_not_wait_for_a_storage(local: Rig, clip: Path, tmp_path: Path) -> None:
    _obstacle(tmp_path)
    with local.worker(WORKER_PATIENCE_S="600") as worker:
        video_id = local.submit(clip)
        eventually(lambda: "The upload does not work" in worker.log.read_text(), "a first failure")
        os.kill(worker.pid, signal.SIGTERM)
        eventually(lambda: not worker.alive, "the worker has ended")
    video = local.video(video_id)
    assert (video.status, video.attempts, video.excused) == (Status.UPLOADED, 1, 1)
    eventually(lambda: local.messages() == (1, 0), "the message is there again")


def test_a_full_disk_is_waited_out(rig: Rig, clip: Path, tmp_path: Path) -> None:
    """An ffmpeg whose own words go to the full disk: its exit code is all there is."""
    (full := tmp_path / "full").touch()
    ffmpeg = tmp_path / "ffmpeg"
    ffmpeg.write_text(f'#!/bin/sh\n[ -e "{full}" ] && exit 228\nexec "{find_ffmpeg()}" "$@"\n')
    ffmpeg.chmod(0o755)
    with rig.worker(WORKER_MAX_ATTEMPTS="1", FFMPEG=str(ffmpeg)) as worker:
        video_id = rig.submit(clip)
        eventually(lambda: "The disk does not work" in worker.log.read_text(), "a first failure")
        full.unlink()
        video = rig.wait_for(video_id, Status.DONE)
        assert (video.attempts, video.excused, video.error) == (1, 0, None)
        rig.wait_until_empty()


def test_a_damaged_original_is_done_with_its_warning(
    shared_rig: Rig, worker: ManagedProcess, tmp_path: Path
) -> None:
    whole = make_clip(tmp_path / "whole.ts", 2).read_bytes()
    middle, hole = len(whole) // 2, bytes(len(whole) // 16)
    (damaged := tmp_path / "damaged.ts").write_bytes(whole[:middle] + hole + whole[middle + len(hole) :])
    video = shared_rig.wait_for(shared_rig.submit(damaged), Status.DONE)
    assert video.error is None
    assert (video.warning or "").startswith("the original is damaged: ")
