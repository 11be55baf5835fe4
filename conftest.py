"""The suite's own plugins, and nothing else."""

pytest_plugins = ["fixtures.plugin", "perf.plugin", "perf.plugin_cases", "perf.plugin_capacity"]
