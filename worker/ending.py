"""A worker that was told to stop ends in time: what it cannot finish it gives back."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Thread

from kombu.log import get_logger

from worker.patience import stopping, time_is_up

logger = get_logger(__name__)

#: What a process of the pool has to end its ffmpeg and to say so in the database.
GRACE_S = 2.0


def end_in_time(timeout_s: float, release_all: Callable[[], int]) -> None:
    """Watch, in a thread, for the order to stop.

    Args:
        timeout_s: how long after it tasks may go on. Then each gives its video back, uncounted.
        release_all: gives back the messages that are left nevertheless; how many.
    """

    def watch() -> None:
        stopping.wait()
        time.sleep(timeout_s)
        time_is_up.say()
        time.sleep(GRACE_S)
        if count := release_all():
            logger.warning("The worker has to end: %d unfinished messages go back to the queue", count)

    Thread(target=watch, name="ending", daemon=True).start()
