"""The Locust file: the load on the web tier, by the suite or by hand. The only file that imports Locust.

Closed loop, users who wait for each answer (think of people)::

    locust -f perf/load/locustfile.py -H http://127.0.0.1:8000 --headless -u 20 -r 2 -t 60s
    locust ... --shape steps --step-users 5 --step-time 30 -u 20 -r 5 -t 120s

Open loop, a fixed rate of requests whatever the answers (think of the internet)::

    locust ... --rate 40 -t 60s

Every arrival and its fate go to ``--records FOLDER``, a file for each generator, which
``python -m perf web-metrics FOLDER`` reads. API_TOKEN in the environment is sent as the bearer token.
"""

from __future__ import annotations

import itertools
import json
import os
import time
import urllib.request
from pathlib import Path
from typing import Any

import gevent
from gevent.pool import Pool
from locust import FastHttpUser, LoadTestShape, events, task
from locust.exception import StopUser
from locust.runners import STATE_CLEANUP, LocalRunner, MasterRunner, WorkerRunner

from perf.load.recorder import Recorder, video_of
from perf.load.shapes import SHAPES, Growth, arrivals

VIDEO_FLOW = ("upload", "status", "download")
ENDPOINTS = ("health", *VIDEO_FLOW)
BOUNDARY = "perf-7d1b8c2e"
#: How long answers may take after the last arrival; what has not come by then is outstanding.
DRAIN_S = 10.0
_CHUNK = 256 * 1024


@events.init_command_line_parser.add_listener
def add_options(parser: Any) -> None:
    """The options of this file; Locust hands them on to its workers."""
    group = parser.add_argument_group("video pipeline")
    group.add_argument("--rate", type=float, default=0.0, help="open loop: requests per second in all")
    group.add_argument("--load-time", type=float, default=0.0, help="seconds of load (default: -t)")
    group.add_argument(
        "--max-outstanding", type=int, default=1000, help="open loop: requests at once at most"
    )
    group.add_argument(
        "--shape", choices=("none", *SHAPES), default="none", help="closed loop: how users grow"
    )
    group.add_argument("--step-users", type=int, default=5, help="users that each step adds")
    group.add_argument("--step-time", type=float, default=30.0, help="seconds of each step")
    group.add_argument("--think-time", type=float, default=1.0, help="closed loop: pause between visits, s")
    group.add_argument("--endpoints", default=",".join(ENDPOINTS), help="which to call, in this order")
    group.add_argument("--clip", default="", help="the video to upload (default: 1 MB of zeros)")
    group.add_argument("--done-video", default="", help="id of a done video to download (default: any)")
    group.add_argument("--records", default="", help="folder of the raw requests (default: none are kept)")


class _Load:
    """What the users of this process share; made anew as a load starts."""

    recorder: Recorder
    endpoints: tuple[str, ...]
    body: Any  # bytes; Locust's hints know only str
    done_video: str
    #: The video whose status the next request of an open loop asks for: the latest upload that was answered.
    latest_video: str
    pacing = False


@events.init.add_listener
def choose(environment: Any, runner: Any, **_: Any) -> None:
    """Which users and which shape this run has. Workers are told by their master."""
    options = environment.parsed_options
    if isinstance(runner, WorkerRunner):
        return
    options.load_time = options.load_time or float(options.run_time or 0)
    # Locust's own default cuts off, as the time is up, whatever has not been answered yet.
    environment.stop_timeout = environment.stop_timeout or DRAIN_S + 2
    if options.rate:
        environment.user_classes = [Arrivals]
        options.num_users = options.spawn_rate = max(1, options.expect_workers) if options.master else 1
    else:
        environment.user_classes = [Visitor]
    if options.rate or options.shape == "none":
        environment.shape_class = None


@events.test_start.add_listener
def start(environment: Any, **_: Any) -> None:
    """Make ready what the users of this process share."""
    if isinstance(environment.runner, MasterRunner):
        return
    options = environment.parsed_options
    _Load.endpoints = tuple(options.endpoints.split(","))
    if unknown := set(_Load.endpoints) - set(ENDPOINTS):
        raise SystemExit(
            f"--endpoints: unknown {', '.join(sorted(unknown))}; expected some of {','.join(ENDPOINTS)}"
        )
    _Load.body = _form(Path(options.clip).read_bytes() if options.clip else bytes(1 << 20))
    _Load.done_video = options.done_video or _any_done_video(environment.host)
    if not _Load.done_video and "download" in _Load.endpoints:
        print("no video is done, so none is downloaded; give --done-video ID")
        _Load.endpoints = tuple(name for name in _Load.endpoints if name != "download")
    _Load.latest_video = _Load.done_video
    _Load.pacing = False
    _Load.recorder = Recorder(options.records, max(0, getattr(environment.runner, "worker_index", 0)))
    environment.events.request.add_listener(_Load.recorder.end)


def finish(environment: Any, **_: Any) -> None:
    """The load has ended in this process."""
    if not isinstance(environment.runner, MasterRunner) and hasattr(_Load, "recorder"):
        _Load.recorder.finish()


events.test_stop.add_listener(finish)
events.quitting.add_listener(finish)


def _form(clip: bytes) -> bytes:
    head = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="clip.mp4"\r\n'
        "Content-Type: video/mp4\r\n\r\n"
    )
    return head.encode() + clip + f"\r\n--{BOUNDARY}--\r\n".encode()


def _headers() -> dict[str, str]:
    token = os.environ.get("API_TOKEN")
    return {"Authorization": f"Bearer {token}"} if token else {}


