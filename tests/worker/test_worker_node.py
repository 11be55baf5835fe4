"""A worker tells its node by a name of its own, the host's unless it is given one."""

from __future__ import annotations

import socket

import pytest
from pydantic import ValidationError

from worker.settings import WorkerSettings


def test_a_node_is_its_host_unless_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORKER_NODE", raising=False)
    assert WorkerSettings().worker_node == socket.gethostname()
    monkeypatch.setenv("WORKER_NODE", "node2")
    assert WorkerSettings().worker_node == "node2"


@pytest.mark.parametrize("name", ["", "a/b", "a b"])
def test_a_name_that_would_make_no_row_readable_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("WORKER_NODE", name)
    with pytest.raises(ValidationError, match="worker_node"):
        WorkerSettings()
