"""The suite: matrix -> load -> [deployment] -> measure -> judge -> report."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - in words, before a module that an older one cannot read
    _HAS = ".".join(map(str, sys.version_info[:2]))
    raise SystemExit(f"perf: Python 3.11 or newer is needed; this is {_HAS}")
