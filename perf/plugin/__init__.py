"""The pytest plugin of the suite: options, markers, which cases run, one fixture that runs them, the end.

Wiring only. Load it as ``perf.plugin``; its hooks for others are in perf.plugin.hooks.
"""

pytest_plugins = [
    "perf.plugin.collection",
    "perf.plugin.comparing",
    "perf.plugin.running",
    "perf.plugin.summary",
    "perf.plugin.envelopes",
    "perf.plugin.hints",
    "perf.plugin.slot",
    "perf.plugin.slots",
]
