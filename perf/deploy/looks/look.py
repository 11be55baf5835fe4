"""How parts are looked at: all at once, and whatever one of them answers is a finding."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain

from perf.deploy.faults import first_line
from perf.deploy.remedies import remedy
from perf.pipeline import Finding, Weight

#: How SQLAlchemy begins what the driver said.
_DRIVER = re.compile(r"^\(psycopg2\.\w+\) ")
#: How botocore ends what a client said that tries again by a clock of its own.
_RETRIES = " (reached max retries: 0)"
#: A look at a part: its findings, as far as it comes.
Look = Callable[[], Iterator[Finding]]


def note(part: str, text: str) -> Finding:
    """Not as one would have it; a run begins all the same."""
    return Finding(part, text, Weight.NOTE)


def wrong(part: str, text: str) -> Finding:
    """A run does not begin."""
    return Finding(part, text, Weight.WRONG)


def is_wrong(findings: Iterable[Finding]) -> bool:
    """Whether one of them keeps a run from beginning."""
    return any(each.weight is Weight.WRONG for each in findings)


def looked(looks: Mapping[str, Look], secret: str | None = None) -> list[Finding]:
    """The findings of all parts, in their order. An address where nobody answers takes seconds: all at once.

    Args:
        looks: by the names of the parts.
        secret: what no line may tell.
    """

    def one(part: str) -> Sequence[Finding]:
        found: list[Finding] = []
        try:
            # not extended by the iterator itself: what was found before it broke counts
            for each in looks[part]():
                found.append(each)  # noqa: PERF402
        except Exception as error:  # whatever is wrong out there is what was looked for
            found.append(wrong(part, _one_line(error, secret)))
        return found

    with ThreadPoolExecutor(max(1, len(looks)), "look") as hands:
        return list(chain.from_iterable(hands.map(one, looks)))


def _one_line(error: Exception, secret: str | None) -> str:
    line, right = first_line(error, secret), remedy(error)
    if isinstance(error, (KeyError, TypeError, AttributeError)):  # boto3's answer lacks what AWS's has
        line, right = f"what answers there makes no sense: {line}", "is it the right endpoint?"
    line = _DRIVER.sub("", line).replace(_RETRIES, "")
    return f"{line}; {right}" if right else line
