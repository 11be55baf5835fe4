"""Images are built only where they are asked for: `pytest -m images tests/deploy`."""

from __future__ import annotations

import pytest


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "images: builds the images of deploy/ with buildah; minutes")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if "images" in config.option.markexpr:
        return
    built = [item for item in items if item.get_closest_marker("images")]
    if built:
        config.hook.pytest_deselected(items=built)
        items[:] = [item for item in items if item not in built]
