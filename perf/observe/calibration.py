"""Runs the pipeline's bare command here: what a deployment without any cost of its own would do."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from perf.cases.errors import HarnessError
from perf.deploy.processes import run_to_end
from perf.deploy.workdir import temporary_folder
from perf.observe import lanes
from perf.observe.seen import BareRuns
from perf.pipeline import Pipeline

#: How long one bare run may take.
DEADLINE_S = 600.0


def calibrate(pipeline: Pipeline, clip: Path, concurrency: int, runs: int) -> BareRuns:
    """Do the work of a task on *clip*, *runs* times, *concurrency* at a time, with nothing around it.

    Raises:
        HarnessError: the command refused the clip, or did not end in time.
    """
    with temporary_folder("ideal") as folder:
        targets = [folder / f"{run}.mp4" for run in range(runs)]
        asked = folder / "asked.json"
        commands = [list(pipeline.bare_command(clip, target)) for target in targets]
        asked.write_text(json.dumps({"commands": commands, "lanes": concurrency}), encoding="utf-8")
        ended = _ended(clip, [sys.executable, lanes.__file__, str(asked)], DEADLINE_S * runs)
        size_bytes, made = _made(pipeline, targets[-1])
    service_s = tuple(sorted(ended["service_s"]))
    return BareRuns(service_s, ended["makespan_s"], concurrency, ended["cpu_s"] / runs, size_bytes, made)


def _ended(clip: Path, argv: Sequence[str], deadline_s: float) -> lanes.Ended:
    try:
        done = run_to_end(argv, deadline_s)
        ended: lanes.Ended = json.loads(done.stdout)
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise HarnessError(f"calibration: the bare command could not be run on {clip}: {error}") from error
    if ended["error"]:
        raise HarnessError(f"calibration: the bare command failed on {clip}: {ended['error']}")
    return ended


def _made(pipeline: Pipeline, target: Path) -> tuple[int, Mapping[str, str]]:
    """The size of what a run has made, and what it is."""
    if pipeline.results is None or not target.exists():
        return 0, {}
    return target.stat().st_size, pipeline.results.describe(target)
