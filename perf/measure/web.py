"""From the raw requests of a load to its WebSummary. Pure and vectorised."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from perf.load.request_log import GeneratorLog, Request
from perf.measure.ledger import Bools, Floats, Objects
from perf.measure.rank import nearest_rank
from perf.measure.web_summary import EndpointFigures, WebSummary


@dataclass(frozen=True, slots=True, eq=False)
class Requests:
    """The arrivals of all generators as columns of one length, in the order in which they were due.

    ``response_s`` runs from the instant it was due to the answer, or to the end of the load for what is
    still outstanding; NaN for what was dropped.
    """

    endpoint: Objects
    scheduled_s: Floats
    sent_s: Floats
    ended_s: Floats
    well: Bools
    response_s: Floats

    @classmethod
    def of(cls, rows: Iterable[Request], end_s: float) -> Requests:
        """The columns of these rows; *end_s* is when the last generator ended (Unix s)."""
        ordered = sorted(rows, key=lambda row: row.scheduled_s)
        scheduled, sent, ended = (
            np.array([getattr(row, name) for row in ordered], dtype=np.float64)
            for name in ("scheduled_s", "sent_s", "ended_s")
        )
        age_s = np.where(np.isnan(ended), end_s, ended) - scheduled
        return cls(
            np.array([row.endpoint for row in ordered], dtype=np.object_),
            scheduled,
            sent,
            ended,
            np.array([row.ended_s is not None and row.error is None for row in ordered], dtype=np.bool_),
            np.where(np.isnan(sent), np.nan, age_s),
        )

    def __len__(self) -> int:
        return len(self.scheduled_s)

    def where(self, mask: Bools) -> Requests:
        """The arrivals that the mask selects."""
        return Requests(
            self.endpoint[mask],
            self.scheduled_s[mask],
            self.sent_s[mask],
            self.ended_s[mask],
            self.well[mask],
            self.response_s[mask],
        )

    @property
    def dropped(self) -> Bools:
        """A mask: due and never sent."""
        return np.isnan(self.sent_s)

    @property
    def outstanding(self) -> Bools:
        """A mask: sent and not answered."""
        return ~self.dropped & np.isnan(self.ended_s)

    @property
    def timed_s(self) -> Floats:
        """R of those answered well, and the age of those outstanding; sorted."""
        return np.sort(self.response_s[self.well | self.outstanding])


@dataclass(frozen=True, slots=True)
class Window:
    """The measured time, in Unix seconds."""

    begin_s: float
    end_s: float

    @property
    def length_s(self) -> float:
        """Its length in s."""
        return self.end_s - self.begin_s

    def holds(self, instants: Floats) -> Bools:
        """Which of these lie in it; the end does not."""
        return (instants >= self.begin_s) & (instants < self.end_s)


def window_of(logs: Sequence[GeneratorLog], run_s: float, warm_up_s: float) -> Window:
    """What is measured of a load: from its first arrival on, less the warm-up."""
    start_s = start_of(logs)
    return Window(start_s + warm_up_s, start_s + run_s)


def start_of(logs: Sequence[GeneratorLog]) -> float:
    """When the first arrival was due, or, should there be none, the first generator began (Unix s)."""
    due_s = [row.scheduled_s for log in logs for row in log.requests]
    return min(due_s or [log.begin.started_s for log in logs])


def merged(logs: Sequence[GeneratorLog]) -> Requests:
    """All generators' arrivals as one: nothing is averaged, so the result is exact."""
    rows = [row for log in logs for row in log.requests]
    ends = [log.totals.ended_s for log in logs if log.totals]
    return Requests.of(rows, max(ends, default=max((row.scheduled_s for row in rows), default=0.0)))


