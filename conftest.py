"""The suite's own plugins, and nothing else."""

pytest_plugins = ["perf.plugin", "fixtures.plugin"]
