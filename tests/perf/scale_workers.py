"""What a team's script does: `python -m tests.perf.scale_workers FOLDER N [NODES]`, one worker of N a node.

They outlive it. Each call is noted in FOLDER/calls.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path


def main(folder: Path, concurrency: int, nodes: int = 1) -> None:
    with (folder / "calls").open("a") as calls:
        calls.write(f"{concurrency * nodes}\n")
    stop(folder)
    if concurrency:
        # One node keeps the machine's name, as a team's only worker does.
        names = [f"node{number}" for number in range(1, nodes + 1)] if nodes > 1 else [None]
        started = [_start(folder, concurrency, name) for name in names]
        (folder / "pid").write_text("\n".join(map(str, started)))


def _start(folder: Path, concurrency: int, name: str | None) -> int:
    command = [sys.executable, "-m", "worker", "--concurrency", str(concurrency)]
    with (folder / "worker.txt").open("a") as log:
        worker = subprocess.Popen(
            command, env=os.environ | ({"WORKER_NODE": name} if name else {}), stdin=subprocess.DEVNULL,
            stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    return worker.pid


def stop(folder: Path) -> None:
    """End the workers, should there be some."""
    file = folder / "pid"
    if not file.exists():
        return
    pids = [int(line) for line in file.read_text().split()]
    for number in (signal.SIGTERM, signal.SIGKILL):
        for pid in pids:
            with suppress(ProcessLookupError):
                os.killpg(pid, number)
        end_s = time.monotonic() + 10
        while any(map(alive, pids)) and time.monotonic() < end_s:
            time.sleep(0.1)
    file.unlink()


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:]))
