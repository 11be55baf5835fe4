"""What the web tier itself carries: `python -m perf.bench.web_tier`, for 1 and 2 uvicorn workers.

Users without a pause, so many that the tier is never idle, against the API with real PostgreSQL and moto, all
on this machine; beside the throughput stands which part used the processors, for that is what bounds it here.
Read the ratios: generator, API, moto and PostgreSQL share the cores.

More than one worker is slower for small answers with uvicorn 0.54 (Kludex/uvicorn#3149): the socket that it
binds for them has no TCP_NODELAY, and each answer on a connection that is kept waits 40 ms for an ACK.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

from fixtures.api import ApiServer
from fixtures.pipeline import pipeline_environment
from perf.deploy.servers import running_servers
from perf.deploy.workdir import temporary_folder
from perf.load.locust_run import LoadSpec, Site, records_folder, run_load
from perf.measure.machine import machine_use
from perf.measure.numbers import number
from perf.measure.web import summarise_web, window_of
from perf.observe.machine import MachineObserver
from perf.observe.tail import LoadTail
from perf.run.web_load import bottleneck_of

USERS = 16
WARM_UP_S = 1.0
#: Short, since every upload leaves a message, and moto's sends slow down with the depth of the queue.
ENDPOINTS = ("health", "upload")


def measure(env: dict[str, str], folder: Path, endpoint: str, workers: int, seconds: float) -> None:
    """Print what so many uvicorn workers carry of one endpoint."""
    api = ApiServer(env, folder, workers=workers)
    load = LoadSpec(seconds, users=USERS, spawn_per_s=USERS, think_s=0, endpoints=(endpoint,))
    prefix, machine = folder / f"{endpoint}-{workers}", MachineObserver()
    with api.process:
        tail = LoadTail(records_folder(prefix), lambda _: None, machine, seconds)
        logs = run_load(load, Site(api.url, done_video="-"), prefix, tail)
    summary = summarise_web(logs, window_of(logs, seconds, WARM_UP_S), is_open=False)
    tail.close()
    print(
        f"{endpoint:<7} {workers} worker(s): {number(summary.throughput_per_s):>6}/s, "
        f"p50 {number(summary.response_p50_s)} s, p95 {number(summary.response_p95_s)} s, "
        f"{summary.failed} failed; {bottleneck_of(machine_use(machine.seen))}",
        flush=True,
    )


def main() -> None:
    """Run it, a line for each."""
    parser = argparse.ArgumentParser("python -m perf.bench.web_tier", description=__doc__)
    parser.add_argument("--seconds", type=float, default=5)
    seconds = parser.parse_args().seconds
    with (
        temporary_folder("bench") as folder,
        running_servers(os.environ, folder) as servers,
        tempfile.TemporaryDirectory(prefix="video-perf-bench-") as results,
    ):
        for endpoint in ENDPOINTS:
            for workers in (1, 2):
                with pipeline_environment(servers, os.environ) as env:
                    measure(env, Path(results), endpoint, workers, seconds)


if __name__ == "__main__":
    main()
