"""Why cases did not pass: each reason once, however many cases have it. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from perf.judge.verdict import VerdictKind
from perf.store.result import Result

#: So many cases are named.
_NAMED = 3


def reasons(results: Sequence[Result]) -> list[str]:
    """A line for each check that found something and each broken objective, in the words of the first."""
    by_reason: dict[tuple[str, int], list[tuple[str, str]]] = {}
    for result in results:
        times: Counter[str] = Counter()  # a check may find several things in one case
        for reason, text in _of(result):
            by_reason.setdefault((reason, times[reason]), []).append((result.case.id, text))
            times[reason] += 1
    return [_line(found) for found in by_reason.values()]


def _of(result: Result) -> Iterator[tuple[str, str]]:
    """Of one case: what makes reasons the same, and the words."""
    verdict = result.verdict
    for problem in verdict.problems:
        yield problem.check or problem.reason, f"{VerdictKind.INVALID} {problem}"
    if not verdict.problems:
        for each in verdict.results:
            if each.kind is not VerdictKind.PASS:
                yield f"{each.kind} {each.slo}", str(each)


def _line(found: Sequence[tuple[str, str]]) -> str:
    first, text = found[0]
    if len(found) == 1:
        return f"{first}: {text}"
    names = ", ".join(name for name, _ in found[:_NAMED])
    more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    return f"{len(found)} cases ({names}{more}), the first: {text}"
