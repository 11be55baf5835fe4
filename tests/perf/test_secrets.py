"""No secret of the shell gets into a file, whatever brought it along."""

from __future__ import annotations

from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable

import pytest

from perf.store.secrets import without_secrets

ENVIRON = {
    "AWS_SECRET_ACCESS_KEY": 'wJalrXUtn"FEMI/K7MDENG',
    "API_TOKEN": "tok-4711-tok",
    "DATABASE_URL": "postgresql+psycopg2://perf:s3cr3t-pw@db.example.com/videos",
    "PERF_OTHER": "https://me:p%40ss-w0rd@example.com/",
    "PGPASSWORD": "postgres",
    "AWS_SESSION_TOKEN": "tOk/en+1&<2>==",
    "CLIP_URL": "https://b.example.com/a?X-Amz-Date=1&X-Amz-Signature=0123abcd4567",
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
        ("tOk%2Fen%2B1%26%3C2%3E%3D%3D, tOk/en%2b1%26%3c2%3e%3d%3d", "***, ***"),
        ("<b>tOk/en+1&amp;&lt;2&gt;==</b>", "<b>***</b>"),
        ("https://o/k?X-Amz-Signature=77ab&x=1", "https://o/k?X-Amz-Signature=***&x=1"),
        ("?next=o%3FX-Amz-Security-Token%3D77ab%26x%3D1", "?next=o%3FX-Amz-Security-Token%3D***%26x%3D1"),
        ("signed with 0123abcd4567", "signed with ***"),
        ("postgres runs at /home/me", "postgres runs at /home/me"),
        ("50MB-c1 12:30:59 a@b https://example.com:80/x", "50MB-c1 12:30:59 a@b https://example.com:80/x"),
    ],
)
def test_secrets_are_hidden_and_nothing_else(text: str, hidden: str) -> None:
    assert without_secrets(text, ENVIRON) == hidden


@pytest.mark.parametrize("before", ["", "u", "u:", "u:x"])
@pytest.mark.parametrize("encode", [b64encode, urlsafe_b64encode])
def test_base64_tells_none_wherever_it_stands_in_it(before: str, encode: Callable[[bytes], bytes]) -> None:
    for secret in (ENVIRON["AWS_SECRET_ACCESS_KEY"], ENVIRON["AWS_SESSION_TOKEN"], "s3cr3t-pw", "p@ss-w0rd"):
        written = encode(f"{before}{secret}:after".encode()).decode()
        hidden = without_secrets(f"Basic {written}.", ENVIRON)
        assert "***" in hidden
        assert len(hidden.replace("***", "")) <= len(f"Basic {written}.") - len(secret)
