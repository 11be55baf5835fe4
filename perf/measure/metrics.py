"""From the ledger to the Summary. Pure and vectorised: a million records take about a second."""

from __future__ import annotations

from typing import Any

import numpy as np

from perf.cases.worker import Mode
from perf.measure.cost import per_video_usd
from perf.measure.ideal import Ideal, ideal_response_s, ideal_service_p50_s
from perf.measure.ledger import Floats, Ledger
from perf.measure.nodes import Nodes, shares
from perf.measure.rank import nearest_rank
from perf.measure.replay import Served, offered_utilisation, served
from perf.measure.series import Steps, backlog_series, in_service_series
from perf.measure.slowdown import Slowdown, slowdown
from perf.measure.summary import METRICS, Summary
from perf.pipeline import State


def summarise(
    ledger: Ledger,
    *,
    concurrency: int | None,
    mode: Mode,
    ideal: Ideal | None,
    rounds: int = 1,
    nodes: Nodes | None = None,
) -> Summary:
    """Every metric of a case.

    Args:
        ledger: a record for each task scheduled.
        concurrency: worker processes over the whole deployment; None where it is not known.
        mode: how the tasks arrived.
        ideal: what bare ffmpeg does, if that is known.
        rounds: how often a burst was repeated; the ledger holds all of them (perf.measure.rounds).
        nodes: on which they were done; None where that is not known.
    """
    span = _span(ledger)
    backlog = backlog_series(ledger)
    values: dict[str, Any] = dict.fromkeys(METRICS)
    values |= counts_of(ledger) | _times(ledger) | _nodes(ledger, nodes)
    values |= _flow(ledger, span, backlog) | _service(ledger, span, concurrency)
    if mode is Mode.SUSTAINED:
        values |= _growth(ledger, backlog, values["arrival_rate_per_min"])
        values["offered_utilisation"] = _offered(ledger, concurrency)
    lost = slowdown_of(served(ledger, concurrency), ideal) if concurrency is not None else None
    values["slowdown"] = lost and (lost.ratio if lost.found else 1.0)
    if nodes is not None and nodes.usd_per_h is not None:
        each_usd = per_video_usd(nodes.count * nodes.usd_per_h, values["makespan_s"], values["done"])
        values |= {"cost_per_video_usd": each_usd, "cost_per_1000_usd": each_usd and 1000 * each_usd}
    if ideal is not None and len(ledger) > 0:
        values |= _against(ideal, mode, values, rounds)
    return Summary(**values)


def _span(ledger: Ledger) -> tuple[float, float] | None:
    """First scheduled and last finished, in Unix seconds, if a task finished after that at all."""
    finished = ledger.finished_s[~np.isnan(ledger.finished_s)]
    if len(finished) == 0:
        return None
    begin, end = float(ledger.scheduled_s.min()), float(finished.max())
    return (begin, end) if end > begin else None


def counts_of(ledger: Ledger) -> dict[str, Any]:
    """How many tasks there are, and what became of them; deliveries and attempts of all."""
    counts: dict[str, Any] = {str(state): int(ledger.is_in(state).sum()) for state in State}
    was_sent = ~np.isnan(ledger.sent_s)
    return counts | {
        "total": len(ledger),
        "outstanding": counts["processing"] + counts["uploaded"],
        "lost": int((ledger.is_in(State.MISSING) & was_sent).sum()),
        "deliveries": int(ledger.deliveries.sum()),
        "duplicates": int(np.maximum(ledger.deliveries - 1, 0).sum()),
        "attempts": int(ledger.attempts.sum()),
        "retries": int(np.maximum(ledger.attempts - 1, 0).sum()),
    }


def _times(ledger: Ledger) -> dict[str, Any]:
    done = ledger.select(State.DONE)
    return {
        **_distribution("response", done.finished_s - done.scheduled_s),
        **_distribution("waiting", done.started_s - done.scheduled_s),
        **_distribution("service", done.finished_s - done.started_s),
        **_distribution("s", done.updated_s - done.uploaded_s),
        **_distribution("send_lag", ledger.sent_s - ledger.scheduled_s),
    }


def _distribution(name: str, values_s: Floats) -> dict[str, Any]:
    """Those of the mean, the percentiles and the maximum that are metrics of this name."""
    ordered = np.sort(values_s[~np.isnan(values_s)])
    if len(ordered) == 0:
        return {}
    numbers = {f"{name}_p{percent}_s": nearest_rank(ordered, percent) for percent in (50, 95, 99)}
    numbers |= {f"{name}_mean_s": float(ordered.mean()), f"{name}_max_s": float(ordered[-1])}
    return {metric: number for metric, number in numbers.items() if metric in METRICS}


