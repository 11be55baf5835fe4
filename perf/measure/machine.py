"""What the machine did while a case ran: a sampler, about once a second, and what follows from its samples.

Other load is what the processors did beyond the run's own processes: the suite, and all that descends from
it (servers, workers, ffmpeg). Each process's times are counted once: its own while it lives, in those of
the parent that waited for it afterwards (times(2): tms_cutime). Steal is time the hypervisor gave to other
guests (proc_stat(5)): on burstable instances, that is how an exhausted CPU credit shows too. Pressure is
the share of time in which some task waited for memory (kernel documentation, Pressure Stall Information).
What a system does not tell counts as 0.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

EVERY_S = 1.0
_PRESSURE = Path("/proc/pressure/memory")
#: The quota of the container, cgroup 2 and 1; microseconds and nanoseconds.
_THROTTLED = (
    (Path("/sys/fs/cgroup/cpu.stat"), "throttled_usec", 1e-6),
    (Path("/sys/fs/cgroup/cpu/cpu.stat"), "throttled_time", 1e-9),
)
_THERMAL = Path("/sys/devices/system/cpu/cpu0/thermal_throttle/package_throttle_total_time_ms")


@dataclass(frozen=True, slots=True)
class MachineSample:
    """Counters at an instant; those in s add up over all processors, as they are in /proc/stat.

    Attributes:
        monotonic_s: when.
        wall_s: the system's clock then.
        busy_s: processors busy for processes.
        steal_s: processors given to other guests.
        total_s: processors' time in all.
        own_s: processors busy for the run's own processes.
        available_mb: memory that can be had without swapping.
        swapped_in_mb: read back from swap since the start of the system.
        pressure_s: time in which some task waited for memory.
        throttled_s: time for which the container's quota held it back.
        thermal_s: time for which heat held the processors back.
        disk_busy_s: time in which the busiest disk worked.
        network_mb: sent and received over all interfaces but the loopback.
    """

    monotonic_s: float
    wall_s: float
    busy_s: float
    steal_s: float
    total_s: float
    own_s: float
    available_mb: float
    swapped_in_mb: float = 0.0
    pressure_s: float = 0.0
    throttled_s: float = 0.0
    thermal_s: float = 0.0
    disk_busy_s: float = 0.0
    network_mb: float = 0.0


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
        network_mb_per_s: sent and received.
        clock_step_s: largest jump of the system's clock between two samples.
        longest_gap_s: longest time between two samples.
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


def machine_use(samples: Sequence[MachineSample], cpus: int, memory_mb: float) -> MachineUse | None:
    """What the samples say; None with fewer than two. Pure."""
    if len(samples) < 2:
        return None
    first, last, pairs = samples[0], samples[-1], list(pairwise(samples))
    span_s = last.monotonic_s - first.monotonic_s
    # A process that was not waited for takes its time with it: the sum may fall, and that is no negative use.
    own_s = sum(max(0.0, b.own_s - a.own_s) for a, b in pairs)
    total_s = last.total_s - first.total_s
    return MachineUse(
        span_s=span_s,
        cpus=cpus,
        own_cores=own_s / span_s,
        other_cores=max(0.0, last.busy_s - first.busy_s - own_s) / span_s,
        steal_share=(last.steal_s - first.steal_s) / total_s if total_s > 0 else 0.0,
        least_memory_mb=min(sample.available_mb for sample in samples),
        memory_mb=memory_mb,
        swapped_in_mb=last.swapped_in_mb - first.swapped_in_mb,
        pressure_share=(last.pressure_s - first.pressure_s) / span_s,
        throttled_share=(last.throttled_s - first.throttled_s) / span_s,
        thermal_share=(last.thermal_s - first.thermal_s) / span_s,
        disk_busy_share=(last.disk_busy_s - first.disk_busy_s) / span_s,
        network_mb_per_s=(last.network_mb - first.network_mb) / span_s,
        clock_step_s=max(
            abs((b.wall_s - a.wall_s) - (b.monotonic_s - a.monotonic_s)) for a, b in pairs
        ),
        longest_gap_s=max(b.monotonic_s - a.monotonic_s for a, b in pairs),
    )  # fmt: skip


class MachineSampler:
    """Samples in a thread while its block runs: about 1 % of one processor."""

    def __init__(self, every_s: float = EVERY_S) -> None:
        self._every_s = every_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="machine", daemon=True)
        self._samples: list[MachineSample] = []

    def __enter__(self) -> Self:
        self._samples.append(read_sample())
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join(10)
        self._samples.append(read_sample())

    @property
    def use(self) -> MachineUse | None:
        """What was seen; complete once the block has ended."""
        samples = list(self._samples)
        return machine_use(samples, psutil.cpu_count() or 1, psutil.virtual_memory().total / 2**20)

    def _run(self) -> None:
        while not self._stop.wait(self._every_s):
            self._samples.append(read_sample())


def read_sample() -> MachineSample:
    """The counters now."""
    cpu = psutil.cpu_times()
    steal_s = getattr(cpu, "steal", 0.0)
    busy_s = cpu.user + cpu.system  # niced processes yield to the run, and are not held against it
    idle_s = cpu.idle + getattr(cpu, "iowait", 0.0) + getattr(cpu, "nice", 0.0)
    network = psutil.net_io_counters(pernic=True)
    return MachineSample(
        monotonic_s=time.monotonic(),
        wall_s=time.time(),
        busy_s=busy_s,
        steal_s=steal_s,
        total_s=busy_s + idle_s + steal_s,
        own_s=own_cpu_s(),
        available_mb=psutil.virtual_memory().available / 2**20,
        swapped_in_mb=psutil.swap_memory().sin / 2**20,
        pressure_s=_pressure_s(),
        throttled_s=_throttled_s(),
        thermal_s=float(_words(_THERMAL)[0]) / 1000 if _words(_THERMAL) else 0.0,
        disk_busy_s=_disk_busy_s(),
        network_mb=sum(n.bytes_sent + n.bytes_recv for name, n in network.items() if name != "lo") / 2**20,
    )


def own_cpu_s() -> float:
    """Processor time of this process and all its descendants, those that were waited for included."""
    own, here = 0.0, psutil.Process()
    for process in [here, *here.children(recursive=True)]:
        try:
            times = process.cpu_times()
        except psutil.Error:  # it has just ended
            continue
        own += times.user + times.system + times.children_user + times.children_system
    return own


def _pressure_s() -> float:
    """The total of the line `some avg10=0.00 avg60=0.00 avg300=0.00 total=0`, in microseconds there."""
    words = _words(_PRESSURE)
    return float(words[4].partition("=")[2]) / 1e6 if len(words) > 4 else 0.0


def _throttled_s() -> float:
    for path, name, unit_s in _THROTTLED:
        words = _words(path)
        if name in words:
            return float(words[words.index(name) + 1]) * unit_s
    return 0.0


def _disk_busy_s() -> float:
    try:
        disks = psutil.disk_io_counters(perdisk=True) or {}
    except RuntimeError:  # none that the system tells of
        return 0.0
    return max((getattr(disk, "busy_time", 0) / 1000 for disk in disks.values()), default=0.0)


def _words(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="ascii").split()
    except (OSError, UnicodeDecodeError):
        return []
