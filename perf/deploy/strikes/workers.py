"""What is done to the workers of a fleet on this machine."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Sequence

import psutil

from perf.breakable import Hit
from perf.deploy.local_fleet import LocalFleet
from perf.deploy.strikes.strike import Done, Strike
from perf.deploy.waiting import until

#: A stand-in's task is in hand for some 200 ms.
_LOOK_S = 0.01
#: How long a task may be in coming.
_COMES_WITHIN_S = 15.0
#: What a worker has between the order to stop and its end, where nobody waits for it.
_NOTICE_S = 0.1
#: A slow node runs for the last part of each period.
_PERIOD_S, _STOPPED_S = 0.2, 0.18


def worker_strikes(fleet: LocalFleet, is_busy: Callable[[str], bool]) -> dict[str, Strike]:
    """By the fault.

    Args:
        fleet: whose nodes are struck.
        is_busy: whether the node of this name is at a task now, by the tasks' own records.
    """
    return {
        "worker-killed": killed(fleet),
        "rolling-restart": rolled(fleet),
        "scale-in": scaled_in(fleet, is_busy),
        "slow-node": SlowNode(fleet),
    }


def killed(fleet: LocalFleet) -> Done:
    """The first node is killed with all its processes, and another one is started in its place."""

    def kill() -> Sequence[str]:
        name = next(iter(fleet.nodes))
        return [f"SIGKILL {name}/{fleet.kill(name)}"]

    return Done("worker", "the first node is killed, and one started", kill, lambda: start_ended(fleet))


def rolled(fleet: LocalFleet) -> Done:
    """Each node is stopped by SIGTERM and started again, one after the other."""

    def roll() -> Sequence[str]:
        said = []
        for name, process in fleet.nodes.items():
            said.append(f"SIGTERM {name}/{process.pid}")
            process.stop()
            process.start()
        return said

    return Done("worker", "each node is stopped and started", roll, lambda: start_ended(fleet))


def scaled_in(fleet: LocalFleet, is_busy: Callable[[str], bool]) -> Done:
    """The last node is told to stop while it is at a task, and killed; in the end it is there again."""

    def take_away() -> Sequence[str]:
        name = list(fleet.nodes)[-1]
        if not until(lambda: is_busy(name), _COMES_WITHIN_S, _LOOK_S):
            return []
        os.kill(fleet.nodes[name].pid, signal.SIGTERM)
        time.sleep(_NOTICE_S)
        return [f"SIGTERM, then SIGKILL {name}/{fleet.kill(name)}"]

    how = f"the last node gets SIGTERM while it is at a task, and SIGKILL {_NOTICE_S:g} s later"
    return Done("worker", how, take_away, lambda: start_ended(fleet))


def start_ended(fleet: LocalFleet) -> None:
    """Start each node that does not run."""
    for process in fleet.nodes.values():
        if not process.alive:
            process.start()


class SlowNode:
    """The first node, with all its processes, stands still for most of each fifth of a second."""

    how = f"all processes of the first node are stopped for {_STOPPED_S:g} s of each {_PERIOD_S:g} s"

    def __init__(self, fleet: LocalFleet) -> None:
        self._fleet = fleet
        self._relieved = threading.Event()
        self._thread: threading.Thread | None = None
        self.hits: list[Hit] = []

    def begin(self) -> None:
        """See Strike."""
        self._relieved.clear()
        name, process = next(iter(self._fleet.nodes.items()))
        self.hits = [Hit(time.time(), "worker", self.how, f"{name}/{process.pid} slowed down")]
        self._thread = threading.Thread(target=self._keep_slow, args=(process.pid,), daemon=True)
        self._thread.start()

    def end(self) -> None:
        """See Strike."""
        self._relieved.set()
        if self._thread is not None:
            self._thread.join(10)

    def _keep_slow(self, pid: int) -> None:
        while not self._relieved.is_set():
            stopped = [each for each in processes_below(pid) if _signalled(each, signal.SIGSTOP)]
            self._relieved.wait(_STOPPED_S)
            for each in stopped:
                _signalled(each, signal.SIGCONT)
            self._relieved.wait(_PERIOD_S - _STOPPED_S)


def processes_below(pid: int) -> list[psutil.Process]:
    """The process and all that it has started; none where it has ended."""
    try:
        first = psutil.Process(pid)
        return [first, *first.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _signalled(process: psutil.Process, number: signal.Signals) -> bool:
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        return False
    return True
