"""The raw requests of a load, as each generator writes them while it runs: a JSON line each.

The first line says who writes and since when, the last how it went: a log without one was cut short.
Between them stand the arrivals: ``[endpoint, scheduled, sent, ended, status, error, video]``; instants in
Unix seconds by the generator's clock, None where it did not come to that: an arrival that was dropped was
never sent, a request that is outstanding never ended.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, NamedTuple

from perf.cases.errors import HarnessError


class Request(NamedTuple):
    """One arrival and what became of it."""

    endpoint: str
    scheduled_s: float
    sent_s: float | None
    ended_s: float | None
    #: HTTP status; 0 where there was no answer.
    status: int
    error: str | None = None
    #: The id of the video that an upload made.
    video_id: str | None = None


@dataclass(frozen=True, slots=True)
class Begin:
    """The first line: the generator's number, and when its load began (Unix s)."""

    generator: int
    started_s: float


@dataclass(frozen=True, slots=True)
class Totals:
    """The last line: what the generator counted as it went, apart from the rows, and how it fared.

    Attributes:
        due: arrivals that were due.
        sent: requests sent.
        dropped: arrivals that were not sent, since too many requests were outstanding.
        ended: requests answered or failed.
        ended_s: when the last answer had come, or was no longer waited for (Unix s).
        cpu_s: processor time of the process while requests were sent.
        loaded_s: how long that was.
        lag_s: by how much its event loop came late, ten times a second.
    """

    due: int
    sent: int
    dropped: int
    ended: int
    ended_s: float
    cpu_s: float
    loaded_s: float
    lag_s: tuple[float, ...]


class RequestLog:
    """Writes the log of one generator."""

    def __init__(self, path: Path, begin: Begin) -> None:
        self._file: IO[str] = path.open("x", encoding="utf-8", buffering=1 << 16)
        self._write(asdict(begin))

    def add(self, request: Request) -> None:
        """Write one arrival; buffered."""
        self._write(request)

    def flush(self) -> None:
        """Hand what is buffered to the system: a crash loses what came after."""
        self._file.flush()

    def close(self, totals: Totals) -> None:
        """Write the last line."""
        self._write(asdict(totals))
        self._file.close()

    def _write(self, line: object) -> None:
        self._file.write(json.dumps(line, separators=(",", ":")) + "\n")


@dataclass(frozen=True, slots=True)
class GeneratorLog:
    """One generator's log, read back; *totals* is None when it was cut short."""

    begin: Begin
    requests: tuple[Request, ...]
    totals: Totals | None


def read_logs(paths: Sequence[Path]) -> tuple[GeneratorLog, ...]:
    """The logs of all generators of one load.

    Raises:
        HarnessError: there is none, or one is not a log of requests.
    """
    if not paths:
        raise HarnessError("the load left no log of requests; see Locust's own log beside it")
    return tuple(_read(path) for path in sorted(paths))


def made_by(logs: Sequence[GeneratorLog]) -> set[str]:
    """The ids of what the uploads of a load have made, as far as they were answered."""
    return {row.video_id for log in logs for row in log.requests if row.video_id}


def uploads_in(folder: Path) -> set[str]:
    """The same of the logs in a folder, however the load ended: it may have been killed as it began."""
    return made_by([_read(path) for path in folder.glob("*.jsonl") if path.read_bytes().count(b"\n")])


def _read(path: Path) -> GeneratorLog:
    """One log. A last line that a crash cut short is left out."""
    lines = path.read_text(encoding="utf-8").split("\n")[:-1]
    try:
        head, *rows = [json.loads(line) for line in lines]
        totals = rows.pop() if rows and isinstance(rows[-1], dict) else None
        return GeneratorLog(
            Begin(**head),
            tuple(Request(*row) for row in rows),
            Totals(**{**totals, "lag_s": tuple(totals["lag_s"])}) if totals else None,
        )
    except (ValueError, TypeError, KeyError) as error:
        raise HarnessError(f"{path}: not a log of requests: {error!r}; give one that Locust wrote") from error