def _nodes(ledger: Ledger, nodes: Nodes | None) -> dict[str, Any]:
    found = [each.share for each in shares(ledger)]
    if not found:
        return {}
    least = 0.0 if nodes is not None and nodes.count > len(found) else min(found)
    return {"nodes_used": len(found), "node_share_least": least, "node_share_most": max(found)}


def _flow(ledger: Ledger, span: tuple[float, float] | None, backlog: Steps) -> dict[str, Any]:
    values: dict[str, Any] = {"arrival_rate_per_min": _arrival_rate_per_min(ledger)}
    if len(ledger) > 0:
        values["backlog_max"] = backlog.peak()
    if span is not None:
        makespan_s = span[1] - span[0]
        done = int(ledger.is_in(State.DONE).sum())
        values["makespan_s"] = makespan_s
        values["throughput_per_min"] = done / makespan_s * 60 if done else None
        values["backlog_mean"] = backlog.integral(*span) / makespan_s
    return values


def _arrival_rate_per_min(ledger: Ledger) -> float | None:
    """The n - 1 gaps over the time from the first send to the last."""
    sent = ledger.sent_s[~np.isnan(ledger.sent_s)]
    if len(sent) < 2 or sent.max() == sent.min():
        return None
    return float((len(sent) - 1) / (sent.max() - sent.min()) * 60)


def _service(ledger: Ledger, span: tuple[float, float] | None, concurrency: int | None) -> dict[str, Any]:
    in_service = in_service_series(ledger)
    if span is None or len(in_service.times_s) == 0:
        return {}
    mean = in_service.integral(*span) / (span[1] - span[0])
    return {
        "parallelism_max": in_service.peak(),
        "parallelism_mean": mean,
        "utilisation": None if concurrency is None else mean / concurrency,
    }


def _growth(ledger: Ledger, backlog: Steps, arrival_rate_per_min: float | None) -> dict[str, Any]:
    """The backlog's level and slope during injection.

    A system is stable when the backlog does not go on growing (Jain, The Art of Computer Systems
    Performance Analysis, 1991, section 30.2). Until the first task finishes the backlog can only
    rise: that is the pipeline filling, so the fit begins there, unless that is past the middle.
    """
    if len(ledger) == 0:
        return {}
    first, last = float(ledger.scheduled_s.min()), float(ledger.scheduled_s.max())
    values: dict[str, Any] = {"backlog_end": backlog.at(last)}
    if last > first:
        growth = 60 * backlog.slope_per_s(_filled(ledger, first, last), last)
        values["backlog_growth_per_min"] = growth
        values["backlog_growth_vs_arrival"] = growth / arrival_rate_per_min if arrival_rate_per_min else None
    return values


def _offered(ledger: Ledger, concurrency: int | None) -> float | None:
    """From the rate asked for, and the tasks that finished: a case that never drained has it too."""
    tasks = served(ledger, concurrency) if concurrency else None
    span_s = float(np.ptp(ledger.scheduled_s)) if len(ledger) else 0.0
    if tasks is None or concurrency is None or len(tasks) == 0 or span_s == 0.0:
        return None
    rate_per_min = 60 * (len(ledger) - 1) / span_s
    return float(offered_utilisation(rate_per_min, tasks.occupancy_s[None, :], concurrency)[0])


def _filled(ledger: Ledger, first_s: float, last_s: float) -> float:
    """Where the fit begins: the first finish, if that is in the first half of the injection."""
    finished = ledger.finished_s[~np.isnan(ledger.finished_s)]
    earliest = float(finished.min(initial=np.inf))
    return earliest if earliest <= (first_s + last_s) / 2 else first_s


def slowdown_of(tasks: Served, ideal: Ideal | None) -> Slowdown | None:
    """Whether a case lost capacity, its machine's own change taken out; None where that cannot be told."""
    return slowdown(tasks.occupancy_s[tasks.done], ideal.change if ideal else 1.0)


def _against(ideal: Ideal, mode: Mode, values: dict[str, Any], rounds: int) -> dict[str, Any]:
    response_s = {each: ideal_response_s(ideal, mode, values["total"] // rounds, each) for each in (50, 95)}
    efficiency = _ratio(values.get("throughput_per_min"), ideal.throughput_per_min)
    return {
        "ideal_throughput_per_min": ideal.throughput_per_min,
        "efficiency": efficiency if mode is Mode.BURST else None,
        **{
            f"response_p{each}_vs_ideal": _ratio(values.get(f"response_p{each}_s"), response_s[each])
            for each in response_s
        },
        "service_p50_vs_ideal": _ratio(values.get("service_p50_s"), ideal_service_p50_s(ideal)),
    }


def _ratio(value: float | None, reference: float) -> float | None:
    return None if value is None else value / reference
