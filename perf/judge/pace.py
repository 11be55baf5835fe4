"""What the order and the pace of the completions make of a mean response. Pure.

N tasks arrive at 0, g, 2 g, ... (g = 0: all at once); the last completion is at T = N / X. The mean response
is (sum of the completions - sum of the arrivals) / N, whatever completes in whatever order: the area between
the two curves over N, which is Little's law (Denning and Buzen, "The Operational Analysis of Queueing Network
Models", Computing Surveys 10 (1978) 225-261). The sum of the arrivals is known, g N (N - 1) / 2; so what is
known of the completions bounds the mean, and nothing else does:

    any order      a completion is not before its arrival nor after T, and one is at T. The sum is least where
                   the last arrival completes at T and each other as it arrives, and most where all are at T:
                       (T - (N - 1) g) / N  <=  mean  <=  T - (N - 1) g / 2        (at once: T / N and T)
    even pace      the k-th completion is at k T / N:
                       mean = T (N + 1) / (2 N) - (N - 1) g / 2
    a second half  the first m = N // 2 completions are d apart and the other n = N - m are k d, so that
    slower by k    T = d (m + k n). With A = m (m + 1) / 2 + m n, B = n (n + 1) / 2 and f = the sum of the
                   completions / T = (A + k B) / (m + k n):
                       k = (A - f m) / (f n - B)
                   which exists where B / n < f < A / m (at once: a mean of T / 4 to 3 T / 4), and where the
                   m-th completion is not before the m-th arrival.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pace:
    """A run of which only this is known.

    Attributes:
        count: N, the tasks, all of which were done.
        makespan_s: T, from the first arrival to the last completion.
        gap_s: g, between two arrivals; 0 where all come at once.
    """

    count: int
    makespan_s: float
    gap_s: float = 0.0

    @property
    def last_arrival_s(self) -> float:
        """(N - 1) g."""
        return (self.count - 1) * self.gap_s

    @property
    def too_short(self) -> bool:
        """Whether the last task would have completed before it came."""
        return self.makespan_s < self.last_arrival_s

    @property
    def least_s(self) -> float:
        """The least mean response that an order of completions can give."""
        return max(0.0, self.makespan_s - self.last_arrival_s) / self.count

    @property
    def most_s(self) -> float:
        """The greatest one."""
        return self.makespan_s - self.last_arrival_s / 2

    @property
    def even_s(self) -> float:
        """That of evenly spaced completions."""
        return self.makespan_s * (self.count + 1) / (2 * self.count) - self.last_arrival_s / 2

    def slowdown(self, mean_s: float) -> float | None:
        """k, by how much slower a second half explains a mean; below 1: faster. None: none does."""
        first, second = self.count // 2, self.count - self.count // 2
        total = self._completions(mean_s) / self.makespan_s
        above = first * (first + 1) / 2 + first * second - total * first
        below = total * second - second * (second + 1) / 2
        if not first or above <= 0 or below <= 0:
            return None
        k = above / below
        reached_s = first * self.makespan_s / (first + k * second)
        return k if reached_s >= (first - 1) * self.gap_s else None

    def as_they_came(self, mean_s: float) -> int:
        """How many, done as soon as they came and the rest evenly spaced, give a mean that is so low.

        Their sum falls by (T - (N - 1) g) / 2 with each one more.
        """
        each = (self.makespan_s - self.last_arrival_s) / 2
        if each <= 0:
            return self.count - 1
        more = math.ceil((self._early(1) - self._completions(mean_s)) / each - 1e-9)
        return min(max(1, 1 + more), max(1, self.count - 1))

    def at_the_end(self, mean_s: float) -> int:
        """How many, done only at T and the rest evenly spaced before, give a mean that is so high.

        The completions of j at T and of the others at T / (N - j + 1), 2 T / (N - j + 1), ... add up to
        T (N + j) / 2.
        """
        wanted = 2 * self._completions(mean_s) / self.makespan_s - self.count
        return min(self.count, max(1, math.ceil(wanted - 1e-9)))

    def _completions(self, mean_s: float) -> float:
        """The sum of the completions that have such a mean response."""
        return self.count * (mean_s + self.last_arrival_s / 2)

    def _early(self, done: int) -> float:
        """The sum of the completions where so many are done as they come and the rest at an even pace."""
        rest, since_s = self.count - done, (done - 1) * self.gap_s
        return done * since_s / 2 + rest * since_s + (self.makespan_s - since_s) * (rest + 1) / 2
