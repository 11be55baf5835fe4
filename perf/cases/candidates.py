"""What a run is compared with, where it is: the options of it. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from packaging.version import InvalidVersion, Version

from perf.cases.errors import UsageError
from perf.cases.options import Option, items, text


def _package(flag: str, item: str) -> str:
    name, _, version = item.partition("==")
    try:
        Version(version)
    except InvalidVersion:
        name = ""
    if not re.fullmatch(r"[A-Za-z0-9][\w.-]*", name):
        raise UsageError(f"{flag} {item}: not a package and its version; expected e.g. kombu==5.6.2")
    return item


AGAINST = Option(
    "against",
    "compare the workers here with those of this commit, branch or tag, both in turns in the same run",
    text,
)
AGAINST_PACKAGE = Option(
    "against-package",
    "compare the workers here with the same in an environment that has this package, e.g. kombu==5.6.2",
    items(_package),
)


def compares(options: Mapping[str, Any]) -> bool:
    """Whether the run compares two sides: then it has the cases that do, and no others of workers or web."""
    return bool(options.get(AGAINST.name) or options.get(AGAINST_PACKAGE.name))
