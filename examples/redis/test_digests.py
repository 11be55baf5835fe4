"""What the digests' workers carry, in a burst and sustained."""

from __future__ import annotations

from perf.judge.verdict import raise_unless_pass


def test_digests(case, run_case):
    """Each case to its verdict."""
    raise_unless_pass(run_case(case).verdict)


def test_digests_against(comparison, run_case):
    """With --against COMMIT: the workers here and those of the commit, in turns."""
    raise_unless_pass(run_case(comparison).verdict)
