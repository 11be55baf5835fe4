# ruff: noqa: T201
"""Prints what the verdict makes of sound cases and of defects: `python -m tests.perf.verdict_table [SEEDS]`.

Each row is a kind of case made by the small queue below, which shares no code with the suite, and judged by
the suite's own SLOs and checks, with more tasks where it is undecided (up to eight times as many). What is
shown is how many of so many seeds came to the verdict that is true of it.
"""

from __future__ import annotations

import heapq
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np

from perf.cases.case import Variant
from perf.cases.defaults import SLOS
from perf.cases.worker import Mode, WorkerCase
from perf.judge.evidence import Bare, Observed, Tolerances
from perf.judge.slos import load_slos
from perf.judge.tasks import Round, judge_tasks
from perf.judge.verdict import with_loss
from perf.measure.ideal import Ideal
from perf.measure.ledger import Ledger
from perf.measure.machine import MachineUse
from perf.observe.seen import BareRuns, ClockSeen, TaskRecord, WorkersSeen
from perf.pipeline import ReportedWorker
from perf.run.kinds import KINDS

SERVERS = 2
MOST_DOUBLINGS = 3
BOOK = load_slos(SLOS, KINDS)
QUIET = MachineUse(
    span_s=10, cpus=4, own_cores=2, other_cores=0, steal_share=0, least_memory_mb=1000, memory_mb=2000,
    swapped_in_mb=0, pressure_share=0, throttled_share=0, thermal_share=0, disk_busy_share=0,
    network_mb_per_s=0, clock_step_s=0, longest_gap_s=1,
)  # fmt: skip
Service = Callable[[np.random.Generator, float, int], float]


def lognormal(sigma: float = 0.15, mean: float = 1.0) -> Service:
    return lambda rng, part, server: mean * float(rng.lognormal(-sigma * sigma / 2, sigma))


def times(service: Service, factor: Callable[[float, int], float]) -> Service:
    """The same, times a factor of how far the case is (0 to 1) and which server serves."""
    return lambda rng, part, server: service(rng, part, server) * factor(part, server)


@dataclass(frozen=True)
class Scenario:
    """A kind of case and the verdicts that are true of it.

    Attributes:
        true: the verdicts that are right.
        rho: utilisation of a sustained load; None = a burst.
        service: how long a task takes, in s; on average about 1.
        takes: whether a server takes tasks when the case is so far (0 to 1), having done so many.
        gap_s: from when a server and a task are there to the start.
        random_order: which waiting task is next.
        bare_change: of bare runs after the case against before.
        bare_s: how long a bare run takes.
        changed: what is done to the records afterwards.
        observed: what is seen beside them.
    """

    name: str
    true: frozenset[str]
    rho: float | None = None
    service: Service = field(default_factory=lognormal)
    takes: Callable[[int, float, int], bool] = lambda server, part, done: True
    gap_s: float = 0.02
    random_order: bool = False
    bare_change: float = 1.0
    bare_s: float = 1.0
    changed: Callable[[list[TaskRecord]], list[TaskRecord]] = lambda records: records
    observed: Callable[[Observed], Observed] = lambda observed: observed


def queue(scenario: Scenario, count: int, rng: np.random.Generator) -> list[TaskRecord]:
    """One injection, event by event."""
    gap_s = 0.0 if scenario.rho is None else 1 / (scenario.rho * SERVERS)
    due = [1000 + k * gap_s for k in range(count)]
    free = [(1000.0, server) for server in range(SERVERS)]
    heapq.heapify(free)
    waiting: list[int] = []
    done = [0] * SERVERS
    records: list[TaskRecord] = []
    coming = 0
    while len(records) < count and free:
        at_s, server = heapq.heappop(free)
        part = len(records) / count
        if not scenario.takes(server, part, done[server]):
            continue  # it never comes back
        while coming < count and due[coming] <= at_s:
            waiting.append(coming)
            coming += 1
        if not waiting:
            heapq.heappush(free, (due[coming], server))
            continue
        task = waiting.pop(int(rng.integers(len(waiting))) if scenario.random_order else 0)
        start_s = at_s + scenario.gap_s * float(rng.uniform(0.5, 1.5))
        end_s = start_s + scenario.service(rng, part, server)
        done[server] += 1
        heapq.heappush(free, (end_s, server))
        worker = f"node1/{server}/{server}"
        records.append(
            TaskRecord(
                f"t{task:04}", due[task], due[task], due[task], start_s, end_s, end_s, "done", 1, 1, worker
            )
        )
    return scenario.changed(sorted(records, key=lambda record: record.task_id))


