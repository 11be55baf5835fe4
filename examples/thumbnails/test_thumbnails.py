"""What the thumbnails' workers carry, in a burst and sustained."""

from __future__ import annotations

from perf.judge.verdict import raise_unless_pass


def test_thumbnails(case, run_case):
    """Each case to its verdict."""
    raise_unless_pass(run_case(case).verdict)
