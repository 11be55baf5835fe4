"""A transfer that crawls is given up: a few bytes now and then keep every timeout of a connection quiet."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Lock

#: Less than that, on the average and after the first seconds, is a fault: 100 MB would take 80 minutes.
LEAST_BYTES_PER_S = 20_000
GRACE_S = 30.0


class TooSlowError(OSError):
    """The transfer goes on, but would take hours."""


class Pace:
    """boto3's callback for one transfer, called from several threads with each block's size.

    It looks when a block arrives (256 KiB), so it notices rates from some 5 kB/s on within a minute or two.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._begin_s = clock()
        self._bytes = 0
        self._lock = Lock()

    def __call__(self, size: int) -> None:
        """Take note of a block. Raises TooSlowError, and again when boto3 tries again or closes a file."""
        with self._lock:
            self._bytes += size
            took_s = self._clock() - self._begin_s
            if self._bytes < LEAST_BYTES_PER_S * (took_s - GRACE_S):
                raise TooSlowError(f"it crawls: {self._bytes} bytes in {took_s:.0f} s")
