"""What makes the fleet of this machine grow: the rule of a policy on backlog per worker, in a thread."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from perf.deploy.errors import FixtureError
from perf.deploy.local_fleet import LocalFleet
from perf.deploy.queues import Queue

#: Messages per worker process above which a node is added, as deploy/stack.yml's BacklogPerWorker.
BACKLOG_PER_PROCESS = 4
#: Nodes at most: more would share this machine's processors.
MOST = 2
_LOOK_S = 0.5
_END_S = 60.0


@contextmanager
def growing(fleet: LocalFleet, queue: Queue) -> Iterator[None]:
    """Within the block a node is added wherever the queue holds too much for those that are there.

    Raises:
        FixtureError: a node could not be started, or the queue could not be asked.
    """
    stop = threading.Event()
    failed: list[FixtureError] = []

    def look() -> None:
        try:
            while not stop.wait(_LOOK_S):
                if len(fleet.nodes) < MOST and queue.depth() > BACKLOG_PER_PROCESS * fleet.processes:
                    fleet.add()
        except FixtureError as error:
            failed.append(error)

    thread = threading.Thread(target=look, name="growth", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(_END_S)
    if failed:
        raise FixtureError(f"the fleet could not grow: {failed[0]}") from failed[0]
