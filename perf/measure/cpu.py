"""Which part of the pipeline on this machine used the processor: the API's limit, or the machine's."""

from __future__ import annotations

import contextlib
import time

import psutil

#: A word of the command line, and the part it belongs to.
PARTS = {"uvicorn": "api", "moto_server": "moto", "postgres": "postgres", "locust": "generator"}


class CpuWatch:
    """Processor time of this process's descendants, by part, from `begin` to `end`; and of the machine.

    Processes are looked at twice: those that live shorter are not seen.
    """

    _length_s = 0.0

    def begin(self) -> None:
        """From now on."""
        self._before, self._parts_before, self._start_s = _busy_s(), _parts_s(), time.monotonic()

    def end(self) -> None:
        """Until now; or until the next time it is called."""
        self._length_s = time.monotonic() - self._start_s
        self._after, self._parts_after = _busy_s(), _parts_s()

    def shares(self) -> dict[str, float]:
        """Cores used by each part, and by all else; ``machine`` is the share of all cores that were busy."""
        if not self._length_s:
            return {}
        shares: dict[str, float] = {}
        for (pid, part), used_s in self._parts_after.items():
            grown_s = used_s - self._parts_before.get((pid, part), used_s)
            shares[part] = shares.get(part, 0.0) + grown_s / self._length_s
        cores = psutil.cpu_count() or 1
        busy_s = self._after - self._before
        shares["other"] = max(0.0, busy_s / self._length_s - sum(shares.values()))
        shares["machine"] = busy_s / (cores * self._length_s)
        return {part: round(share, 3) for part, share in shares.items()}


def _busy_s() -> float:
    times = psutil.cpu_times()
    return float(times.user + times.system + getattr(times, "irq", 0) + getattr(times, "softirq", 0))


def _parts_s() -> dict[tuple[int, str], float]:
    found: dict[tuple[int, str], float] = {}
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            times = process.cpu_times()
            if part := _part(process):
                found[process.pid, part] = times.user + times.system
    return found


def _part(process: psutil.Process) -> str | None:
    """The part that a process belongs to, or its parent: a server's children may have no name of theirs."""
    for each in (process, process.parent()):
        words = " ".join(each.cmdline()) if each else ""
        for word, part in PARTS.items():
            if word in words:
                return part
    return None
