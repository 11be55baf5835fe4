"""What a load generator writes down: every arrival and its fate, and how the generator itself kept up.

It runs on gevent's event loop within a Locust process, so nothing but the Locust file imports it.
"""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import gevent

from perf.cases.endpoints import Endpoint
from perf.load.request_log import Begin, Request, RequestLog, Totals

HEARTBEAT_S = 0.1
FLUSH_S = 0.25


class Recorder:
    """Listens to every request of this process, from the start of its load to the end.

    Args:
        records: the folder of the raw requests; an empty text keeps none.
        generator: which of the load's generators this process is.
        endpoints: what is called.
    """

    def __init__(self, records: str, generator: int, endpoints: Iterable[Endpoint]) -> None:
        self._endpoints = {endpoint.name: endpoint for endpoint in endpoints}
        # One clock for all: the monotonic one, anchored once to Unix time.
        self._epoch_s = time.time() - time.perf_counter()
        self._begun = (time.process_time(), time.perf_counter())
        self._used: tuple[float, float] | None = None
        self._in_flight: dict[int, tuple[str, float, float]] = {}
        self._tickets = itertools.count()
        self.due = self.sent = self.dropped = self.ended = 0
        self._lag_s: list[float] = []
        self._log = self._open(records, generator)
        self._greenlets = [gevent.spawn(self._beat), gevent.spawn(self._flush)]

    def _open(self, records: str, generator: int) -> RequestLog | None:
        if not records:
            return None
        folder = Path(records)
        folder.mkdir(parents=True, exist_ok=True)
        begin = Begin(generator, self._unix(time.perf_counter()))
        return RequestLog(folder / f"requests_{generator}_{os.uname().nodename}_{os.getpid()}.jsonl", begin)

    def _unix(self, instant_s: float) -> float:
        return round(self._epoch_s + instant_s, 6)

    def begin(self, endpoint: str, scheduled_s: float | None = None) -> dict[str, int]:
        """A request is sent now; what is due in a closed loop is due when it is sent."""
        ticket, now_s = next(self._tickets), time.perf_counter()
        self.sent += 1
        if scheduled_s is None:
            self.due += 1
        self._in_flight[ticket] = (endpoint, now_s if scheduled_s is None else scheduled_s, now_s)
        return {"ticket": ticket}

    def end(self, context: dict[str, Any], response: Any, exception: Exception | None, **_: Any) -> None:
        """Locust's request event: it was answered, or failed."""
        endpoint, scheduled_s, sent_s = self._in_flight.pop(context["ticket"])
        self.ended += 1
        ended_s, status = self._unix(time.perf_counter()), int(getattr(response, "status_code", 0) or 0)
        error = f"{type(exception).__name__}: {exception}"[:200] if exception else None
        made = None if error else self._endpoints[endpoint].made_by(response)
        self._add(
            Request(endpoint, self._unix(scheduled_s), self._unix(sent_s), ended_s, status, error, made)
        )
        if made and self._log is not None:
            self._log.flush()  # whatever becomes of this process, it is known what there is to remove

    def drop(self, endpoint: str, scheduled_s: float) -> None:
        """An arrival that is not sent: counted, never forgotten."""
        self.dropped += 1
        self._add(Request(endpoint, self._unix(scheduled_s), None, None, 0, "dropped"))

    def sending_ended(self) -> None:
        """No more requests are sent: what the process uses from now on is not the load's."""
        if self._used is None:
            cpu_s, begun_s = self._begun
            self._used = (time.process_time() - cpu_s, time.perf_counter() - begun_s)

    def finish(self) -> None:
        """Write what is outstanding, and the totals. Safe to call twice."""
        gevent.killall(self._greenlets, block=False)
        self.sending_ended()
        if self._log is None:
            return
        for endpoint, scheduled_s, sent_s in self._in_flight.values():
            self._add(Request(endpoint, self._unix(scheduled_s), self._unix(sent_s), None, 0, "outstanding"))
        cpu_s, loaded_s = self._used or (0.0, 0.0)
        counts = (self.due, self.sent, self.dropped, self.ended, self._unix(time.perf_counter()))
        self._log.close(Totals(*counts, cpu_s, loaded_s, tuple(self._lag_s)))
        self._log = None

    def _add(self, request: Request) -> None:
        if self._log is not None:
            self._log.add(request)

    def _beat(self) -> None:
        """By how much the event loop comes late: what any request of this process may wait as well."""
        while True:
            expected_s = time.perf_counter() + HEARTBEAT_S
            gevent.sleep(HEARTBEAT_S)
            self._lag_s.append(round(max(0.0, time.perf_counter() - expected_s), 6))

    def _flush(self) -> None:
        while True:
            gevent.sleep(FLUSH_S)
            if self._log is not None:
                self._log.flush()
