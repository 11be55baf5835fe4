"""The maker of reports, imported where one is made: what it draws with takes a second, and may be absent."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from perf.cases.errors import UsageError

if TYPE_CHECKING:
    from perf.report.regenerate import Made


def report_maker() -> Callable[..., Made]:
    """perf.report.regenerate.make_report.

    Raises:
        UsageError: what it needs is not installed.
    """
    try:
        from perf.report.regenerate import make_report  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise UsageError(
            f"a report needs {error.name}, which is not installed: pip install matplotlib allure-pytest"
        ) from error
    return make_report
