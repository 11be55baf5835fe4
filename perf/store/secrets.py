"""Keeps secrets out of every file that the suite writes, whatever message brought them along."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from urllib.parse import unquote

HIDDEN = "***"
_NAMED = re.compile(r"SECRET|TOKEN|PASSWORD|PASSWD|CREDENTIAL|ACCESS_KEY|API_KEY|PRIVATE_KEY", re.IGNORECASE)
#: `scheme://user:password@host`: the password, of whatever length; not what our own lines expect there.
_IN_URL = re.compile(r"(?<=://)(?!USER:PASSWORD@HOST)([^\s/:@\"']*):[^\s/@\"']+(?=@)")
_SHORTEST = 8


def without_secrets(text: str, environ: Mapping[str, str] = os.environ) -> str:
    """The text with every secret of this shell hidden.

    Secrets are what variables with such names hold (AWS keys, tokens, passwords), and passwords in URLs. A
    value of under 8 characters or of lower-case letters alone, such as `postgres`, is hidden in URLs only: it
    is a word that stands elsewhere with another meaning.
    """
    for secret in _values(environ):
        text = text.replace(secret, HIDDEN)
    return _IN_URL.sub(rf"\1:{HIDDEN}", text)


def is_secret(name: str, value: str) -> bool:
    """Whether a variable holds a secret: by its name, or a password in its URL."""
    return bool(_NAMED.search(name) or _IN_URL.search(value))


def _values(environ: Mapping[str, str]) -> Iterator[str]:
    """As they are, as URLs mean and as JSON writes them; the longest first, since one may hold another."""
    found = {value for name, value in environ.items() if _NAMED.search(name)}
    found |= {match[1] for value in environ.values() if (match := re.search(r"://[^/:@]*:([^/@]+)@", value))}
    found |= {unquote(each) for each in found}
    telling = {
        each for each in found if len(each) >= _SHORTEST and not re.fullmatch(r"[a-z]+|[\d.]+|/.*", each)
    }
    yield from sorted(telling | {json.dumps(each)[1:-1] for each in telling}, key=len, reverse=True)
