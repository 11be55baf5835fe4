"""Reads what the injector wrote: ``worker_tasks_*.log``."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from perf.cases.errors import UsageError
from perf.load.plan import Sent


def read_tasks_log(path: Path) -> list[Sent]:
    """The tasks of a log. A last line that a crash cut short is left out.

    Raises:
        UsageError: the file is absent or holds no task, or a line of it (named) is not a task.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot read the tasks log: {error}") from error
    sent = []
    for number, line in enumerate(lines, 1):
        try:
            sent.append(_sent(json.loads(line)))
        except (ValueError, TypeError, KeyError) as error:
            if not line.endswith("\n"):  # only the last can be without
                break
            raise UsageError(
                f"{path}:{number}: not a task of a worker_tasks_*.log; expected a JSON object with task_id, "
                "scheduled_s and sent_s"
            ) from error
    if not sent:
        raise UsageError(f"{path}: there is no task in it; give the worker_tasks_*.log of a run")
    return sent


def _sent(line: Mapping[str, Any]) -> Sent:
    sent_s = line["sent_s"]
    return Sent(
        str(line["task_id"]),
        _instant(line["scheduled_s"]),
        None if sent_s is None else _instant(sent_s),
        line.get("error"),
    )


def _instant(value: Any) -> float:
    instant = float(value)
    if not math.isfinite(instant):  # Python's JSON knows NaN and Infinity
        raise ValueError("an instant that is no number")
    return instant
