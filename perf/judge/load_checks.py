"""Whether the measurement of a load can be trusted: one function for each way in which it cannot. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from perf.judge.check import Check, Problem
from perf.judge.evidence import QUIET_CORES, LoadEvidence
from perf.measure.machine import MachineUse
from perf.measure.numbers import number
from perf.measure.web_summary import WebSummary

#: A generator this busy is what is measured: it runs on one core.
CPU_LIMIT = 0.9
#: As late as this the generator's own delay is a part of every response time worth speaking of.
LAG_LIMIT_S = 0.1

#: Throughput has stopped growing when more than this share of what is due piles up during a step ...
PILE_UP = 0.05
#: ... and more than so many requests do, which a slow answer at the end of a short step can look like.
PILE_UP_REQUESTS = 3

#: A machine this busy has nothing left to give.
FULL = 0.9

_MORE = "spread the load: --generators 2, or Locust's workers on other hosts"


def generator_saturated(summary: WebSummary) -> Iterator[Problem]:
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


def _balance(evidence: LoadEvidence) -> Iterator[Problem]:
    """Due = sent + dropped and sent = ended + outstanding: in what was written and in what was counted."""
    for log in evidence.logs:
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


def _has_requests(evidence: LoadEvidence) -> Iterator[Problem]:
    summary = evidence.summary
    if summary.due == 0:
        yield Problem("no request was due within the measured time", "let the load last longer")
    elif summary.answered == 0:
        yield Problem(
            f"no request was answered well ({summary.failed} failed, {summary.outstanding} outstanding)",
            "see that the API is the one meant, and its log",
        )


def _nothing_lost(evidence: LoadEvidence) -> Iterator[Problem]:
    if evidence.summary.lost:
        yield Problem(
            f"lost: {evidence.summary.lost} uploads were acknowledged, and the database has no row of them",
            "check that DATABASE_URL is that of the API, and that nobody deletes rows during a run",
        )


def stalls(summary: WebSummary) -> str:
    """Why throughput does not follow the rate any more; empty when it does."""
    growth, due = summary.in_flight_growth, summary.due
    if growth <= max(PILE_UP_REQUESTS, PILE_UP * due):
        return ""
    return (
        f"throughput stopped growing: {number(summary.throughput_per_s)}/s answered of "
        f"{number(summary.offered_per_s)}/s due"
    )


def crowded(use: MachineUse | None) -> list[Problem]:
    """That a machine which was full was so by what others did too: then a limit that broke may be theirs.

    Other load only ever makes a web tier slower: it explains a failure, and takes nothing from a PASS.
    """
    if use is None or use.busy_share < FULL or use.other_cores <= QUIET_CORES:
        return []
    said = (
        f"the machine was {100 * use.busy_share:.0f} % busy during the load, and processes that are not "
        f"part of the run kept {number(use.other_cores)} of its {use.cpus} processors: what broke may not be "
        "the API's"
    )
    return [Problem(said, "end them and run again", "not crowded")]


LOAD_CHECKS: tuple[Check[LoadEvidence], ...] = (
    Check("balanced logs", _balance),
    Check("has requests", _has_requests),
    Check("no upload lost", _nothing_lost),
    Check("generator kept up", lambda evidence: generator_saturated(evidence.summary)),
)
