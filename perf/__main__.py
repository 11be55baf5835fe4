"""`python -m perf`: see perf.cli.main."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from perf.cli.main import main
from perf.store.secrets import without_secrets

#: What a shell gives a program that SIGPIPE ended.
NOBODY_READS = 141


def _main() -> int:
    """Run one stage; what the machine refuses is a line, and where nobody reads on, as after `head`, none."""
    if sys.stdout is None:  # closed, as by >&-
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115 - until the end
    try:
        try:
            return main()
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        _drop_output()
        return NOBODY_READS
    except OSError as error:
        _drop_output()
        print(without_secrets(f"perf: {error}"), file=sys.stderr)
        return 1


def _drop_output() -> None:
    """Python flushes once more as it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(_main())
