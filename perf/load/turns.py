"""Which side's block comes first in each pair. Pure."""

from __future__ import annotations

import random
from collections.abc import Iterator

HERE, AGAINST = "here", "against"


def turns(seed: int, name: str) -> Iterator[tuple[str, str]]:
    """The order of the blocks of each pair: a coin for each.

    Where both sides are the same, a pair's log ratio then is as likely above 0 as below it by as much,
    independently of all others and whatever the machine does meanwhile. Turns of ABBA would cancel an even
    drift as well, but other load whose period is that of two pairs falls in step with them: then ten times as
    many findings are false (tests/perf/order_table.py).

    Args:
        seed: the run's.
        name: the case's, so that each has an order of its own, whatever runs before it.
    """
    chance = random.Random(f"{seed} {name}")  # noqa: S311 - an order, not a secret
    while True:
        yield (HERE, AGAINST) if chance.random() < 0.5 else (AGAINST, HERE)
