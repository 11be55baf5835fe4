"""`python -m perf`: see perf.cli.main."""

from __future__ import annotations

import os
import sys

from perf.cli.main import main

#: What a shell gives a program that SIGPIPE ended.
NOBODY_READS = 141


def _main() -> int:
    """Run one stage; end in silence where whoever read the output has gone, as `head` does."""
    try:
        try:
            return main()
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes once more
        return NOBODY_READS


if __name__ == "__main__":
    sys.exit(_main())
