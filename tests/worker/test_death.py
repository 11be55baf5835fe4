"""The end of a worker, asked for or not: nothing is lost and no ffmpeg is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from app.model import Status
from tests.worker.rig import DEADLINE_S, QUICK, SLOW, Rig, eventually, ffmpegs_of
from worker.scratch import PREFIX


def _caught_in_the_act(rig: Rig, video_id: str, pid: int) -> psutil.Process:
    """The ffmpeg that processes the video now."""
    rig.wait_for(video_id, Status.PROCESSING)
    return eventually(lambda: ffmpegs_of(pid), "an ffmpeg runs")[0]


@pytest.mark.parametrize("told", [signal.SIGTERM, signal.SIGHUP])
def test_told_to_end_it_finishes_the_running_task_and_returns_the_rest(
    rig: Rig, clip: Path, long_clip: Path, told: signal.Signals
) -> None:
    with rig.worker(**SLOW) as worker:
        running = rig.submit(long_clip)
        rest = rig.submit(clip)
        _caught_in_the_act(rig, running, worker.pid)
        os.kill(worker.pid, told)
        eventually(lambda: not worker.alive, "the worker has ended")
        assert worker._returncode() == 0
    assert rig.video(running).status == Status.DONE
    assert (rig.video(rest).status, rig.video(rest).deliveries) == (Status.UPLOADED, 0)
    assert rig.messages() == (1, 0)
    row = rig.worker_row(worker.pid)
    assert row is not None
    assert row.stopped_at is not None


def test_a_killed_worker_loses_nothing_and_leaves_no_ffmpeg(rig: Rig, long_clip: Path) -> None:
    with rig.worker(**SLOW) as killed:
        video_id = rig.submit(long_clip)
        ffmpeg = _caught_in_the_act(rig, video_id, killed.pid)
        family = [*psutil.Process(killed.pid).children(recursive=True), ffmpeg]
        os.kill(killed.pid, signal.SIGKILL)  # the main process alone: the rest must follow by itself
        eventually(lambda: not any(_runs(process) for process in family), "children and ffmpeg are gone")
    assert rig.video(video_id).status == Status.PROCESSING
    with rig.worker():
        video = rig.wait_for(video_id, Status.DONE)
        assert (video.attempts, video.deliveries) == (2, 2)
        rig.wait_until_empty()


def test_a_killed_pool_child_is_replaced_and_its_task_runs_again(
    rig: Rig, long_clip: Path, tmp_path: Path
) -> None:
    with rig.worker(**SLOW, TMPDIR=str(tmp_path)) as worker:
        (left := tmp_path / f"{PREFIX}of-one-killed-before").mkdir()
        os.utime(left, (0, 0))
        video_id = rig.submit(long_clip)
        ffmpeg = _caught_in_the_act(rig, video_id, worker.pid)
        first = (rig.video(video_id).worker or "").split("/")
        os.kill(int(first[2]), signal.SIGKILL)
        eventually(lambda: not _runs(ffmpeg), "its ffmpeg is gone")
        video = rig.wait_for(video_id, Status.DONE)
        assert video.attempts == 2
        assert video.worker != "/".join(first)
        assert not left.exists()
        rig.wait_until_empty()
        assert worker.alive


def test_a_pool_child_that_hangs_is_killed_in_the_end_and_its_task_runs_again(
    rig: Rig, long_clip: Path
) -> None:
    """It would hold its video, and a slot of its worker, for ever."""
    longest = {"WORKER_HELD_AT_MOST_S": "30", "FFMPEG_TIMEOUT_S": "10"}
    with rig.worker(**SLOW, **longest) as worker:
        video_id = rig.submit(long_clip)
        hangs = _caught_in_the_act(rig, video_id, worker.pid).parent()
        assert hangs is not None
        hangs.suspend()
        video = rig.wait_for(video_id, Status.DONE)
        assert video.attempts > 1
        assert not _runs(hangs)
        rig.wait_until_empty()
        assert "Hard time limit (30s) exceeded" in worker.log.read_text()


def test_a_worker_whose_event_loop_breaks_ends_and_says_so(rig: Rig) -> None:
    broken = (
        "from worker import __main__ as start, transport\n"
        "transport.Channel._on_messages_ready = lambda *_: 1 / 0\n"
        "start.main([])"
    )
    rig.send("any")
    argv = [sys.executable, "-c", broken]
    env = os.environ | rig.env | QUICK
    ended = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=DEADLINE_S, check=False)
    assert ended.returncode == 1
    assert "Unrecoverable error: ZeroDivisionError" in ended.stderr


def _runs(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