def summarise_web(
    logs: Sequence[GeneratorLog],
    window: Window,
    *,
    is_open: bool,
    endpoints: Iterable[str] = (),
    lost: int = 0,
) -> WebSummary:
    """Every metric of a load.

    Args:
        logs: what its generators wrote.
        window: what of it is measured.
        is_open: whether requests were due at a fixed rate, whatever the answers.
        endpoints: those that have metrics of their own.
        lost: uploads that were acknowledged and of which the database has no row.
    """
    everything = merged(logs)
    requests = everything.where(window.holds(everything.scheduled_s))
    values: dict[str, Any] = dict.fromkeys(WebSummary.metrics()) | {"lost": lost}
    values |= _counts(requests) | _times(requests) | _rates(everything, requests, window)
    values["warm_up"] = int((everything.scheduled_s < window.begin_s).sum())
    values |= _generators(logs)
    if is_open and len(requests):
        values |= _lag(requests) | _closed_loop(requests, window)
    return WebSummary(
        **values,
        endpoints={name: _endpoint(requests.where(requests.endpoint == name)) for name in endpoints},
    )


def _counts(requests: Requests) -> dict[str, Any]:
    dropped, outstanding = int(requests.dropped.sum()), int(requests.outstanding.sum())
    answered = int(requests.well.sum())
    return {
        "due": len(requests),
        "sent": len(requests) - dropped,
        "answered": answered,
        "failed": len(requests) - dropped - outstanding - answered,
        "outstanding": outstanding,
        "dropped": dropped,
        "error_ratio": (len(requests) - answered) / len(requests) if len(requests) else None,
    }


def _times(requests: Requests) -> dict[str, Any]:
    ordered = requests.timed_s
    if len(ordered) == 0:
        return {}
    from_sent = np.sort((requests.ended_s - requests.sent_s)[requests.well])
    return {
        "response_mean_s": float(ordered.mean()),
        "response_max_s": float(ordered[-1]),
        **{f"response_p{percent}_s": nearest_rank(ordered, percent) for percent in (50, 95, 99)},
        "from_sent_p95_s": nearest_rank(from_sent, 95) if len(from_sent) else None,
    }


def _rates(everything: Requests, requests: Requests, window: Window) -> dict[str, Any]:
    """What was asked for and what came back within the window, whenever it had been asked for."""
    back = everything.well & window.holds(everything.ended_s)
    return {
        "offered_per_s": len(requests) / window.length_s,
        "throughput_per_s": float(back.sum() / window.length_s),
        "throughput_vs_offered": float(back.sum() / len(requests)) if len(requests) else None,
        "in_flight_max": _most_in_flight(everything),
        "in_flight_growth": _open_at(everything, window.end_s) - _open_at(everything, window.begin_s),
    }


def _open_at(requests: Requests, instant_s: float) -> int:
    """Requests due before an instant and not ended by it, of those that were sent."""
    ended = np.where(np.isnan(requests.ended_s), np.inf, requests.ended_s)
    return int(((requests.scheduled_s < instant_s) & (ended >= instant_s) & ~requests.dropped).sum())


def _most_in_flight(requests: Requests) -> int:
    sent, ended = (
        np.sort(requests.sent_s[~requests.dropped]),
        np.sort(requests.ended_s[~np.isnan(requests.ended_s)]),
    )
    before = np.arange(1, len(sent) + 1) - np.searchsorted(ended, sent, side="right")
    return int(before.max(initial=0))


def _endpoint(requests: Requests) -> EndpointFigures:
    ordered, answered = requests.timed_s, int(requests.well.sum())
    times = {f"p{percent}_s": nearest_rank(ordered, percent) for percent in (50, 95) if len(ordered)}
    error_ratio = (len(requests) - answered) / len(requests) if len(requests) else None
    return EndpointFigures(answered=answered, error_ratio=error_ratio, **times)


