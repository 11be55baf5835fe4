"""Benchmarks, each beside what one would do instead."""
