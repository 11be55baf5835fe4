"""A fleet on this machine: each node a worker process with a name of its own."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from perf.deploy.candidates import HERE
from perf.deploy.errors import FixtureError
from perf.deploy.fleet import fleet_of
from perf.deploy.processes import ManagedProcess
from perf.pipeline import NONE, Candidate, Fleet, ReportedWorker


class Reporting(Protocol):
    """Where the workers of a fleet report themselves."""

    def workers(self) -> list[ReportedWorker]:
        """Those that are there now."""

    def sign_off(self, node: str, pid: int) -> None:
        """Count a worker that was killed as gone: it could not do so itself."""


class LocalFleet:
    """A worker process for each node, started again only when the fleet changes or a process has died.

    Args:
        env: the whole environment of the workers.
        folder: where their logs and temporary files go.
        pipeline: where they report.
        words: what follows the interpreter, before ``--concurrency N``; a Celery app's are ``-m celery -A APP
            worker --loglevel=WARNING``.
        candidate: whose code it is, and in which environment.
        scratch: where their temporary files go, if not to *folder*.
        within: a command that runs the worker, given as its further arguments, in its own place.
    """

    description = "worker processes on this machine"

    def __init__(
        self,
        env: Mapping[str, str],
        folder: Path,
        pipeline: Reporting,
        words: Sequence[str] = ("-m", "worker"),
        candidate: Candidate = HERE,
        *,
        scratch: Path | None = None,
        within: Sequence[str] = (),
    ) -> None:
        # Its own code goes before whatever else the path names.
        path = os.pathsep.join(filter(None, (str(candidate.root), env.get("PYTHONPATH"))))
        self._env = {**env, "PYTHONPATH": path}
        self._candidate = candidate
        self._folder = folder
        self._pipeline = pipeline
        self._words = words
        self._scratch = scratch or folder
        self._within = within
        self._fleet = NONE
        self.nodes: dict[str, ManagedProcess] = {}

    def found(self) -> Fleet:
        """See FleetControl."""
        return fleet_of(self._pipeline.workers())

    def scale(self, fleet: Fleet) -> None:
        """Start the nodes, and wait until each has reported itself."""
        if fleet == self._fleet and all(process.alive for process in self.nodes.values()):
            return
        self.stop()
        names = [f"node{number}" for number in range(1, fleet.nodes + 1)]
        self.nodes = {name: self._node(name, fleet.per_node) for name in names}
        try:
            self._each(lambda name: self.nodes[name].start())
        except BaseException:
            self.stop()
            raise
        self._fleet = fleet

    def add(self) -> None:
        """Start one more node, as large as the others, and wait until it has reported itself."""
        name = f"node{len(self.nodes) + 1}"
        self.nodes[name] = self._node(name, self._fleet.per_node)
        self._fleet = Fleet(len(self.nodes), self._fleet.per_node)
        self.nodes[name].start()

    @property
    def processes(self) -> int:
        """Worker processes of all nodes that were started."""
        return self._fleet.total

    def stop(self) -> None:
        """End the nodes; a task in hand is finished first, within the process's deadline."""
        self._fleet = NONE
        self._each(self._end)
        self.nodes = {}

    def kill(self, name: str) -> int:
        """End a node as a crash would, and count it as gone at once; its process id."""
        process = self.nodes[name]
        process.kill()
        self._pipeline.sign_off(name, process.pid)
        return process.pid

    def _each(self, act: Callable[[str], object]) -> None:
        """All at once: a node takes seconds to start, and as long as its task to end."""
        if self.nodes:
            with ThreadPoolExecutor(len(self.nodes), "node") as hands:
                list(hands.map(act, self.nodes))

    def _node(self, name: str, concurrency: int) -> ManagedProcess:
        process = ManagedProcess(
            f"the worker {name} (concurrency {concurrency})",
            [*self._within, str(self._candidate.python), *self._words, "--concurrency", str(concurrency)],
            # What a killed worker leaves behind (scratch, billiard's folders) goes with the run's folder.
            env={**self._env, "WORKER_NODE": name, "TMPDIR": str(self._scratch)},
            log=self._folder / f"worker-{name}-c{concurrency}.txt",
            cwd=self._candidate.root,
            # By its process id: workers of before WORKER_NODE report the machine's name.
            ready=lambda: process.pid in {worker.pid for worker in self._pipeline.workers()},
        )  # fmt: skip
        return process

    def _end(self, name: str) -> None:
        process = self.nodes[name]
        if process.started:
            process.stop()
            with suppress(FixtureError):  # it then counts as there until it is stale
                self._pipeline.sign_off(name, process.pid)
