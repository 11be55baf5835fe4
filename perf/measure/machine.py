"""What a machine did while a case ran, from the samples of it. Pure.

Other load is what the processors did beyond the run's own processes. Cores are processors kept busy on
average; shares are of the case's time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from perf.observe.seen import MachineSample, MachineSeen


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineUse:
    """The machine over a case. Cores are processors kept busy on average; shares are of the case's time.

    Attributes:
        span_s: from the first sample to the last.
        cpus: processors.
        own_cores: busy for the run itself.
        other_cores: busy for anything else.
        steal_share: of all processors' time.
        least_memory_mb: the least that was available.
        memory_mb: installed.
        swapped_in_mb: read back from swap.
        pressure_share: some task waited for memory.
        throttled_share: held back by the container's quota.
        thermal_share: held back by heat.
        disk_busy_share: the busiest disk worked.
        disk_wait_share: some task waited for a disk.
        network_mb_per_s: sent and received.
        clock_step_s: largest jump of the system's clock between two samples.
        longest_gap_s: longest time between two samples.
        parts: cores busy for each part of the pipeline that runs here (api, moto ...), of processes that
            lived through it.
    """

    span_s: float
    cpus: int
    own_cores: float
    other_cores: float
    steal_share: float
    least_memory_mb: float
    memory_mb: float
    swapped_in_mb: float
    pressure_share: float
    throttled_share: float
    thermal_share: float
    disk_busy_share: float
    network_mb_per_s: float
    clock_step_s: float
    longest_gap_s: float
    parts: Mapping[str, float] = field(default_factory=dict)
    disk_wait_share: float = 0.0

    @property
    def busy_share(self) -> float:
        """Of all processors' time, for whomever."""
        return (self.own_cores + self.other_cores) / self.cpus


def machine_use(seen: MachineSeen | None) -> MachineUse | None:
    """What the samples say; None with fewer than two."""
    if seen is None or len(seen.samples) < 2:
        return None
    samples = seen.samples
    first, last, pairs = samples[0], samples[-1], list(pairwise(samples))
    span_s = last.monotonic_s - first.monotonic_s
    # A process that was not waited for takes its time with it: the sum may fall, and that is no negative use.
    own_s = sum(max(0.0, b.own_s - a.own_s) for a, b in pairs)
    total_s = last.total_s - first.total_s
    return MachineUse(
        span_s=span_s,
        cpus=seen.cpus,
        own_cores=own_s / span_s,
        other_cores=max(0.0, last.busy_s - first.busy_s - own_s) / span_s,
        steal_share=(last.steal_s - first.steal_s) / total_s if total_s > 0 else 0.0,
        least_memory_mb=min(sample.available_mb for sample in samples),
        memory_mb=seen.memory_mb,
        swapped_in_mb=last.swapped_in_mb - first.swapped_in_mb,
        pressure_share=(last.pressure_s - first.pressure_s) / span_s,
        throttled_share=(last.throttled_s - first.throttled_s) / span_s,
        thermal_share=(last.thermal_s - first.thermal_s) / span_s,
        disk_busy_share=(last.disk_busy_s - first.disk_busy_s) / span_s,
        disk_wait_share=(last.disk_wait_s - first.disk_wait_s) / span_s,
        network_mb_per_s=(last.network_mb - first.network_mb) / span_s,
        clock_step_s=max(
            abs((b.wall_s - a.wall_s) - (b.monotonic_s - a.monotonic_s)) for a, b in pairs
        ),
        longest_gap_s=max(b.monotonic_s - a.monotonic_s for a, b in pairs),
        parts=_parts(first, last),
    )  # fmt: skip


def _parts(first: MachineSample, last: MachineSample) -> dict[str, float]:
    """Cores of each part: of the processes that were there at both ends."""
    span_s = last.monotonic_s - first.monotonic_s
    cores: dict[str, float] = {}
    for process, used_s in last.parts_s.items():
        part = process[1]
        grown_s = max(0.0, used_s - first.parts_s.get(process, used_s))
        cores[part] = cores.get(part, 0.0) + grown_s / span_s
    return {part: round(share, 3) for part, share in cores.items()}
