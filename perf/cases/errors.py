"""Every error of the suite's own, drawn here once.

PerfError
├── UsageError          a command line, environment, SLO file or path that makes no sense; before any load
├── HarnessError        a part of the suite broke: a process, a wait that ended, a send that was refused
└── CaseFailure
    ├── SloBroken       the verdict FAIL
    └── InvalidMeasurement   the verdict INVALID

A failed task is none of these: it is a record.
"""


class PerfError(Exception):
    """The root: anything the suite raises on purpose."""


class UsageError(PerfError):
    """What the user gave makes no sense. The message is one line: what was wrong, what would be right."""


class HarnessError(PerfError):
    """The suite could not do its work. The message says what was tried, why it failed, what to do."""


class CaseFailure(PerfError, AssertionError):  # noqa: N818 - a verdict, not an error of the code
    """A case that ended, whose verdict is not PASS."""


class SloBroken(CaseFailure):
    """FAIL: a service-level objective is broken."""


class InvalidMeasurement(CaseFailure):
    """INVALID: the measurement cannot be trusted."""