def _lag(requests: Requests) -> dict[str, Any]:
    lag_s = np.sort((requests.sent_s - requests.scheduled_s)[~requests.dropped])
    if len(lag_s) == 0:
        return {}
    return {
        **{f"send_lag_p{percent}_s": nearest_rank(lag_s, percent) for percent in (50, 95)},
        "send_lag_max_s": float(lag_s[-1]),
    }


def _generators(logs: Sequence[GeneratorLog]) -> dict[str, Any]:
    totals = [log.totals for log in logs if log.totals]
    late_s = sorted(each for total in totals for each in total.lag_s)
    cpu = [total.cpu_s / total.loaded_s for total in totals if total.loaded_s]
    return {
        "generator_cpu": max(cpu, default=None),
        "loop_lag_p95_s": nearest_rank(late_s, 95) if late_s else None,
        "loop_lag_max_s": late_s[-1] if late_s else None,
    }


def _closed_loop(requests: Requests, window: Window) -> dict[str, Any]:
    """What a closed loop would have reported of the same time: how much it would have hidden.

    It needs as many users as requests are in flight when all is well: rate x median R (Little's law).
    Each of them sends the next request that is due when the last is answered; a request for which no
    user is free is never sent, and so its wait is in no percentile. The requests that are left were
    measured, all of them; see Tene, "How NOT to Measure Latency" (2013), on coordinated omission.
    """
    ordered = requests.timed_s
    if len(ordered) == 0:
        return {}
    users = max(1, math.ceil(len(requests) / window.length_s * nearest_rank(ordered, 50)))
    kept = _sent_by_users(requests, users)
    kept_s = np.sort(requests.response_s[kept & (requests.well | requests.outstanding)])
    return {
        "closed_loop_users": users,
        "closed_loop_unsent": int((~kept & ~requests.dropped).sum()),
        **{f"closed_loop_p{percent}_s": nearest_rank(kept_s, percent) for percent in (95, 99) if len(kept_s)},
    }


def _sent_by_users(requests: Requests, users: int) -> Bools:
    """A mask of the requests for which one of so many users is free when they are due."""
    free_s = [-math.inf] * users
    kept = np.zeros(len(requests), dtype=np.bool_)
    ends = (requests.scheduled_s + requests.response_s).tolist()
    for place, (due_s, end_s) in enumerate(zip(requests.scheduled_s.tolist(), ends, strict=True)):
        if free_s[0] <= due_s and end_s == end_s:  # noqa: PLR0124 - NaN: it was dropped
            heapq.heapreplace(free_s, end_s)
            kept[place] = True
    return kept


@dataclass(frozen=True, slots=True)
class Second:
    """One second of a load.

    Attributes:
        second: from the start of the load.
        due: requests due in it.
        answered: answered well in it.
        failed: failed in it.
        dropped: due in it and never sent.
        in_flight: requests due and not answered at its end.
        p50_s: median of R of the requests due in it.
        p95_s: 95th percentile of the same.
    """

    second: int
    due: int
    answered: int
    failed: int
    dropped: int
    in_flight: int
    p50_s: float | None
    p95_s: float | None


def per_second(requests: Requests, start_s: float) -> list[Second]:
    """The load second by second, from its start to its last answer."""
    if len(requests) == 0:
        return []
    last_s = float(np.nanmax(np.append(requests.ended_s, requests.scheduled_s)))
    return [_second(requests, start_s, second) for second in range(int(last_s - start_s) + 1)]


def _second(requests: Requests, start_s: float, second: int) -> Second:
    span = Window(start_s + second, start_s + second + 1)
    due = requests.where(span.holds(requests.scheduled_s))
    ended = span.holds(requests.ended_s)
    ordered = due.timed_s
    return Second(
        second,
        len(due),
        int((ended & requests.well).sum()),
        int((ended & ~requests.well).sum()),
        int(due.dropped.sum()),
        _open_at(requests, span.end_s),
        nearest_rank(ordered, 50) if len(ordered) else None,
        nearest_rank(ordered, 95) if len(ordered) else None,
    )