def _any_done_video(host: str) -> str:
    """The id of a done video, should there be one."""
    url = f"{host}/api/videos?status=done&limit=1"
    request = urllib.request.Request(url, headers=_headers())  # noqa: S310 - the host is the user's
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310
            videos = json.load(answer)["videos"]
    except (OSError, ValueError, KeyError):
        return ""
    return str(videos[0]["id"]) if videos else ""


class _ApiUser(FastHttpUser):
    abstract = True
    network_timeout = 30.0
    connection_timeout = 10.0

    def call(self, endpoint: str, video: str, scheduled_s: float | None = None) -> str | None:
        """One request to its end; the id of the video that an upload made."""
        context, headers = _Load.recorder.begin(endpoint, scheduled_s), _headers()
        if endpoint == "health":
            self.client.get("/api/health", name=endpoint, context=context)
        elif endpoint == "status":
            path = f"/api/videos/{video}"
            self.client.get(path, name=endpoint, context=context, headers=headers)
        elif endpoint == "download":
            self._download(f"/api/videos/{video}/download", context, headers)
        else:
            headers["Content-Type"] = f"multipart/form-data; boundary={BOUNDARY}"
            answer = self.client.post(
                "/api/videos", name=endpoint, context=context, headers=headers, data=_Load.body
            )
            return video_of(answer) if answer.status_code == 201 else None
        return None

    def _download(self, path: str, context: dict[str, int], headers: dict[str, str]) -> None:
        """To the last byte, none of them kept. Locust's own times end at the headers unless they are told."""
        start_s = time.perf_counter()
        with self.client.get(
            path, name="download", context=context, headers=headers, stream=True, catch_response=True
        ) as answer:
            if answer.status_code == 200:
                size = 0
                try:
                    while chunk := answer.stream.read(_CHUNK):
                        size += len(chunk)
                except OSError as error:
                    answer.failure(f"after {size} bytes: {error!r}")
                if size != int(answer.headers["content-length"]):
                    answer.failure(f"ended after {size} of {answer.headers['content-length']} bytes")
            answer.request_meta["response_time"] = (time.perf_counter() - start_s) * 1000


class Visitor(_ApiUser):
    """Closed loop: a visit, a pause, the next visit."""

    def wait_time(self) -> float:
        """The pause between two visits."""
        return float(self.environment.parsed_options.think_time)

    @task
    def visit(self) -> None:
        """Upload, ask for its status, download; a failed upload ends the visit as it would a user's."""
        if self.environment.runner.state == STATE_CLEANUP:
            raise StopUser  # Locust may cut off, at once, a visit that begins as the load ends
        video = _Load.done_video
        for endpoint in _Load.endpoints:
            if endpoint == "upload":
                if (made := self.call(endpoint, video)) is None:
                    return
                video = made
            else:
                self.call(endpoint, _Load.done_video if endpoint == "download" else video)


class Arrivals(_ApiUser):
    """Open loop: one user per process sends what is due, whatever has been answered."""

    concurrency = 100_000  # the pool of the client never waits: --max-outstanding is the only limit

    @task
    def pace(self) -> None:
        """Every arrival at its instant, then the answers that are still to come."""
        if _Load.pacing:
            raise StopUser
        _Load.pacing = True
        options, runner = self.environment.parsed_options, self.environment.runner
        local = isinstance(runner, LocalRunner)
        generators = 1 if local else max(1, options.expect_workers)
        generator = 0 if local else runner.worker_index
        run_s = options.load_time or float("inf")
        due = arrivals(options.rate, run_s, generator=generator, generators=generators)
        # Each generator goes through all endpoints, beginning at another one.
        endpoints = itertools.islice(itertools.cycle(_Load.endpoints), generator % len(_Load.endpoints), None)
        pool = Pool()
        try:
            self._send_all(pool, zip(due, endpoints, strict=False))
            _Load.recorder.sending_ended()
            pool.join(timeout=DRAIN_S)
        finally:
            pool.kill(block=False)
        if local and not runner.environment.parsed_options.run_time:
            gevent.spawn(runner.quit)
        raise StopUser

    def _send_all(self, pool: Pool, due: Any) -> None:
        start_s, recorder = time.perf_counter(), _Load.recorder
        limit = self.environment.parsed_options.max_outstanding
        for offset_s, endpoint in due:
            # All that is due by now is spawned in one turn: a turn for each would fall behind a busy loop.
            if (wait_s := start_s + offset_s - time.perf_counter()) > 0:
                gevent.sleep(wait_s)
            recorder.due += 1
            if len(pool) >= limit:
                recorder.drop(endpoint, start_s + offset_s)
            else:
                pool.spawn(self._send, endpoint, start_s + offset_s)

    def _send(self, endpoint: str, scheduled_s: float) -> None:
        video = _Load.done_video if endpoint == "download" else _Load.latest_video
        made = self.call(endpoint, video, scheduled_s)
        _Load.latest_video = made or _Load.latest_video


class Shape(LoadTestShape):
    """Closed loop: users over time, as --shape says."""

    use_common_options = True

    def tick(self) -> tuple[int, float] | None:
        """The users from now on, or the end. Waits for the next change: Locust asks once a second only."""
        options: Any = self.runner and self.runner.environment.parsed_options
        growth = Growth(
            options.shape, options.num_users, options.spawn_rate, options.step_users, options.step_time
        )
        elapsed_s = self.get_run_time()
        if self._asked:
            due_s = min(growth.next_change_s(elapsed_s), options.load_time or float("inf"))
            gevent.sleep(min(1.0, max(0.0, due_s - elapsed_s)))
            elapsed_s = self.get_run_time()
        self._asked = True
        if options.load_time and elapsed_s >= options.load_time:
            return None
        return growth.users_at(elapsed_s), options.spawn_rate

    _asked = False
