"""Whether the parts behind the web tier answer: asked rarely, waited for shortly, never queued up."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future

#: How old an answer may be. However many ask, each part is asked once in this time.
TTL_S = 1.0
#: How long a part may take. It is then reported as not answering, and not asked again until it has.
PART_TIMEOUT_S = 2.0

_log = logging.getLogger(__name__)

Check = Callable[[], None]


class Health:
    """The state of each part, by name.

    Args:
        checks: for each part a cheap blocking question that raises when the part is not well.
        clock: seconds, monotonic.
    """

    def __init__(self, checks: Mapping[str, Check], clock: Callable[[], float] = time.monotonic) -> None:
        self._checks = dict(checks)
        self._clock = clock
        self._running: dict[str, Future[str]] = {}
        self._lock = asyncio.Lock()
        self._asked_at = float("-inf")
        self._answer: dict[str, str] = {}

    async def answer(self) -> dict[str, str]:
        """``ok`` or the reason why not, for each part; at most TTL_S old, in about PART_TIMEOUT_S."""
        async with self._lock:
            if self._clock() - self._asked_at >= TTL_S:
                states = await asyncio.gather(*(self._ask(part) for part in self._checks))
                self._answer = dict(zip(self._checks, states, strict=True))
                self._asked_at = self._clock()
            return self._answer

    async def _ask(self, part: str) -> str:
        running = self._running.get(part)
        if running is None or running.done():
            running = self._running[part] = _in_thread(part, self._checks[part])
        try:
            return await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(running)), PART_TIMEOUT_S)
        except TimeoutError:
            return f"no answer within {PART_TIMEOUT_S:g} s"


def _in_thread(part: str, check: Check) -> Future[str]:
    """Run *check* in a thread of its own, which a part that hangs can neither block nor keep alive."""
    future: Future[str] = Future()

    def run() -> None:
        try:
            check()
        except Exception as error:
            _log.warning("%s is not well: %s", part, error)
            future.set_result(type(error).__name__)
        else:
            future.set_result("ok")

    threading.Thread(target=run, name="health", daemon=True).start()
    return future
