"""How a case of the web tier runs, from the quiet deployment to the verdict. Rendering is not done here."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from perf.judge.slos import Slo, SloBook
from perf.judge.verdict import Verdict, judge
from perf.load.locust_run import Load, Site, records_folder, run_load
from perf.load.request_log import GeneratorLog
from perf.load.uploads import Uploads, done_video
from perf.matrix import Variant
from perf.measure.cpu import CpuWatch
from perf.measure.knee import Step, bracket, next_rate_per_s, stalls
from perf.measure.numbers import number
from perf.measure.validity import Problem
from perf.measure.web import Window, summarise_web, window_of
from perf.measure.web_summary import WebSummary
from perf.measure.web_validity import check_load, generator_limits
from perf.web_matrix import CLOSED, STABLE_SHARE, WebCase, WebMode

if TYPE_CHECKING:
    from fixtures.deployment import Deployment


class WebWatcher(Protocol):
    """What the runner tells while it works: phases, and progress within them."""

    def phase(self, name: str) -> AbstractContextManager[None]:
        """A phase begins, and ends with the block."""

    def note(self, text: str) -> None:
        """How far the load is."""


@dataclass(frozen=True)
class Measurement:
    """One load and what was measured of it.

    Attributes:
        prefix: the beginning of the names of its files.
        load: what was sent.
        logs: what the generators wrote.
        window: what of it is measured.
        summary: its metrics.
        cpu: processor time / time by part of this machine, and of the machine as a whole.
    """

    prefix: Path
    load: Load
    logs: tuple[GeneratorLog, ...]
    window: Window
    summary: WebSummary
    cpu: Mapping[str, float]


@dataclass(frozen=True)
class Tried:
    """A step of a search: the rate, why it broke, and its measurement."""

    step: Step
    measurement: Measurement


@dataclass(frozen=True)
class WebResult:
    """All that a web case gave: what the artifacts are made of."""

    case: WebCase
    summary: WebSummary
    verdict: Verdict
    #: The load that was judged.
    judged: Measurement
    #: The search for the knee, where there was one.
    tried: tuple[Tried, ...]
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class Knee:
    """Where a search ended: the highest rate that held, the lowest that did not, what makes it doubtful."""

    per_s: float | None
    broken_per_s: float | None
    tried: tuple[Tried, ...]
    problems: tuple[Problem, ...]


@dataclass
class WebRunner:
    """Runs web cases against one deployment.

    Attributes:
        deployment: the system under test.
        book: the SLOs.
        folder: where the files of the loads go.
        watcher: who is told.
        knees: what earlier cases found, by variant; this one adds to it.
    """

    deployment: Deployment
    book: SloBook
    folder: Path
    watcher: WebWatcher
    knees: dict[Variant, Knee]

    def run(self, case: WebCase) -> WebResult:
        """Run the case to its verdict. Whatever it made in the deployment is removed again.

        Raises:
            HarnessError, FixtureError: the suite or the deployment broke; there is no verdict then.
        """
        with self.watcher.phase("deploy"):
            self.deployment.idle()
            clip = self.deployment.clip(case.size_mb)
        uploads = Uploads(self.deployment)
        with uploads.removed(), done_video(self.deployment, clip.key) as done:
            site = Site(self.deployment.api_url, clip.path, done)
            loads = _Loads(self, case, site, uploads)
            knee = self._knee(case, loads)
            judged = self._judged_load(case, loads, knee)
        with self.watcher.phase("judge"):
            summary, problems = judged.summary, check_load(judged.logs, judged.summary)
            if case.mode is WebMode.KNEE and knee:
                summary = replace(summary, knee_per_s=knee.per_s, knee_broken_per_s=knee.broken_per_s)
                problems += knee.problems
            verdict = judge(summary, self.book.for_case(case), problems)
        tried = knee.tried if knee and case.mode is WebMode.KNEE else ()
        return WebResult(case, summary, verdict, judged, tried, self._facts(case, judged, knee, clip))

    def _knee(self, case: WebCase, loads: _Loads) -> Knee | None:
        """The knee, searched now, or what an earlier case found; None where the case needs none."""
        if case.mode in CLOSED or (case.mode is WebMode.STABLE and case.rate_per_s):
            return None
        if case.mode is WebMode.KNEE or case.variant not in self.knees:
            self.knees[case.variant] = loads.search()
        return self.knees[case.variant]

    def _judged_load(self, case: WebCase, loads: _Loads, knee: Knee | None) -> Measurement:
        """The load that the verdict is about: of a knee, the hold at its share, if there is a knee."""
        if knee and knee.per_s is None:
            return knee.tried[-1].measurement
        rate_per_s = STABLE_SHARE * knee.per_s if knee and knee.per_s else case.rate_per_s
        return loads.run("", _load(case, None if case.mode in CLOSED else rate_per_s))

    def _facts(self, case: WebCase, judged: Measurement, knee: Knee | None, clip: Any) -> dict[str, Any]:
        rate = judged.load.rate_per_s
        source = "users who wait" if rate is None else f"{number(rate)}/s, given"
        if knee and knee.per_s and rate is not None:
            source = f"{number(rate)}/s, {STABLE_SHARE:g} of the knee at {number(knee.per_s)}/s"
        return {
            "load_source": source,
            "clip": {"is": str(clip.spec), "size_bytes": clip.spec.size_bytes, "stand_in": clip.stand_in},
            "download": "one video that the suite made done; it was never processed",
            "cpu": dict(judged.cpu),
            "limit": limit_of(judged.cpu),
            "limit_at_knee": _limit_at(knee),
            "generators": case.generators,
        }


@dataclass
class _Loads:
    """Sends the loads of one case, one after the other, each on an emptied deployment."""

    runner: WebRunner
    case: WebCase
    site: Site
    uploads: Uploads

    def run(self, suffix: str, load: Load) -> Measurement:
        """Send one load, measure it, remove what it uploaded."""
        watcher, case = self.runner.watcher, self.case
        prefix = self.runner.folder / f"{case.id}{suffix}"
        name = f"{suffix.strip('-') or 'load'} {_what(load)}"
        cpu = CpuWatch()
        tail = Tail(records_folder(prefix), watcher.note, cpu, load.run_s)
        with watcher.phase(name):
            logs = run_load(load, self.site, prefix, tail)
        with watcher.phase("remove uploads"):
            lost = self.uploads.remove(row for log in logs for row in log.requests)
        window = window_of(logs, load.run_s, case.warm_up_s)
        summary = summarise_web(logs, window, is_open=load.rate_per_s is not None, lost=lost)
        return Measurement(prefix, load, logs, window, summary, cpu.shares())

    def search(self) -> Knee:
        """Raise the load until an SLO breaks or throughput stops growing, then close in on the knee."""
        slos = [slo for slo in self.runner.book.for_case(self.case) if not slo.metric.startswith("knee_")]
        tried: list[Tried] = []
        first_per_s = self.case.rate_per_s or 1.0
        while (rate := self._next_per_s(tried, first_per_s)) is not None:
            load = replace(_load(self.case, rate), run_s=self.case.step_s + self.case.warm_up_s)
            measured = self.run(f"-step{len(tried) + 1:02d}", load)
            tried.append(Tried(Step(rate, _broken(measured.summary, slos)), measured))
            if _generator_was_the_limit(tried[-1]):
                break
        return _knee(tried)

    def _next_per_s(self, tried: Sequence[Tried], first_per_s: float) -> float | None:
        return next_rate_per_s([each.step for each in tried], first_per_s, self.case.resolution)


def _load(case: WebCase, rate_per_s: float | None) -> Load:
    return Load(
        run_s=case.run_s,
        rate_per_s=rate_per_s,
        shape={WebMode.RAMP: "ramp", WebMode.STEPS: "steps"}.get(case.mode, "stable"),
        users=case.users,
        spawn_per_s=case.spawn_per_s,
        step_users=case.step_users,
        step_s=case.step_s,
        think_s=case.think_s,
        generators=case.generators,
    )


def _what(load: Load) -> str:
    return f"{number(load.rate_per_s)}/s" if load.rate_per_s else f"{load.shape}, {load.users} users"


def _broken(summary: WebSummary, slos: Sequence[Slo]) -> str:
    """Why the load did not hold; empty when it did."""
    broken = [
        f"{slo} broken: {number(summary.value(slo.metric))}"
        for slo in slos
        if (value := summary.value(slo.metric)) is None or not slo.holds(value)
    ]
    return "; ".join([*([stalls(summary)] if stalls(summary) else []), *broken])


def _generator_was_the_limit(tried: Tried) -> bool:
    """A rate that broke while the generator itself was at its end says nothing about the API."""
    return bool(tried.step.broken) and any(generator_limits(tried.measurement.summary))


def _knee(tried: Sequence[Tried]) -> Knee:
    held, broken = bracket([each.step for each in tried])
    problems: list[Problem] = []
    if _generator_was_the_limit(tried[-1]):
        last = tried[-1]
        limits = generator_limits(last.measurement.summary)
        problems = [
            Problem(f"no knee: at {number(last.step.rate_per_s)}/s {each.reason}", each.remedy)
            for each in limits
        ]
        return Knee(None, broken, tuple(tried), tuple(problems))
    if held is None:
        problems.append(Problem("no rate held, not even the lowest", "see why in the first steps' reports"))
    if broken is None:
        problems.append(Problem("no rate broke it", "raise the first rate or the number of steps"))
    return Knee(held, broken, tuple(tried), tuple(problems))


def limit_of(cpu: Mapping[str, float]) -> str:
    """What the machine was short of, as far as processor time tells."""
    if not cpu:
        return "nobody watched the processors"
    shares = sorted(((share, name) for name, share in cpu.items() if name != "machine"), reverse=True)
    parts = ", ".join(f"{name} {number(share)}" for share, name in shares if share >= 0.05)
    return f"this machine was {100 * cpu.get('machine', math.nan):.0f} % busy; cores used: {parts}"


def _limit_at(knee: Knee | None) -> str:
    """The same for the lowest rate that broke."""
    broke = [each for each in knee.tried if each.step.broken] if knee else []
    return limit_of(min(broke, key=lambda each: each.step.rate_per_s).measurement.cpu) if broke else ""


class Tail:
    """Follows a load while it runs: counts the requests in its logs, and watches the processors meanwhile.

    Args:
        folder: where the logs grow.
        note: told how far the load is.
        cpu: begun with the load, when the first log is there, and ended with it.
        run_s: how long the load lasts.
    """

    def __init__(self, folder: Path, note: Callable[[str], None], cpu: CpuWatch, run_s: float) -> None:
        self._folder = folder
        self._note = note
        self._cpu = cpu
        self._run_s = run_s
        self._end_s: float | None = None
        self._seen: dict[Path, int] = {}
        self._lines = 0

    def __call__(self, elapsed_s: float) -> None:
        """One look, *elapsed_s* after Locust was started."""
        paths = list(self._folder.glob("*.jsonl"))
        if paths and self._end_s is None:
            self._cpu.begin()
            self._end_s = elapsed_s + self._run_s
        if self._end_s is not None and elapsed_s >= self._end_s:
            self._cpu.end()
            self._end_s = math.inf
        for path in paths:
            self._lines += self._new_lines(path)
        self._note(f"{elapsed_s:.0f} s, {self._lines} requests")

    def _new_lines(self, path: Path) -> int:
        with path.open("rb") as file:
            file.seek(self._seen.get(path, 0))
            new = file.read()
        self._seen[path] = self._seen.get(path, 0) + len(new)
        return new.count(b"\n")
