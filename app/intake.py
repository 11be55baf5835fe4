"""Who may upload, and for how long: slots with a bounded wait, bodies with a least rate, and the end of all.

A slot is a thread and 30 to 50 MiB of memory. A body that comes too slowly must not keep one, and whoever
waits for one must be told when none becomes free.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from app.limits import WebLimits
from app.upload_body import UploadRefusedError

#: What a client is told to wait before it tries again, in seconds.
RETRY_AFTER_S = 5


class Patience:
    """How long a client may still be waited for: bytes earn seconds, up to where they began.

    Only what is spent waiting for the client counts, not what the storage takes. So a client that sends at
    the least rate is never given up, and one that stops is, after *at_most_s*, however much it had sent.

    Args:
        at_most_s: seconds at the beginning, and the most that can be saved.
        bytes_per_s: the rate that earns as much as it costs.
    """

    def __init__(self, at_most_s: float, bytes_per_s: float) -> None:
        self.left_s = self._at_most_s = at_most_s
        self._bytes_per_s = bytes_per_s

    def spend(self, waited_s: float, received_bytes: int) -> None:
        """Take off what was waited and add what was received in it."""
        earned_s = received_bytes / self._bytes_per_s
        self.left_s = min(self.left_s - waited_s + earned_s, self._at_most_s)


class Waits:
    """Bounded waits for clients, which can all be ended at once."""

    def __init__(self) -> None:
        self._running: set[asyncio.Timeout] = set()
        self._ended = False

    @asynccontextmanager
    async def within(self, seconds: float) -> AsyncIterator[None]:
        """Bound what is awaited inside.

        Raises:
            TimeoutError: it took longer.
            UploadRefusedError: 503, the waits were ended.
        """
        stopping = UploadRefusedError(503, "the server is being stopped: send the video again", RETRY_AFTER_S)
        if self._ended:
            raise stopping
        try:
            async with asyncio.timeout(seconds) as timeout:
                self._running.add(timeout)
                try:
                    yield
                finally:
                    self._running.discard(timeout)
        except TimeoutError:
            if self._ended:
                raise stopping from None
            raise

    def end(self) -> None:
        """End those that run, and those to come."""
        self._ended = True
        for timeout in self._running:
            if not timeout.expired():
                timeout.reschedule(0.0)  # an instant that has passed


class UploadBody(AsyncIterator[bytes]):
    """The bytes of a request as they come, empty at its end, from a client that must keep up."""

    def __init__(
        self,
        source: AsyncIterator[bytes],
        patience: Patience,
        waits: Waits,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source = source
        self._patience = patience
        self._waits = waits
        self._clock = clock

    async def __anext__(self) -> bytes:
        """The next bytes.

        Raises:
            UploadRefusedError: 408, the client is too slow; 503, the server is being stopped.
        """
        began_s = self._clock()
        try:
            async with self._waits.within(self._patience.left_s):
                chunk = await anext(self._source, b"")
        except TimeoutError as error:
            raise UploadRefusedError(408, "the upload came too slowly and was dropped") from error
        self._patience.spend(self._clock() - began_s, len(chunk))
        return chunk


class Intake:
    """The uploads of one process."""

    def __init__(self, limits: WebLimits) -> None:
        self._limits = limits
        self._slots = asyncio.Semaphore(limits.upload_slots)
        self._waits = Waits()
        self._ending: asyncio.TimerHandle | None = None

    def body(self, source: AsyncIterator[bytes]) -> UploadBody:
        """The body of one upload."""
        limits = self._limits
        return UploadBody(
            source, Patience(limits.upload_patience_s, limits.upload_min_bytes_per_s), self._waits
        )

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """A place among the uploads in progress; who asked first is served first.

        Raises:
            UploadRefusedError: 503, none became free in time, or the server is being stopped.
        """
        limits = self._limits
        try:
            async with self._waits.within(limits.upload_wait_s):
                await self._slots.acquire()
        except TimeoutError as error:
            raise UploadRefusedError(
                503,
                f"{limits.upload_slots} uploads are in progress, and none ended within "
                f"{limits.upload_wait_s:g} s: try again later",
                RETRY_AFTER_S,
            ) from error
        try:
            yield
        finally:
            self._slots.release()

    def end(self) -> None:
        """The process has been told to stop: what is half sent has half of its time to come to an end."""
        if self._ending is None:
            loop = asyncio.get_running_loop()
            self._ending = loop.call_later(self._limits.stop_s / 2, self._waits.end)
