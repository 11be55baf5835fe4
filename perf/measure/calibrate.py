"""Runs bare ffmpeg on this machine: what a deployment without any cost of its own would do."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from pathlib import Path

from fixtures.processes import run_to_end
from fixtures.workdir import temporary_folder
from perf.errors import HarnessError
from perf.measure.ideal import Ideal
from worker.settings import WorkerSettings
from worker.transcode import command


def calibrate(settings: WorkerSettings, clip: Path, concurrency: int, runs: int) -> Ideal:
    """Transcode *clip* *runs* times, *concurrency* at a time, with the worker's own command.

    The lanes take the next run as they become free, as a worker's children do.

    Raises:
        HarnessError: ffmpeg refused the clip.
    """
    with (
        temporary_folder("ideal") as folder,
        ThreadPoolExecutor(concurrency, "lane") as lanes,
    ):
        targets = [folder / f"{run}.mp4" for run in range(runs)]
        start = time.monotonic()
        service_s = sorted(lanes.map(_run, repeat(settings), repeat(clip), targets))
        makespan_s = time.monotonic() - start
    return Ideal(60 * runs / makespan_s, tuple(service_s), concurrency)


def _run(settings: WorkerSettings, clip: Path, target: Path) -> float:
    start = time.monotonic()
    done = run_to_end(command(settings, clip, target), settings.ffmpeg_timeout_s)
    service_s = time.monotonic() - start
    if done.returncode != 0:
        raise HarnessError(f"calibration: ffmpeg refused {clip}: {done.stderr.strip()}")
    target.unlink()
    return service_s
