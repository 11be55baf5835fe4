"""Bare ffmpeg, with the worker's own command."""

from __future__ import annotations

from pathlib import Path

import pytest

from perf.errors import HarnessError
from perf.measure.calibrate import calibrate
from tests.worker.rig import make_clip
from worker.settings import WorkerSettings, find_ffmpeg

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


def counting_ffmpeg(folder: Path) -> Path:
    program = folder / "ffmpeg"
    program.write_text(COUNTING.format(folder=folder))
    program.chmod(0o755)
    return program


def test_all_runs_as_many_at_a_time_as_the_workers_do(tmp_path: Path) -> None:
    settings = WorkerSettings(ffmpeg=counting_ffmpeg(tmp_path))
    ideal = calibrate(settings, Path("/clip.mp4"), concurrency=2, runs=5)
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


def test_real_ffmpeg_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "t"))
    (tmp_path / "t").mkdir()
    clip = make_clip(tmp_path / "clip.mp4", 0.5)
    ideal = calibrate(WorkerSettings(ffmpeg=find_ffmpeg()), clip, concurrency=1, runs=1)
    assert ideal.throughput_per_min > 0
    assert not list((tmp_path / "t").iterdir())


def test_a_clip_that_ffmpeg_refuses_breaks_the_harness(tmp_path: Path) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_text("no video")
    with pytest.raises(HarnessError, match=r"(?s)calibration: ffmpeg refused .*broken\.mp4: .*Invalid data"):
        calibrate(WorkerSettings(), broken, concurrency=1, runs=1)
