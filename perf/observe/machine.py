"""Looks at this machine while a case runs: a sample about once a second.

The run's own processes are the suite, and all that descends from it (servers, workers, ffmpeg). Each
process's times are counted once: its own while it lives, in those of
the parent that waited for it afterwards (times(2): tms_cutime). Steal is time the hypervisor gave to other
guests (proc_stat(5)): on burstable instances, that is how an exhausted CPU credit shows too. Pressure is
the share of time in which some task waited for memory (kernel documentation, Pressure Stall Information).
What a system does not tell counts as 0.
"""

from __future__ import annotations

import threading
import time
from pathlib import Path

import psutil

from perf.observe.seen import MachineSample, MachineSeen

EVERY_S = 1.0
_MEMORY_PRESSURE = Path("/proc/pressure/memory")
_DISK_PRESSURE = Path("/proc/pressure/io")
#: The quota of the container, cgroup 2 and 1; microseconds and nanoseconds.
_THROTTLED = (
    (Path("/sys/fs/cgroup/cpu.stat"), "throttled_usec", 1e-6),
    (Path("/sys/fs/cgroup/cpu/cpu.stat"), "throttled_time", 1e-9),
)
_THERMAL = Path("/sys/devices/system/cpu/cpu0/thermal_throttle/package_throttle_total_time_ms")
#: A word of the command line, and the part of the pipeline it belongs to.
PARTS = {
    "uvicorn": "api",
    "-m app ": "api",
    "moto_server": "moto",
    "postgres": "postgres",
    "locust": "generator",
    "-m worker": "worker",
}


class MachineObserver:
    """Samples in a thread: about 1 % of one processor."""

    def __init__(self, every_s: float = EVERY_S) -> None:
        self._every_s = every_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="machine", daemon=True)
        self._samples: list[MachineSample] = []

    def begin(self) -> None:
        """Sample now and, in a thread, from now on."""
        self._samples.append(read_sample())
        self._thread.start()

    def end(self) -> None:
        """Sample once more, and no longer."""
        self._stop.set()
        self._thread.join(10)
        self._samples.append(read_sample())

    @property
    def seen(self) -> MachineSeen:
        """The samples so far."""
        memory_mb = psutil.virtual_memory().total / 2**20
        return MachineSeen(tuple(self._samples), psutil.cpu_count() or 1, memory_mb)

    def _run(self) -> None:
        while not self._stop.wait(self._every_s):
            self._samples.append(read_sample())


def read_sample() -> MachineSample:
    """The counters now."""
    cpu = psutil.cpu_times()
    steal_s = getattr(cpu, "steal", 0.0)
    busy_s = cpu.user + cpu.system  # niced processes yield to the run, and are not held against it
    idle_s = cpu.idle + getattr(cpu, "iowait", 0.0) + getattr(cpu, "nice", 0.0)
    own_s, parts_s = own_cpu_s()
    network = psutil.net_io_counters(pernic=True)
    return MachineSample(
        monotonic_s=time.monotonic(),
        wall_s=time.time(),
        busy_s=busy_s,
        steal_s=steal_s,
        total_s=busy_s + idle_s + steal_s,
        own_s=own_s,
        available_mb=psutil.virtual_memory().available / 2**20,
        swapped_in_mb=psutil.swap_memory().sin / 2**20,
        pressure_s=_pressure_s(_MEMORY_PRESSURE),
        throttled_s=_throttled_s(),
        thermal_s=float(_words(_THERMAL)[0]) / 1000 if _words(_THERMAL) else 0.0,
        disk_busy_s=_disk_busy_s(),
        disk_wait_s=_pressure_s(_DISK_PRESSURE),
        network_mb=sum(n.bytes_sent + n.bytes_recv for name, n in network.items() if name != "lo") / 2**20,
        parts_s=parts_s,
    )


def own_cpu_s() -> tuple[float, dict[tuple[int, str], float]]:
    """Processor time of this process and all its descendants, and of those of each part, by process.

    That of descendants which were waited for is in their parent's.
    """
    own_s, parts_s, here = 0.0, {}, psutil.Process()
    for process in [here, *here.children(recursive=True)]:
        try:
            times = process.cpu_times()
            part = _part(process)
        except psutil.Error:  # it has just ended
            continue
        own_s += times.user + times.system + times.children_user + times.children_system
        if part:
            # A worker's ffmpeg lives for one task: its time is in that of the process which waited for it.
            parts_s[process.pid, part] = (
                times.user + times.system + times.children_user + times.children_system
            )
    return own_s, parts_s


def _part(process: psutil.Process) -> str | None:
    """The part that a process belongs to, or its parent: a server's children may have no name of theirs."""
    for each in (process, process.parent()):
        words = " ".join(each.cmdline()) if each else ""
        for word, part in PARTS.items():
            if word in words:
                return part
    return None


def _pressure_s(path: Path) -> float:
    """The total of the line `some avg10=0.00 avg60=0.00 avg300=0.00 total=0`, in microseconds there."""
    words = _words(path)
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