def verdict(scenario: Scenario, count: int, seed: int) -> str:
    """What the suite says, taking more tasks while it is undecided."""
    rng = np.random.default_rng(seed)
    mode = Mode.BURST if scenario.rho is None else Mode.SUSTAINED
    case = WorkerCase(Variant.MOCKED, 50, SERVERS, mode, count)
    slos = with_loss(BOOK.for_case(case), mode)
    rounds: list[Round] = []
    for _ in range(1 + MOST_DOUBLINGS):
        new = Round(Ledger.of(queue(scenario, count, rng)), seen(scenario, rng))
        rounds = [*rounds, new] if mode is Mode.BURST else [new]
        judged = judge_tasks(
            rounds, slos, concurrency=SERVERS, mode=mode, ideal=ideal(scenario, rng), tolerances=Tolerances()
        )
        if not judged.verdict.open:
            break
        count *= 1 if mode is Mode.BURST else 2
    return str(judged.verdict.kind)


def bare(scenario: Scenario, rng: np.random.Generator, runs: int) -> list[float]:
    return sorted(scenario.bare_s * float(rng.lognormal(0, 0.05)) for _ in range(runs))


def ideal(scenario: Scenario, rng: np.random.Generator) -> Ideal:
    service_s = bare(scenario, rng, 6 * SERVERS)
    return Ideal(60 * SERVERS / float(np.mean(service_s)), tuple(service_s), SERVERS, scenario.bare_change)


def seen(scenario: Scenario, rng: np.random.Generator) -> Observed:
    workers = {"w": ReportedWorker("w", "node1", 1, SERVERS, "", {"queue_visibility_timeout_s": 1800})}
    alone = BareRuns(tuple(bare(scenario, rng, 2)), 2.0, 1, cpu_s=1.0)
    plain = Observed(
        machine=replace(QUIET, parts={}),
        bare=Bare(alone=alone, alone_use=QUIET, before=QUIET, after=QUIET, change=scenario.bare_change),
        workers=WorkersSeen(workers, workers),
        clock=ClockSeen(0.0, 0.001),
    )
    return scenario.observed(plain)


def shifted(records: list[TaskRecord], from_part: float, to_part: float, by_s: float) -> list[TaskRecord]:
    """The pipeline's clock is off by *by_s* for a part of the case: its own instants, not the injector's."""
    begin_s = min(record.scheduled_s for record in records)
    span_s = max(record.finished_s or 0 for record in records) - begin_s

    def moved(at_s: float | None) -> float | None:
        if at_s is None or not from_part * span_s <= at_s - begin_s < to_part * span_s:
            return at_s
        return at_s + by_s

    return [
        replace(each, started_s=moved(each.started_s), finished_s=moved(each.finished_s),
                updated_s=moved(each.finished_s))
        for each in records
    ]  # fmt: skip


def last_is_slow(records: list[TaskRecord]) -> list[TaskRecord]:
    last = max(records, key=lambda record: record.finished_s or 0)
    end_s = (last.started_s or 0) + 100 * ((last.finished_s or 0) - (last.started_s or 0))
    return [replace(each, finished_s=end_s, updated_s=end_s) if each is last else each for each in records]


def every(**fields: int) -> Callable[[list[TaskRecord]], list[TaskRecord]]:
    return lambda records: [replace(each, **fields) for each in records]


def tenth_again(records: list[TaskRecord]) -> list[TaskRecord]:
    return [
        replace(each, attempts=2, deliveries=2) if place % 10 == 0 else each
        for place, each in enumerate(records)
    ]


def hidden(records: list[TaskRecord]) -> list[TaskRecord]:
    """`started_at` is written late: 70 % of the service is not seen."""
    return [
        replace(each, started_s=each.finished_s - 0.3 * (each.finished_s - each.started_s))
        for each in records
    ]


def short_visibility(observed: Observed) -> Observed:
    workers = {"w": ReportedWorker("w", "node1", 1, SERVERS, "", {"queue_visibility_timeout_s": 1})}
    return replace(observed, workers=WorkersSeen(workers, workers))


def clock_step(observed: Observed) -> Observed:
    return replace(observed, clock=ClockSeen(2.0, 0.001, 2.0))


PASS, FAIL, INVALID = frozenset({"PASS"}), frozenset({"FAIL"}), frozenset({"INVALID"})
WRONG = FAIL | INVALID


def bimodal(rng: np.random.Generator, part: float, server: int) -> float:
    return 0.5 if rng.random() < 0.75 else 2.5


def exponential(rng: np.random.Generator, part: float, server: int) -> float:
    return 0.3 + float(rng.exponential(0.7))


def held_up(rng: np.random.Generator, part: float, server: int) -> float:
    """One task in ten waits for a disk, for one and a half times what it takes."""
    return lognormal()(rng, part, server) + (1.5 if rng.random() < 0.1 else 0.0)


