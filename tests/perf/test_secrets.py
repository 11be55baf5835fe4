"""No secret of the shell gets into a file, whatever brought it along."""

from __future__ import annotations

import pytest

from perf.store.secrets import without_secrets

ENVIRON = {
    "AWS_SECRET_ACCESS_KEY": 'wJalrXUtn"FEMI/K7MDENG',
    "API_TOKEN": "tok-4711-tok",
    "DATABASE_URL": "postgresql+psycopg2://perf:s3cr3t-pw@db.example.com/videos",
    "PERF_OTHER": "https://me:p%40ss-w0rd@example.com/",
    "PGPASSWORD": "postgres",
    "HOME": "/home/me",
}


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ('key wJalrXUtn"FEMI/K7MDENG.', "key ***."),
        ('{"key": "wJalrXUtn\\"FEMI/K7MDENG"}', '{"key": "***"}'),
        ("Bearer tok-4711-tok", "Bearer ***"),
        ("password s3cr3t-pw refused", "password *** refused"),
        ("p@ss-w0rd or p%40ss-w0rd", "*** or ***"),
        (
            "cannot connect to postgresql://perf:short@db/videos",
            "cannot connect to postgresql://perf:***@db/videos",
        ),
        ("postgres runs at /home/me", "postgres runs at /home/me"),
        ("50MB-c1 12:30:59 a@b https://example.com:80/x", "50MB-c1 12:30:59 a@b https://example.com:80/x"),
    ],
)
def test_secrets_are_hidden_and_nothing_else(text: str, hidden: str) -> None:
    assert without_secrets(text, ENVIRON) == hidden
