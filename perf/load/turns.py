"""Which side's block comes first in each pair. Pure."""

from __future__ import annotations

import random
from collections.abc import Iterator

HERE, AGAINST = "here", "against"


def turns(seed: int, name: str) -> Iterator[tuple[str, str]]:
    """The order of the blocks of each pair: ABBA or BAAB for every two pairs, by chance.

    Two pairs in turn cancel what drifts evenly; which of them is first is drawn, so that nothing periodic
    on the machine falls in step with the order.

    Args:
        seed: the run's.
        name: the case's, so that each has an order of its own, whatever runs before it.
    """
    chance = random.Random(f"{seed} {name}")  # noqa: S311 - an order, not a secret
    while True:
        one, other = (HERE, AGAINST) if chance.random() < 0.5 else (AGAINST, HERE)
        yield one, other
        yield other, one
