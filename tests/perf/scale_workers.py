"""What a team's script does: `python -m tests.perf.scale_workers FOLDER N` runs one worker of N.

The worker outlives it. Each call is noted in FOLDER/calls.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path


def main(folder: Path, concurrency: int) -> None:
    with (folder / "calls").open("a") as calls:
        calls.write(f"{concurrency}\n")
    stop(folder)
    if concurrency:
        command = [sys.executable, "-m", "worker", "--concurrency", str(concurrency)]
        with (folder / "worker.txt").open("a") as log:
            worker = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        (folder / "pid").write_text(str(worker.pid))


def stop(folder: Path) -> None:
    """End the worker, should there be one."""
    file = folder / "pid"
    if not file.exists():
        return
    pid = int(file.read_text())
    for number in (signal.SIGTERM, signal.SIGKILL):
        end_s = time.monotonic() + 10
        while alive(pid) and time.monotonic() < end_s:
            os.killpg(pid, number)
            time.sleep(0.1)
    file.unlink()


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
