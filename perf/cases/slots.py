"""Slots: the deployments on which one run measures cells side by side, and what sets them apart.

A TOML file with a table for each, of the variables by which its deployment differs from the environment:

    [blue]
    DATABASE_URL = "postgresql://USER:PASSWORD@HOST:PORT/NAME"
    SQS_QUEUE_NAME = "jobs-blue"
    PERF_API_URL = "https://blue.example.com"
    PERF_WORKERS = "ecs:video/worker-blue"
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from itertools import combinations
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from perf.cases.cloudwatch import VARIABLES
from perf.cases.errors import UsageError
from perf.cases.toml_tables import read_tables

#: What deployments are known to be named or set by. Other names are for the user's own commands...
KNOWN = (
    *("DATABASE_URL", "SQS_QUEUE_NAME", "AWS_S3_BUCKET", "S3_UPLOAD_PREFIX", "S3_PROCESSED_PREFIX"),
    *("S3_DELETE_ORIGINAL", "STORAGE_BACKEND", "API_TOKEN", "AWS_REGION", "AWS_PROFILE", "AWS_ROLE_ARN"),
    *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_CA_BUNDLE", "SSL_CERT_FILE"),
    *("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SQS", "AWS_ENDPOINT_URL_S3"),
    *("PERF_API_URL", "PERF_WORKERS", "PERF_WORKER_COMMAND", "PERF_NODE_TYPE", "PERF_NODE_PRICE", *VARIABLES),
)
#: ... unless they are as near as this to one that is known: those are slips of the hand.
_SLIP = 0.85
_Shell = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Slot:
    """One deployment of several.

    Attributes:
        name: what lines and documents call it.
        variables: by which it differs from the environment. They may hold secrets, so no repr shows them.
    """

    name: str
    variables: Mapping[str, str] = field(repr=False)


def read_slots(path: Path) -> tuple[Slot, ...]:
    """The slots of a file, in its order.

    Raises:
        UsageError: one line with the file and what is wrong in it; no value is told.
    """
    document = read_tables(path, "slot", "blue", told=f"--slots {path}")
    return tuple(_slot(path, name, table) for name, table in document.items())


def _slot(path: Path, name: str, table: Any) -> Slot:
    if not re.fullmatch(r"[A-Za-z0-9][\w-]*", name):
        raise UsageError(f"--slots {path}: [{name}]: not a name; expected letters, digits, - and _")
    if not isinstance(table, Mapping):
        raise UsageError(f"--slots {path}: {name}: expected a table [{name}] of variables")
    for key, value in table.items():
        if meant := _meant(key):
            raise UsageError(f"--slots {path}: [{name}]: unknown variable {key}{meant}")
        if not isinstance(value, str):
            raise UsageError(f'--slots {path}: [{name}]: {key} is no text; expected {key} = "..."')
        if not value.isprintable():
            raise UsageError(f"--slots {path}: [{name}]: {key} has a character that no variable has")
    return Slot(name, dict(table))


def _meant(key: str) -> str:
    """What is wrong with the name of a variable; nothing where it may be one."""
    if key in KNOWN:
        return ""
    if close := get_close_matches(key.upper(), KNOWN, n=1, cutoff=_SLIP):
        return f"; did you mean {close[0]!r}?"
    return "" if re.fullmatch(r"[A-Za-z_]\w*", key) else "; expected the name of a variable"


def require_apart(shells: Mapping[str, _Shell]) -> None:
    """See to it that no two slots have a part in common, by all variables of each.

    Raises:
        UsageError: which part of which two, and the variable that names it.
    """
    for (one, mine), (other, theirs) in combinations(shells.items(), 2):
        for variable, part in _PARTS.items():
            own = part(mine) if mine.get(variable) else None
            if own is not None and theirs.get(variable) and own == part(theirs):
                raise UsageError(
                    f"slots {one} and {other} have the same {variable}: they would measure each other; "
                    "give each a deployment of its own"
                )


def _account(shell: _Shell) -> Sequence[str | None]:
    """As far as variables tell whose names they are: those of two accounts may be alike."""
    return [shell.get(name) for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_ROLE_ARN", "AWS_REGION")]


def _database(shell: _Shell) -> object:
    """Where it is, whoever asks; None of what is no URL: that is told when the slot is looked at."""
    try:
        address = urlsplit(shell["DATABASE_URL"])
    except ValueError:
        return None
    place = address.netloc.rpartition("@")[2].lower()
    return place if ":" in place else f"{place}:5432", address.path


def _queue(shell: _Shell) -> object:
    endpoint = shell.get("AWS_ENDPOINT_URL_SQS") or shell.get("AWS_ENDPOINT_URL")
    return shell["SQS_QUEUE_NAME"], endpoint, _account(shell)


def _folder(shell: _Shell) -> object:
    """Where the suite's objects lie: under the queue's name, so a bucket alone may be that of several."""
    return [shell.get(name) for name in ("AWS_S3_BUCKET", "S3_UPLOAD_PREFIX", "SQS_QUEUE_NAME")]


def _fleet(shell: _Shell) -> object:
    """None of a command: it may go by other variables."""
    value = shell["PERF_WORKERS"]
    return None if value.startswith("command:") else (value, _account(shell))


#: What is each slot's own, by the variable that names it.
_PARTS: Mapping[str, Callable[[_Shell], object]] = {
    "DATABASE_URL": _database,
    "SQS_QUEUE_NAME": _queue,
    "AWS_S3_BUCKET": _folder,
    "PERF_API_URL": lambda shell: shell["PERF_API_URL"].rstrip("/"),
    "PERF_WORKERS": _fleet,
}
