"""Whatever breaks under a case reaches pytest, JUnit and Allure as one line without a secret."""

from __future__ import annotations

import sysconfig
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType

import pytest

from perf.cases.errors import HarnessError, PerfError
from perf.store.files import replace
from perf.store.secrets import without_secrets

#: Where the suite lies, and what is installed: a function elsewhere is that of an adapter.
_NOT_THEIRS = (
    Path(__file__).parents[1],
    *(Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib", "purelib", "platlib")),
)


@contextmanager
def one_line(trace: Path | None) -> Iterator[None]:
    """An error of the block leaves it in its own words, what it came from cut off.

    pytest prints the arguments of every function that an error passed, and Allure what it says: neither may
    see the error of an engine, whose text and arguments may hold a password.

    Args:
        trace: the file that gets the traceback of what was not foreseen.

    Raises:
        PerfError: the same error, its secrets hidden.
        HarnessError: in place of one that nobody foresaw.
    """
    try:
        yield
    except KeyboardInterrupt:
        raise
    except pytest.exit.Exception as error:
        raise error from None
    except PerfError as error:
        raise type(error)(without_secrets(str(error))) from None
    except BaseException as error:  # one that was cancelled, and a test's fail() or skip(), are no Exception
        said = next(iter(str(error).splitlines()), "")
        where = ""
        if trace is not None:
            with suppress(OSError):  # a full disk may be what broke it
                replace(trace, traceback.format_exc())
                where = f"; its traceback: {trace}"
        raise HarnessError(
            without_secrets(f"{_who(error.__traceback__)} broke: {type(error).__name__}: {said}{where}")
        ) from None


def _who(trace: TracebackType | None) -> str:
    """The innermost function of an adapter, or of what else is a user's own, in the trace; else the suite."""
    for frame in reversed(traceback.extract_tb(trace)[2:]):  # beneath one_line and its block
        file = Path(frame.filename)
        if file.is_file() and not any(file.is_relative_to(place) for place in _NOT_THEIRS):
            return f"{frame.name}() in {file.name}, line {frame.lineno},"
    return "the suite"
