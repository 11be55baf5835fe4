"""Calls of AWS that are tried again for a stated time, instead of a number of times.

boto3's standard mode makes four tries with random pauses from 0 on: all four may fall into an outage of
half a second, and of a service that is silent each takes a whole timeout. And its clients stop trying when
many calls have failed, which is when an outage ends (botocore's retry quota).
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from typing import Any

from botocore.client import BaseClient
from botocore.exceptions import ConnectionError as NoConnectionError
from botocore.exceptions import HTTPClientError

from app import pauses

FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 2.0

#: Refusals that pass, beside every 5xx and 429; S3 and SQS say most of these with 400 or 403.
_PASSING = {
    "RequestThrottled", "Throttling", "ThrottlingException", "ThrottledException", "RequestLimitExceeded",
    "TooManyRequestsException", "RequestTimeout", "RequestTimeoutException", "SlowDown",
    "BandwidthLimitExceeded",
}  # fmt: skip
_BEGAN = "began_s"


class RetryFor:
    """A handler of botocore's events that has a call tried again for *seconds*."""

    def __init__(
        self,
        seconds: float,
        clock: Callable[[], float] = time.monotonic,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._seconds = seconds
        self._clock = clock
        self._draw = draw

    def begin(self, context: dict[str, Any], **_: Any) -> None:
        """Before the first try."""
        context[_BEGAN] = self._clock()

    def pause_s(
        self,
        attempts: int,
        request_dict: Mapping[str, Any],
        response: tuple[Any, Mapping[str, Any]] | None = None,
        caught_exception: Exception | None = None,
        **_: Any,
    ) -> float | None:
        """After each try: the pause before the next one, or None where there is none."""
        if not _may_pass(response, caught_exception):
            return None
        pause_s = pauses.pause_s(attempts, FIRST_PAUSE_S, LONGEST_PAUSE_S, self._draw)
        began_s: float = request_dict["context"][_BEGAN]
        return pause_s if self._clock() + pause_s <= began_s + self._seconds else None


def retry(client: BaseClient, seconds: float) -> None:
    """Have the calls of *client*, which should make one try of its own, tried again for so long."""
    handler = RetryFor(seconds)
    client.meta.events.register("before-call", handler.begin)
    # The types say that handlers answer nothing; of this event botocore heeds what they answer.
    client.meta.events.register("needs-retry", handler.pause_s)  # type: ignore[arg-type]


def _may_pass(response: tuple[Any, Mapping[str, Any]] | None, error: Exception | None) -> bool:
    if response is None:
        return isinstance(error, HTTPClientError | NoConnectionError)
    http, parsed = response
    status: int = http.status_code
    return status >= 500 or status == 429 or parsed.get("Error", {}).get("Code") in _PASSING
