"""Pauses between tries: doubled up to a cap, and spread, as many who met one outage shall not ask at once."""

from __future__ import annotations

import random
from collections.abc import Callable
from math import ldexp

#: Of doublings: whatever the cap is, it is reached before.
_MOST = 16


def pause_s(tries: int, first_s: float, longest_s: float, draw: Callable[[], float] = random.random) -> float:
    """Seconds to wait after so many tries, at least half of what they would be if nothing were drawn.

    Args:
        tries: from 1 on.
        first_s: after the first one, at most.
        longest_s: after any.
        draw: numbers from 0 to 1.
    """
    return min(ldexp(first_s, min(tries - 1, _MOST)), longest_s) * (1 + draw()) / 2
