"""Whether the measurement of a load can be trusted: one function for each way in which it cannot. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from perf.load.request_log import GeneratorLog
from perf.measure.numbers import number
from perf.measure.validity import Problem
from perf.measure.web_summary import WebSummary

#: A generator this busy is what is measured: it runs on one core.
CPU_LIMIT = 0.9
#: As late as this the generator's own delay is a part of every response time worth speaking of.
LAG_LIMIT_S = 0.1

_MORE = "spread the load: --generators 2, or Locust's workers on other hosts"


def check_load(logs: Sequence[GeneratorLog], summary: WebSummary) -> tuple[Problem, ...]:
    """Every problem of a load; none means that it can be trusted."""
    return (*_balance(logs), *_has_requests(summary), *_nothing_lost(summary), *generator_limits(summary))


def generator_limits(summary: WebSummary) -> Iterator[Problem]:
    """Whether the generator was the limit and not the API."""
    cpu, sent_late_s, late_s = summary.generator_cpu, summary.send_lag_p95_s, summary.loop_lag_p95_s
    if cpu is not None and cpu >= CPU_LIMIT:
        yield Problem(f"the load generator was the limit: it used {number(cpu)} of one core", _MORE)
    for what, lag_s in (("sent its requests", sent_late_s), ("came to its answers", late_s)):
        if lag_s is not None and lag_s > LAG_LIMIT_S:
            yield Problem(
                f"the load generator {what} {number(lag_s)} s late (95th percentile)",
                f"give it a core of its own, or {_MORE}",
            )


def _balance(logs: Sequence[GeneratorLog]) -> Iterator[Problem]:
    """Due = sent + dropped and sent = ended + outstanding: in what was written and in what was counted."""
    for log in logs:
        if log.totals is None:
            yield Problem(f"the log of generator {log.begin.generator} was cut short", "see Locust's own log")
            continue
        rows, totals = log.requests, log.totals
        sent = sum(row.sent_s is not None for row in rows)
        ended = sum(row.ended_s is not None for row in rows)
        written = (len(rows), sent, len(rows) - sent, ended)
        counted = (totals.due, totals.sent, totals.dropped, totals.ended)
        if written != counted:
            yield Problem(
                f"generator {log.begin.generator} counted {counted} requests (due, sent, dropped, ended) "
                f"and wrote down {written}",
                "the log must hold every request: see that its disk is not full",
            )


def _has_requests(summary: WebSummary) -> Iterator[Problem]:
    if summary.due == 0:
        yield Problem("no request was due within the measured time", "let the load last longer")
    elif summary.answered == 0:
        yield Problem(
            f"no request was answered well ({summary.failed} failed, {summary.outstanding} outstanding)",
            "see that the API is the one meant, and its log",
        )


def _nothing_lost(summary: WebSummary) -> Iterator[Problem]:
    if summary.lost:
        yield Problem(
            f"lost: {summary.lost} uploads were acknowledged, and the database has no row of them",
            "check that DATABASE_URL is that of the API, and that nobody deletes rows during a run",
        )
