"""A worker whose settings make no sense says so, once, and ends."""

from __future__ import annotations

import pytest

from app.settings import Settings
from worker.__main__ import main


@pytest.mark.parametrize("url", ["mysql://u:planted@h/x", "planted"])
def test_a_database_of_another_sort(
    url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = Settings(database_url=url, sqs_queue_name="q", storage_backend="local")
    monkeypatch.setattr("worker.__main__.get_settings", lambda: settings)
    with pytest.raises(SystemExit) as ended:
        main([])
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "DATABASE_URL is not the URL of a PostgreSQL database" in line
    assert "planted" not in line
