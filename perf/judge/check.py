"""Named checks: looks at whether a measurement can be trusted. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

E = TypeVar("E")
E_contra = TypeVar("E_contra", contravariant=True)


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a measurement cannot be trusted, and what to do; and which check found it."""

    reason: str
    remedy: str
    check: str = ""

    def __str__(self) -> str:
        return f"{self.reason}; {self.remedy}"


@dataclass(frozen=True, slots=True)
class Check(Generic[E_contra]):
    """A look at the evidence that yields a Problem for each thing it finds.

    What was not seen (None) is not held against a measurement: some of it can be had on this machine only.

    Attributes:
        name: in few words, such as ``same workers``.
        look: does it.
    """

    name: str
    look: Callable[[E_contra], Iterator[Problem]]


def problems(checks: Iterable[Check[E]], evidence: E) -> tuple[Problem, ...]:
    """All that the checks find; nothing means that the measurement can be trusted.

    A check that cannot be made is a problem of its name, and no reason for the others not to be made.
    """
    return tuple(problem for check in checks for problem in _found(check, evidence))


def _found(check: Check[E], evidence: E) -> list[Problem]:
    try:
        return [replace(problem, check=check.name) for problem in check.look(evidence)]
    except Exception as error:  # whatever it is, it must not hide what the others find
        reason = f"the check {check.name!r} could not be made: {type(error).__name__}: {error}"
        return [Problem(reason, "this is a defect of the suite: report it with the case's JSON", check.name)]


_SHOWN = 3


def listed(names: list[str]) -> str:
    """The first few names: ``a, b, c, ...``."""
    return ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")


def tasks(ids: list[str]) -> str:
    """The number of tasks, and the first few by name: ``5 tasks (a, b, c, ...)``."""
    return f"{len(ids)} task{'s' if len(ids) > 1 else ''} ({listed(ids)})"
