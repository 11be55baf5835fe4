"""Bare ffmpeg, with the worker's own command."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from app.settings import Settings
from fixtures.video_results import VideoResults
from perf.cases.errors import HarnessError
from perf.deploy.errors import FixtureError
from perf.measure.ideal import ideal_of
from perf.observe.calibration import calibrate
from tests.worker.rig import make_clip
from worker.settings import WorkerSettings, find_ffmpeg
from worker.transcode import command

#: Counts who runs at once, in place of ffmpeg; its work is a copy, and takes 0.2 s.
COUNTING = """#!/bin/sh
for target; do :; done
echo "$$ $*" >> {folder}/log
touch {folder}/running-$$
ls {folder} | grep -c running- >> {folder}/counts
sleep 0.2
rm {folder}/running-$$
echo made > "$target"
"""


class Bare:
    """Of a pipeline, the bare command and what is to be seen of its results."""

    def __init__(self, settings: WorkerSettings, results: VideoResults | None = None) -> None:
        self._settings = settings
        self.results = results

    def bare_command(self, source: Path, target: Path) -> list[str]:
        return command(self._settings, source, target)


def results() -> VideoResults:
    """What describes files alone needs no storage."""
    settings = Settings(database_url="postgresql://h/d", sqs_queue_name="q", aws_s3_bucket="b")
    return VideoResults(None, settings, find_ffmpeg())


def counting_ffmpeg(folder: Path) -> Path:
    program = folder / "ffmpeg"
    program.write_text(COUNTING.format(folder=folder))
    program.chmod(0o755)
    return program


def test_all_runs_as_many_at_a_time_as_the_workers_do(tmp_path: Path) -> None:
    settings = WorkerSettings(ffmpeg=counting_ffmpeg(tmp_path))
    bare = calibrate(Bare(settings), Path("/clip.mp4"), concurrency=2, runs=5)
    assert bare.makespan_s >= 0.6
    ideal = ideal_of(bare)
    assert ideal.concurrency == 2
    assert len(ideal.service_s) == 5
    assert list(ideal.service_s) == sorted(ideal.service_s)
    assert ideal.service_s[0] >= 0.2
    # Five runs of at least 0.2 s in two lanes take at least 0.6 s.
    assert 0 < ideal.throughput_per_min <= 60 * 5 / 0.6
    assert max(map(int, (tmp_path / "counts").read_text().split())) <= 2
    commands = (tmp_path / "log").read_text().splitlines()
    assert len(commands) == 5
    assert all(" ".join(settings.ffmpeg_args) in command for command in commands)
    assert (bare.size_bytes, bare.made) == (0, {})  # of a pipeline whose results nobody can look at


def test_all_runs_are_in_one_session_of_their_own_as_those_of_a_worker_are(tmp_path: Path) -> None:
    """Linux shares processors out between sessions: one each would be as many shares beside a neighbour."""
    bare = Bare(WorkerSettings())
    told = tmp_path / "sessions"
    tell = f"import os; open({str(told)!r}, 'a').write(f'{{os.getsid(0)}}\\n')"
    bare.bare_command = lambda source, target: [sys.executable, "-S", "-c", tell]
    calibrate(bare, tmp_path / "a.mp4", concurrency=2, runs=4)
    sessions = told.read_text().split()
    assert len(sessions) == 4
    assert len({*sessions, str(os.getsid(0))}) == 2


def test_real_ffmpeg_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "t"))
    (tmp_path / "t").mkdir()
    clip = make_clip(tmp_path / "clip.mp4", 0.5)
    bare = calibrate(Bare(WorkerSettings(ffmpeg=find_ffmpeg()), results()), clip, concurrency=1, runs=2)
    assert ideal_of(bare).throughput_per_min > 0
    assert not list((tmp_path / "t").iterdir())
    # What it made, and what it took of the processors: each run of it, not all of them.
    assert bare.size_bytes > 1000
    assert bare.made == {"video": "h264", "picture": "1280x720", "duration": "0.5 s"}
    assert bare.cpu_s > 0.01
    assert bare.cpu_s * 2 <= bare.makespan_s * (os.cpu_count() or 1) + 0.1


def test_processor_time_is_that_of_each_run(tmp_path: Path) -> None:
    """Two runs that keep a processor busy for 0.3 s each."""
    bare = Bare(WorkerSettings())
    busy = "import time\nwhile time.process_time() < 0.3: pass"
    bare.bare_command = lambda source, target: [sys.executable, "-S", "-c", busy]
    found = calibrate(bare, tmp_path / "a.mp4", concurrency=1, runs=2)
    assert 0.3 <= found.cpu_s < 0.6


def test_a_command_that_leaves_nothing_makes_nothing(tmp_path: Path) -> None:
    bare = Bare(WorkerSettings(), results())
    bare.bare_command = lambda source, target: ["true"]
    found = calibrate(bare, tmp_path / "a.mp4", concurrency=1, runs=1)
    assert (found.size_bytes, found.made) == (0, {})


def test_results_that_cannot_be_read_break_the_harness(tmp_path: Path) -> None:
    bare = Bare(WorkerSettings(), replace(results(), ffmpeg=tmp_path / "none"))
    bare.bare_command = lambda source, target: ["touch", str(target)]
    with pytest.raises(FixtureError, match=r"tried to read the result .* by ffmpeg: .*No such file"):
        calibrate(bare, tmp_path / "a.mp4", concurrency=1, runs=1)


def test_a_clip_that_ffmpeg_refuses_breaks_the_harness(tmp_path: Path) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_text("no video")
    with pytest.raises(
        HarnessError, match=r"(?s)calibration: the bare command failed on .*broken\.mp4: .*Invalid data"
    ):
        calibrate(Bare(WorkerSettings()), broken, concurrency=1, runs=1)


def test_a_command_that_is_not_there_breaks_the_harness(tmp_path: Path) -> None:
    bare = Bare(WorkerSettings())
    bare.bare_command = lambda source, target: [str(tmp_path / "none"), str(source), str(target)]
    with pytest.raises(
        HarnessError, match=r"calibration: the bare command failed on .*a\.mp4: .*No such file"
    ):
        calibrate(bare, tmp_path / "a.mp4", concurrency=1, runs=1)