def sound() -> Iterator[Scenario]:
    slower = times(lognormal(), lambda part, server: 1.5 if server else 1.0)
    warm = times(lognormal(), lambda part, server: 1.4 if part < 0.1 else 1.0)
    drift = times(lognormal(), lambda part, server: 1.3**part)
    for name, rho in (("burst", None), ("rho 0.7", 0.7)):
        yield Scenario(f"{name}", PASS, rho)
        yield Scenario(f"{name}, noisy (0.3)", PASS, rho, lognormal(0.3))
        yield Scenario(f"{name}, unequal workers", PASS, 0.6 if rho else None, slower)
        yield Scenario(f"{name}, random order", PASS, rho, random_order=True)
        yield Scenario(f"{name}, warm-up", PASS, rho, warm)
        yield Scenario(f"{name}, machine drifts, bare too", PASS, rho, drift, bare_s=1.15, bare_change=1.3)
        yield Scenario(f"{name}, hand-over of 0.2", PASS, rho, gap_s=0.2)
        yield Scenario(f"{name}, one in ten held up", PASS, rho, held_up)
    yield Scenario("rho 0.9", PASS, 0.9)


def defects() -> Iterator[Scenario]:
    yield Scenario("burst, last task 100 times longer", WRONG, changed=last_is_slow)
    for rho in (1.02, 1.05, 1.1, 1.2):
        yield Scenario(f"rho {rho}", WRONG, rho)
    yield Scenario("rho 1.2, exponential", WRONG, 1.2, exponential)
    yield Scenario("rho 1.2, bimodal", WRONG, 1.2, bimodal)
    halves = times(lognormal(), lambda part, server: 2.0 if part >= 0.5 else 1.0)
    fifth = times(lognormal(), lambda part, server: 5.0 if part >= 0.5 else 1.0)
    drifts = times(lognormal(), lambda part, server: 2.0**part)
    yield Scenario("rho 0.7, capacity halves midway", FAIL, 0.7, halves)
    yield Scenario("rho 0.7, capacity falls to a fifth", FAIL, 0.7, fifth)
    yield Scenario("rho 0.7, drifts by 2", FAIL, 0.7, drifts)
    for name, rho in (("burst", None), ("rho 0.7", 0.7)):
        yield Scenario(
            f"{name}, one of two takes one task",
            WRONG,
            rho,
            takes=lambda server, part, done: not (server and done),
        )
        yield Scenario(
            f"{name}, one of two dies half-way", WRONG, rho,
            takes=lambda server, part, done: not (server and part >= 0.5),
        )  # fmt: skip
        yield Scenario(
            f"{name}, a pool of 1 reports 2", WRONG, rho, takes=lambda server, part, done: not server
        )
        yield Scenario(f"{name}, the work is skipped", INVALID, rho, lognormal(mean=0.2))
        yield Scenario(f"{name}, started_at written late", INVALID, rho, changed=hidden)
        yield Scenario(f"{name}, every task delivered twice", FAIL, rho, changed=every(deliveries=2))
        yield Scenario(f"{name}, a tenth of the attempts lost", FAIL, rho, changed=tenth_again)
        yield Scenario(f"{name}, visibility below the service", INVALID, rho, observed=short_visibility)
        yield Scenario(f"{name}, idle before each claim (1.3 services)", WRONG, rho and 0.3, gap_s=1.3)
        back = partial(shifted, from_part=0.5, to_part=9.0, by_s=-2.0)
        yield Scenario(f"{name}, clock set back by 2 s", INVALID, rho, changed=back, observed=clock_step)
        jump = partial(shifted, from_part=0.4, to_part=0.6, by_s=2.0)
        yield Scenario(
            f"{name}, clock jumps by 2 s and back", INVALID, rho, changed=jump, observed=clock_step
        )


SCENARIOS = {scenario.name: scenario for scenario in (*sound(), *defects())}


def right(name: str, count: int, seeds: range) -> dict[str, int]:
    """How often each verdict came."""
    found: dict[str, int] = {}
    for seed in seeds:
        kind = verdict(SCENARIOS[name], count, seed)
        found[kind] = found.get(kind, 0) + 1
    return found


def main() -> None:
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    counts = (16, 30, 100)
    print(f"{seeds} seeds a cell, {SERVERS} servers; right verdicts in %, and what else was said")
    print(f"{'':<46}{'true':<14}" + "".join(f"{f'n={count}':>24}" for count in counts))
    with ProcessPoolExecutor(2) as pool:
        for name, scenario in SCENARIOS.items():
            cells = [pool.submit(right, name, count, range(seeds)) for count in counts]
            print(f"{name:<46}{'/'.join(sorted(scenario.true)):<14}", end="")
            for cell in cells:
                found = cell.result()
                good = sum(found.get(kind, 0) for kind in scenario.true)
                rest = ", ".join(f"{n} {kind}" for kind, n in found.items() if kind not in scenario.true)
                print(f"{f'{100 * good / seeds:.1f} % {rest}':>24}", end="")
            print(flush=True)


if __name__ == "__main__":
    main()
