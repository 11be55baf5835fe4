"""The Locust file: the load on the web tier, by the suite or by hand. The only file that imports Locust.

Closed loop, users who wait for each answer (think of people)::

    locust -f perf/load/locustfile.py -H http://127.0.0.1:8000 --headless -u 20 -r 2 -t 60s
    locust ... --shape steps --step-users 5 --step-time 30 -u 20 -r 5 -t 120s
    locust ... --step-load --step-users 50 --step-time 2m -u 200 -r 10 -t 10m    # as Locust once had it

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

from perf.cases.endpoints import Endpoint, read_endpoints
from perf.cases.errors import UsageError
from perf.load.locust_options import add_options
from perf.load.recorder import Recorder
from perf.load.shapes import Growth, arrivals

BOUNDARY = "perf-7d1b8c2e"
#: How long answers may take after the last arrival; what has not come by then is outstanding.
DRAIN_S = 10.0
#: Of so many arrivals that are due at once, Locust gets a turn: else it could not even be ended.
_TURN = 1000
_CHUNK = 256 * 1024


events.init_command_line_parser.add_listener(add_options)


class _Load:
    """What the users of this process share; made anew as a load starts."""

    recorder: Recorder
    endpoints: tuple[Endpoint, ...]
    #: The form that each endpoint sends, by its field, made once: a clip may have 100 MB.
    forms: dict[str, Any]  # bytes; Locust's hints know only str
    done_video: str
    #: What the next request of an open loop asks for: what the latest upload that was answered has made.
    latest_made: str
    pacing = False


@events.init.add_listener
def choose(environment: Any, runner: Any, **_: Any) -> None:
    """Which users and which shape this run has. Workers are told by their master."""
    options = environment.parsed_options
    if isinstance(runner, WorkerRunner):
        return
    options.load_time = options.load_time or float(options.run_time or 0)
    options.shape = "steps" if options.step_load and options.shape == "none" else options.shape
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
    _Load.endpoints = _chosen(options)
    clip = Path(options.clip).read_bytes() if options.clip else bytes(1 << 20)
    _Load.forms = {each.sends: _form(each.sends, clip) for each in _Load.endpoints if each.sends}
    _Load.done_video = options.done_video or _any_done(environment.host)
    if not _Load.done_video:
        without = tuple(each for each in _Load.endpoints if each.needs != "done")
        if without != _Load.endpoints:
            print("nothing is done, so nothing is downloaded; give --done-video ID")
        _Load.endpoints = without
    _Load.latest_made = _Load.done_video
    _Load.pacing = False
    generator = max(0, getattr(environment.runner, "worker_index", 0))
    _Load.recorder = Recorder(options.records, generator, _Load.endpoints)
    environment.events.request.add_listener(_Load.recorder.end)


def finish(environment: Any, **_: Any) -> None:
    """The load has ended in this process."""
    if not isinstance(environment.runner, MasterRunner) and hasattr(_Load, "recorder"):
        _Load.recorder.finish()


events.test_stop.add_listener(finish)
events.quitting.add_listener(finish)


def _chosen(options: Any) -> tuple[Endpoint, ...]:
    """The endpoints of the file, or those of them that are named."""
    try:
        known = {each.name: each for each in read_endpoints(Path(options.api))}
    except UsageError as error:
        raise SystemExit(f"--api: {error}") from error
    names = options.endpoints.split(",") if options.endpoints else list(known)
    if unknown := set(names) - known.keys():
        raise SystemExit(
            f"--endpoints: unknown {', '.join(sorted(unknown))}; expected some of {','.join(known)}"
        )
    return tuple(known[name] for name in names)


def _form(field: str, clip: bytes) -> bytes:
    head = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{field}"; filename="clip.mp4"\r\n'
        "Content-Type: video/mp4\r\n\r\n"
    )
    return head.encode() + clip + f"\r\n--{BOUNDARY}--\r\n".encode()


def _headers() -> dict[str, str]:
    token = os.environ.get("API_TOKEN")
    return {"Authorization": f"Bearer {token}"} if token else {}


def _any_done(host: str) -> str:
    """The id of something that can be downloaded, should there be one and an endpoint say how it is found."""
    finder = next((each for each in _Load.endpoints if each.find), None)
    if finder is None:
        return ""
    request = urllib.request.Request(f"{host}{finder.find}", headers=_headers())  # noqa: S310 - the user's
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310
            found = json.load(answer)
        for word in finder.found.split("."):
            found = found[int(word)] if word.isdecimal() else found[word]
    except (OSError, ValueError, KeyError, IndexError, TypeError):
        return ""
    return str(found)


class _ApiUser(FastHttpUser):
    abstract = True
    network_timeout = 30.0
    connection_timeout = 10.0

    def call(self, endpoint: Endpoint, made: str, scheduled_s: float | None = None) -> str | None:
        """One request to its end; what it made, if it makes something and was answered well."""
        context, headers = _Load.recorder.begin(endpoint.name, scheduled_s), _headers()
        if endpoint.sends:
            headers["Content-Type"] = f"multipart/form-data; boundary={BOUNDARY}"
        path = endpoint.path.format(made=made, done=_Load.done_video)
        start_s = time.perf_counter()
        with self.client.request(
            endpoint.method,
            path,
            name=endpoint.name,
            context=context,
            headers=headers,
            data=_Load.forms.get(endpoint.sends),
            stream=endpoint.streams,
            catch_response=True,
        ) as answer:
            if answer.status_code and answer.status_code not in endpoint.good:
                answer.failure(f"status {answer.status_code}, not {' or '.join(map(str, endpoint.good))}")
            elif answer.status_code and endpoint.streams:
                _read_all(answer, start_s)
            elif answer.status_code:
                answer.success()
        return endpoint.made_by(answer) if answer.status_code in endpoint.good else None


def _read_all(answer: Any, start_s: float) -> None:
    """To the last byte, none of them kept. Locust's own times end at the headers unless they are told."""
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
        """Every endpoint in turn; an upload that fails ends the visit as it would a user's."""
        if self.environment.runner.state == STATE_CLEANUP:
            raise StopUser  # Locust may cut off, at once, a visit that begins as the load ends
        made = _Load.done_video
        for endpoint in _Load.endpoints:
            found = self.call(endpoint, made)
            if endpoint.makes:
                if found is None:
                    return
                made = found


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
        for number, (offset_s, endpoint) in enumerate(due, 1):
            # All that is due by now is spawned in one turn: a turn for each would fall behind a busy loop.
            if (wait_s := start_s + offset_s - time.perf_counter()) > 0:
                gevent.sleep(wait_s)
            elif number % _TURN == 0:
                gevent.sleep(0)
            recorder.due += 1
            if len(pool) >= limit:
                recorder.drop(endpoint.name, start_s + offset_s)
            else:
                pool.spawn(self._send, endpoint, start_s + offset_s)

    def _send(self, endpoint: Endpoint, scheduled_s: float) -> None:
        _Load.latest_made = self.call(endpoint, _Load.latest_made, scheduled_s) or _Load.latest_made


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
