"""What one load generator can offer: `python -m perf.bench.web_generator`, beside wrk and Locust's own users.

All send to one trivial server on this machine, in turn and in one run, so that their ratios mean
something where requests per second do not. The closed loops send as fast as answers come; the open loop is
raised until the generator itself is the limit (its processor, its lag), by the search that finds a knee.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from perf.deploy.processes import LOOPBACK, ManagedProcess, free_port, listens
from perf.judge.load_checks import generator_saturated
from perf.load.locust_run import LoadSpec, Site, run_load
from perf.measure.bisection import Outcome, bounds, next_step
from perf.measure.numbers import number
from perf.measure.web import summarise_web, window_of

CONNECTIONS = 32
WARM_UP_S = 0.5
FIRST_PER_S = 500.0
RESOLUTION = 1.2
DONE = "5f0c1f7e-0000-4000-8000-000000000000"
_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"

#: Users as Locust's documentation writes them; in a file of their own, since Locust patches who imports it.
_PLAIN = """
from locust import {kind}, constant, task

class Plain({kind}):
    wait_time = constant(0)

    @task
    def health(self):
        self.client.get("/api/health")
"""


class _Trivial(asyncio.Protocol):
    """Answers whatever comes; requests are small enough to come in one piece."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client has come."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """It asked for something."""
        self._transport.write(_ANSWER * data.count(b"\r\n\r\n"))  # type: ignore[attr-defined]


async def _serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(_Trivial, LOOPBACK, port, backlog=2048)
    await server.serve_forever()


@contextlib.contextmanager
def _server(folder: Path) -> Iterator[str]:
    port = free_port()
    argv = [sys.executable, "-m", "perf.bench.web_generator", "--serve", str(port)]
    process = ManagedProcess("the trivial server", argv, env={"PATH": os.environ["PATH"]},
                             log=folder / "server.txt", ready=lambda: listens(process.pid, port))  # fmt: skip
    with process:
        yield f"http://{LOOPBACK}:{port}"


def wrk_per_s(url: str, seconds: int) -> float:
    """Requests per second of wrk with one thread."""
    argv = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", f"{url}/api/health"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=seconds + 30, check=True)
    found = re.search(r"Requests/sec:\s*([\d.]+)", done.stdout)
    return float(found[1]) if found else float("nan")


def plain_per_s(kind: str, url: str, seconds: int, folder: Path) -> float:
    """Requests per second of Locust's own users, which keep no raw requests."""
    file, stem = folder / f"{kind}.py", folder / f"{kind}-result"
    file.write_text(_PLAIN.format(kind=kind), encoding="utf-8")
    argv = [sys.executable, "-m", "locust", "-f", str(file), "--headless", "--loglevel", "ERROR", "-H", url]
    argv += ["-u", str(CONNECTIONS), "-r", str(CONNECTIONS), "-t", str(seconds), "--json-file", str(stem)]
    subprocess.run(argv, capture_output=True, timeout=seconds + 60, check=True)
    stats = json.loads(Path(f"{stem}.json").read_text())[0]
    return float(stats["num_requests"] / (stats["last_request_timestamp"] - stats["start_time"]))


def closed_per_s(url: str, seconds: int, prefix: Path) -> float:
    """Requests per second of this suite's users without a pause, every request written down."""
    load = LoadSpec(seconds, users=CONNECTIONS, spawn_per_s=CONNECTIONS, think_s=0, endpoints=("health",))
    logs = run_load(load, Site(url, done_video=DONE), prefix)
    return summarise_web(logs, window_of(logs, seconds, 1.0), is_open=False).throughput_per_s or 0.0


def open_per_s(url: str, seconds: int, prefix: Path) -> float:
    """The highest rate that one generator of this suite offers in time."""
    steps: list[tuple[float, Outcome]] = []
    while (rate := next_step(steps, FIRST_PER_S, RESOLUTION)) is not None:
        load = LoadSpec(seconds, rate_per_s=rate, endpoints=("health",))
        logs = run_load(load, Site(url, done_video=DONE), prefix.with_name(f"{prefix.name}-{len(steps)}"))
        summary = summarise_web(logs, window_of(logs, seconds, WARM_UP_S), is_open=True)
        saturated = any(generator_saturated(summary))
        steps.append((rate, Outcome.BROKE if saturated else Outcome.HELD))
    return bounds(steps)[0] or 0.0


def bench(seconds: int, rounds: int) -> dict[str, list[float]]:
    """Requests per second of each generator, a value for each round."""
    found: dict[str, list[float]] = {}
    for turn in range(rounds):
        with tempfile.TemporaryDirectory(prefix="video-perf-bench-") as name, _server(Path(name)) as url:
            folder = Path(name)
            generators: dict[str, Callable[[], float]] = {
                "wrk -t1, closed": partial(wrk_per_s, url, seconds),
                "the suite, open loop": partial(open_per_s, url, seconds, folder / "open"),
                "the suite, closed loop": partial(closed_per_s, url, seconds, folder / "closed"),
                "FastHttpUser, closed": partial(plain_per_s, "FastHttpUser", url, seconds, folder),
                "HttpUser, closed": partial(plain_per_s, "HttpUser", url, seconds, folder),
            }
            for generator, measure in generators.items():
                found.setdefault(generator, []).append(measure())
                print(f"round {turn + 1}: {generator}: {number(found[generator][-1])}/s", flush=True)
    return found


def main() -> None:
    """Run it, print a table."""
    parser = argparse.ArgumentParser("python -m perf.bench.web_generator", description=__doc__)
    parser.add_argument("--seconds", type=int, default=4, help="length of each load")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.serve:
        asyncio.run(_serve(args.serve))
        return
    if shutil.which("wrk") is None:
        raise SystemExit("wrk is not installed; on Debian: apt-get install wrk")
    found = {name: statistics.median(values) for name, values in bench(args.seconds, args.rounds).items()}
    http_user, wrk = found["HttpUser, closed"], found["wrk -t1, closed"]
    for name, per_s in found.items():
        ratios = f"{per_s / http_user:>6.2f} x HttpUser   {per_s / wrk:>6.3f} x wrk"
        print(f"{name:<24} {per_s:>8.0f}/s   {ratios}")


if __name__ == "__main__":
    main()
