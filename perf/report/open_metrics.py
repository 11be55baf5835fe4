"""The figures of a run as OpenMetrics text: what Prometheus reads, and GitLab's merge requests compare. Pure.

The format: https://github.com/prometheus/OpenMetrics. A family for each metric, named with its unit; the
edges of its interval are families of their own, so that no sum or mean over labels mixes them up.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from perf.judge.verdict import VerdictKind
from perf.measure.figures import Metric
from perf.store.result import Result, StoredKind

_UNITS = {
    "s": "seconds",
    "per_min": "per_minute",
    "per_s": "per_second",
    "ratio": "ratio",
    "count": "",
    "usd": "dollars",
}


@dataclass(frozen=True, slots=True)
class _Sample:
    family: str
    unit: str
    meaning: str
    labels: str
    value: float


def open_metrics(results: Iterable[tuple[StoredKind, Result]]) -> str:
    """The text, with its closing line: a file without is one that was cut short."""
    some = list(results)
    samples = [sample for kind, result in some for sample in _samples(kind, result)]
    lines = list(_families(samples))
    if some:
        lines += ["# TYPE perf_verdict stateset", "# HELP perf_verdict What the case was judged to be."]
        lines += [line for kind, result in some for line in _verdict(kind, result)]
    return "\n".join([*lines, "# EOF"]) + "\n"


def _families(samples: Sequence[_Sample]) -> Iterator[str]:
    for family in sorted({sample.family for sample in samples}):
        of_family = [sample for sample in samples if sample.family == family]
        yield f"# TYPE {family} gauge"
        if of_family[0].unit:
            yield f"# UNIT {family} {of_family[0].unit}"
        yield f"# HELP {family} {_escaped(of_family[0].meaning)}"
        yield from (f"{family}{sample.labels} {sample.value!r}" for sample in of_family)


def _samples(kind: StoredKind, result: Result) -> Iterator[_Sample]:
    """The headlines, and what says which way is better."""
    for name, metric in kind.metrics.items():
        value = result.summary.value(name)
        if value is None or not (metric.better or name in kind.headlines):
            continue
        stem, unit, labels = _stem(metric), _UNITS[metric.unit], _labels(kind, result)
        yield _sample(stem, unit, metric.meaning, labels, value)
        if inside := result.intervals.get(name):
            edge = f"edge of the nominal 95 % interval of: {metric.meaning}"
            yield _sample(f"{stem}_low", unit, f"lower {edge}", labels, inside.low)
            yield _sample(f"{stem}_high", unit, f"upper {edge}", labels, inside.high)


def _sample(stem: str, unit: str, meaning: str, labels: str, value: float) -> _Sample:
    return _Sample(f"perf_{stem}_{unit}" if unit else f"perf_{stem}", unit, meaning, labels, float(value))


def _stem(metric: Metric) -> str:
    return metric.name.removesuffix(f"_{metric.unit}")


def _verdict(kind: StoredKind, result: Result) -> Iterator[str]:
    for each in VerdictKind:
        labels = _labels(kind, result).removesuffix("}")
        yield f'perf_verdict{labels},perf_verdict="{each}"}} {int(each is result.verdict.kind)}'


def _labels(kind: StoredKind, result: Result) -> str:
    pairs = {"case": result.case.id, "kind": kind.name, "variant": str(result.case.variant)}
    return "{" + ",".join(f'{name}="{_escaped(text)}"' for name, text in pairs.items()) + "}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
