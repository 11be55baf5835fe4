"""What pytest loads wherever the suite is installed: next to nothing, until a conftest.py answers its hooks.

So in a suite that measures nothing there is no option, no table and no import of ours.
"""

from __future__ import annotations

from collections.abc import Generator

import pytest

#: Whoever answers one of these has cases to run.
_ANSWERS = ("pytest_perf_deployment", "pytest_perf_kinds")


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None]:
    """Load the plugin itself after the conftest.py files that want it, and before options are read."""
    yield
    plugins = early_config.pluginmanager
    if any(hasattr(each, name) for each in plugins.get_plugins() for name in _ANSWERS):
        plugins.import_plugin("perf.plugin")  # which does nothing where it is there already
